"""PLANTS: trainings with planted causes, each cause at several strengths, in own loaders and in scripts.

Loading waits where a plan needs more than the two cores. Batches take some 30 ms in a worker, so that an
epoch takes about half a second. Fetch, transforms and collate are the cause only where one more worker would
not hide them behind the step. Parts that compute are capped by the two cores. Workers stay between epochs
where their start isn't the cause, since no plan can say how long that takes. Nor can a plan say what workers
take that aren't forked, and what several threads of a step lose beside busy workers: it is measured first.
"""

from __future__ import annotations

from bench.analysis.explanation.explanation import Cause
from bench.validation.diagnosis.epoch_plan import EpochPlan
from bench.validation.diagnosis.plant import Plant
from bench.validation.diagnosis.truth import Truth

OF_THE_BODY = {Cause.TRANSFER: "a script moves its batches in its loop's body, so both are true of it"}
NOTHING_TO_GAIN = {Cause.BALANCED: "the step hides the loader, so either way there is nothing to gain"}
ALIKE = {Cause.STEP: "loader and step take as long as each other, so either way there is nothing to gain"}
START_OF_MANY = {Cause.START_UP: "the start of the many workers is what they cost"}

FETCH = (
    Plant(
        "fetch-wait", "2 workers wait 30 ms for a batch, a step of 3 ms",
        EpochPlan(fetch_ms=30, step_ms=3), Truth(Cause.FETCH),
    ),
    Plant(
        "fetch-wait-weak", "6 workers wait 72 ms for a batch, a step of 7 ms",
        EpochPlan(batches=48, num_workers=6, fetch_ms=72, step_ms=7), Truth(Cause.FETCH),
    ),
    Plant(
        "fetch-work", "2 workers compute 16 ms for a batch on 2 cores, a step of 2 ms that waits",
        EpochPlan(batches=48, fetch_ms=16, busy=True, step_ms=2), Truth(Cause.FETCH),
    ),
    Plant(
        "fetch-wait-script", "3 workers wait 36 ms for a batch, a body of 5 ms",
        EpochPlan(batches=40, num_workers=3, fetch_ms=36, step_ms=5), Truth(Cause.FETCH), is_script=True,
    ),
    Plant(
        "fetch-work-script", "2 workers compute 20 ms for a batch on 2 cores, a body of 6 ms that waits",
        EpochPlan(batches=40, fetch_ms=20, busy=True, step_ms=6), Truth(Cause.FETCH), is_script=True,
    ),
)  # fmt: skip
# The sampler runs in the training process, however many workers there are.
SAMPLER = (
    Plant(
        "sampler", "the sampler waits 10 ms to name a batch's samples, 2 workers 4 ms, a step of 4 ms",
        EpochPlan(batches=40, order_ms=10, fetch_ms=4, step_ms=4), Truth(Cause.FETCH, is_sampler=True),
    ),
    Plant(
        "sampler-alone", "the same without workers: 8 ms to name, 3 ms to fetch, a step of 4 ms",
        EpochPlan(batches=40, num_workers=0, persistent=False, order_ms=8, fetch_ms=3, step_ms=4),
        Truth(Cause.FETCH, is_sampler=True),
    ),
    Plant(
        "sampler-work-script", "the sampler computes 8 ms for a batch, 2 workers 3 ms, a body of 6 ms",
        EpochPlan(batches=48, busy=True, order_ms=8, fetch_ms=3, step_ms=6),
        Truth(Cause.FETCH, is_sampler=True), is_script=True,
    ),
)  # fmt: skip
TRANSFORM = (
    Plant(
        "transform-wait", "the third of four transforms waits 24 ms of 29 ms for a batch, a step of 3 ms",
        EpochPlan(fetch_ms=2, slow_transform=3, transform_ms=24, other_ms=1, step_ms=3),
        Truth(Cause.TRANSFORM),
    ),
    Plant(
        "transform-work", "the first of four computes 16 ms for a batch, a step of 2 ms that waits",
        EpochPlan(batches=48, busy=True, slow_transform=1, transform_ms=16, other_ms=0.4, step_ms=2),
        Truth(Cause.TRANSFORM),
    ),
    Plant(
        "transform-wait-script", "6 workers, the last of four transforms waits 68 of 72 ms, a body of 7 ms",
        EpochPlan(batches=48, num_workers=6, fetch_ms=1, slow_transform=4, transform_ms=68, other_ms=1,
                  step_ms=7),
        Truth(Cause.TRANSFORM), is_script=True,
    ),
    Plant(
        "transform-work-script", "the second of four, nested, computes 16 ms, a body of 4 ms that waits",
        EpochPlan(batches=48, busy=True, slow_transform=2, transform_ms=16, other_ms=0.4, nested=True,
                  step_ms=4),
        Truth(Cause.TRANSFORM), is_script=True,
    ),
)  # fmt: skip
COLLATE = (
    Plant(
        "collate-wait", "2 workers wait 28 ms to collate a batch, a step of 3 ms",
        EpochPlan(fetch_ms=2, collate_ms=28, step_ms=3), Truth(Cause.COLLATE),
    ),
    Plant(
        "collate-wait-weak", "6 workers wait 68 ms to collate a batch, a step of 7 ms",
        EpochPlan(batches=48, num_workers=6, fetch_ms=4, collate_ms=68, step_ms=7), Truth(Cause.COLLATE),
    ),
    Plant(
        "collate-work-script", "2 workers compute 20 ms to collate a batch, a body of 5 ms that waits",
        EpochPlan(batches=40, collate_ms=20, busy=True, step_ms=5), Truth(Cause.COLLATE), is_script=True,
    ),
)  # fmt: skip
TRANSPORT = (
    Plant(
        "transport", "reading a batch from the pipe takes 12 ms, a step of 4 ms",
        EpochPlan(batches=40, fetch_ms=4, unpickle_ms=12, step_ms=4), Truth(Cause.TRANSPORT),
    ),
    Plant(
        "transport-array", "arrays of 32 MiB cross the pipe, a step of 3 ms",
        EpochPlan(batches=24, fetch_ms=2, payload_mb=32, step_ms=3), Truth(Cause.TRANSPORT),
    ),
    Plant(
        "transport-script", "reading a batch from the pipe takes 5 ms, a body of 9 ms",
        EpochPlan(batches=40, fetch_ms=4, unpickle_ms=5, step_ms=9), Truth(Cause.TRANSPORT), is_script=True,
    ),
    Plant(
        "transport-array-script", "arrays of 32 MiB cross the pipe, a body of 10 ms",
        EpochPlan(batches=24, fetch_ms=2, payload_mb=32, step_ms=10), Truth(Cause.TRANSPORT), is_script=True,
    ),
)  # fmt: skip
TRANSFER = (
    Plant(
        "transfer", "the transfer waits 12 ms, a step of 4 ms",
        EpochPlan(batches=40, fetch_ms=4, transfer_ms=12, step_ms=4), Truth(Cause.TRANSFER),
    ),
    Plant(
        "transfer-weak", "the transfer waits 5 ms, a step of 9 ms",
        EpochPlan(batches=40, fetch_ms=4, transfer_ms=5, step_ms=9), Truth(Cause.TRANSFER),
    ),
    Plant(
        # The harness sees the loop's body as a whole: what a script does to its batches is its own step.
        "transfer-script", "batch.to() waits 12 ms in the loop's body, the rest of it takes 3 ms",
        EpochPlan(batches=40, fetch_ms=4, transfer_ms=12, step_ms=3), Truth(Cause.STEP, OF_THE_BODY),
        is_script=True,
    ),
)  # fmt: skip
STEP = (
    Plant(
        "step", "a step of 15 ms, 2 workers wait 6 ms for a batch",
        EpochPlan(batches=40, fetch_ms=6, step_ms=15), Truth(Cause.STEP, gains_nothing=True),
    ),
    Plant(
        "step-work", "a step that computes 10 ms, 2 workers wait 6 ms for a batch",
        EpochPlan(batches=48, fetch_ms=6, step_ms=10, step_busy=True),
        Truth(Cause.STEP, gains_nothing=True),
    ),
    Plant(
        "step-script", "a body that computes 12 ms, 2 workers wait 14 ms for a batch",
        EpochPlan(batches=40, fetch_ms=14, step_ms=12, step_busy=True),
        Truth(Cause.STEP, gains_nothing=True),
        is_script=True,
    ),
)  # fmt: skip
START_UP = (
    Plant(
        "start-up", "each worker waits 400 ms before its first batch, 24 batches of a step of 10 ms",
        EpochPlan(batches=24, persistent=False, fetch_ms=6, start_ms=400, step_ms=10),
        Truth(Cause.START_UP, helps="persistent"),
    ),
    Plant(
        "start-up-short", "epochs of 12 batches alone: 4 workers start anew in each, steps of 5 ms",
        EpochPlan(batches=12, num_workers=4, persistent=False, fetch_ms=6, step_ms=5, worker_ms=10),
        Truth(Cause.START_UP, helps="persistent"),
    ),
    Plant(
        "start-up-work", "each of 2 workers computes 150 ms before its first batch, 30 steps of 10 ms",
        EpochPlan(batches=30, persistent=False, busy=True, fetch_ms=3, start_ms=150, step_ms=10),
        Truth(Cause.START_UP, helps="persistent"),
    ),
    Plant(
        "start-up-script", "each worker waits 250 ms before its first batch, 24 bodies of 10 ms",
        EpochPlan(batches=24, persistent=False, fetch_ms=6, start_ms=250, step_ms=10),
        Truth(Cause.START_UP, helps="persistent"), is_script=True,
    ),
    Plant(
        "start-up-open-script", "the first sample of each worker waits 300 ms, 24 bodies of 10 ms",
        EpochPlan(batches=24, persistent=False, fetch_ms=6, open_ms=300, step_ms=10),
        Truth(Cause.START_UP, helps="persistent"), is_script=True,
    ),
    Plant(
        "start-up-spawn", "2 workers are spawned in each epoch and import torch, 40 steps of 20 ms",
        EpochPlan(batches=40, persistent=False, context="spawn", fetch_ms=6, import_ms=1500, step_ms=20),
        Truth(Cause.START_UP, helps="persistent"),
    ),
    Plant(
        "start-up-server-script", "2 workers of a fork server import torch, wait 200 ms; bodies of 20 ms",
        EpochPlan(batches=40, persistent=False, context="forkserver", fetch_ms=6, start_ms=200,
                  import_ms=1500, step_ms=20),
        Truth(Cause.START_UP, helps="persistent"), is_script=True,
    ),
)  # fmt: skip
STRAGGLERS = (
    Plant(
        "stragglers", "3 samples of 256 wait 200 ms more, others 9 ms a batch, a step of 6 ms",
        EpochPlan(batches=64, fetch_ms=9, slow_samples=3, slow_ms=200, step_ms=6),
        Truth(Cause.STRAGGLERS, helps="in order"),
    ),
    Plant(
        "stragglers-weak", "3 samples of 256 wait 90 ms more, others 9 ms a batch, a step of 6 ms",
        EpochPlan(batches=64, fetch_ms=9, slow_samples=3, slow_ms=90, step_ms=6),
        Truth(Cause.STRAGGLERS, helps="in order"),
    ),
    Plant(
        "stragglers-script", "3 samples of 256, shuffled, wait 150 ms more, others 12 ms a batch, body 8 ms",
        EpochPlan(batches=64, shuffle=True, fetch_ms=12, slow_samples=3, slow_ms=150, step_ms=8),
        Truth(Cause.STRAGGLERS, helps="in order"), is_script=True,
    ),
    Plant(
        "stragglers-pictures", "3 pictures of 256, shuffled, wait 150 ms more, others 9 ms a batch",
        EpochPlan(batches=64, shuffle=True, fetch_ms=9, slow_samples=3, slow_ms=150, step_ms=0.2),
        Truth(Cause.STRAGGLERS, helps="in order"), has_pictures=True,
    ),
)  # fmt: skip
FEW_WORKERS = (
    Plant(
        "few-workers", "2 workers where 3 would do: 30 ms a batch, a step of 10.5 ms",
        EpochPlan(batches=40, fetch_ms=30, step_ms=10.5), Truth(Cause.FEW_WORKERS, helps="workers"),
    ),
    Plant(
        "no-workers", "no workers: 18 ms a batch, a step of 10 ms",
        EpochPlan(batches=48, num_workers=0, persistent=False, fetch_ms=18, step_ms=10),
        Truth(Cause.FEW_WORKERS, helps="workers"),
    ),
    Plant(
        "few-workers-script", "1 worker where 2 would do: 18 ms a batch, a body of 10 ms",
        EpochPlan(batches=40, num_workers=1, fetch_ms=18, step_ms=10),
        Truth(Cause.FEW_WORKERS, helps="workers"), is_script=True,
    ),
    Plant(
        "few-workers-weak-script", "3 workers where 4 would do: 42 ms a batch, a body of 10.5 ms",
        EpochPlan(batches=48, num_workers=3, fetch_ms=42, step_ms=10.5),
        Truth(Cause.FEW_WORKERS, helps="workers"), is_script=True,
    ),
)  # fmt: skip
MANY_WORKERS = (
    Plant(
        "many-workers", "12 workers, each computes 30 ms at its start, 2 cores, 32 steps of 8 ms",
        EpochPlan(batches=32, num_workers=12, persistent=False, busy=True, fetch_ms=4, start_ms=30,
                  step_ms=8),
        Truth(Cause.MANY_WORKERS, START_OF_MANY, helps="workers"),
    ),
    Plant(
        "many-workers-script", "12 workers compute 4 batches ahead, 10 ms each, beside a body of 10 ms",
        EpochPlan(batches=48, num_workers=12, prefetch_factor=4, busy=True, fetch_ms=10, step_ms=10,
                  step_busy=True),
        Truth(Cause.MANY_WORKERS, helps="workers"), is_script=True,
    ),
    Plant(
        "many-threads", "2 torch threads share a step of 50 short operations, beside 2 workers: 4 ms a batch",
        EpochPlan(batches=96, busy=True, fetch_ms=4, step_ms=0.4, step_threaded=True, crowd_ms=4),
        Truth(Cause.MANY_WORKERS, helps="threads"),
    ),
    Plant(
        "many-threads-script", "the same in a body, beside 2 workers that compute 5 ms a batch",
        EpochPlan(batches=96, busy=True, fetch_ms=5, step_ms=0.4, step_threaded=True, crowd_ms=4),
        Truth(Cause.MANY_WORKERS, helps="threads"), is_script=True,
    ),
)  # fmt: skip
STARVED = (
    Plant(
        "neighbour", "2 workers compute 20 ms for a batch, a step of 12 ms, a neighbour takes one core of 2",
        EpochPlan(batches=40, busy=True, fetch_ms=20, step_ms=12, cores=1), Truth(Cause.STARVED),
        has_neighbour=True,
    ),
    Plant(
        "neighbour-script", "a worker and the body each compute 10 ms for a batch, beside the neighbour",
        EpochPlan(batches=40, num_workers=1, busy=True, fetch_ms=10, step_ms=10, step_busy=True, cores=1),
        Truth(Cause.STARVED), is_script=True, has_neighbour=True,
    ),
)  # fmt: skip
NONE = (
    Plant(
        "none", "2 workers wait 3 ms for a batch, a step of 10 ms",
        EpochPlan(batches=64, fetch_ms=3, step_ms=10),
        Truth(Cause.STEP, NOTHING_TO_GAIN, gains_nothing=True),
    ),
    Plant(
        "none-script", "four light transforms, 4 ms a batch in 2 workers, a body of 10 ms",
        EpochPlan(batches=64, fetch_ms=1, slow_transform=1, transform_ms=1, other_ms=0.7, step_ms=10),
        Truth(Cause.STEP, NOTHING_TO_GAIN, gains_nothing=True), is_script=True,
    ),
    Plant(
        "balanced", "2 workers take 20 ms for a batch, the step 10 ms",
        EpochPlan(batches=48, fetch_ms=20, step_ms=10), Truth(Cause.BALANCED, ALIKE),
    ),
)  # fmt: skip

PLANTS: tuple[Plant, ...] = (
    *FETCH, *SAMPLER, *TRANSFORM, *COLLATE, *TRANSPORT, *TRANSFER, *STEP, *START_UP, *STRAGGLERS,
    *FEW_WORKERS, *MANY_WORKERS, *STARVED, *NONE,
)  # fmt: skip
