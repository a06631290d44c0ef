"""Evidence of a planted training as its plan has it: what a machine without noise would measure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.analysis.evidence import BlockEvidence, Evidence, LoaderSetup
from bench.records.batch_trace import BatchTrace, WorkerStart
from bench.records.row import Row
from bench.records.rung_time import COLLATE, FETCH, LOADER, ORDER, TRANSFER, TRANSFORM, TRANSPORT, RungTime
from bench.validation.diagnosis.epoch_plan import BATCH_SIZE, EpochPlan
from bench.validation.diagnosis.plant import Plant
from bench.validation.diagnosis.truth import CORES, TRANSFORMS
from tests.bench import runs

# What is never planned, in seconds: the sampler, the collation of four samples, the way of a small batch.
ORDER_S, LEAST_COLLATE_S, WAY_S = 10e-6, 60e-6, 0.3e-3
# Tenths of a percent by which blocks differ.
NOISE = 0.002


def make_evidence(plant: Plant, blocks: int = 3) -> Evidence:
    """Return the evidence of some blocks, each with a cold and a steady epoch."""
    plan = _add_least(plant.plan)
    found = []
    for block in range(blocks):
        factor = 1 + NOISE * (block - 1)
        traces = [_scale(_make_trace(plant, plan, epoch, 2 * block + epoch), factor) for epoch in (0, 1)]
        whole = tuple(_make_row(plant, trace, block) for trace in traces)
        alone = tuple(_make_alone(plant, plan, block, epoch, factor) for epoch in (0, 1))
        found.append(BlockEvidence(block, whole, alone, tuple(traces), _make_rungs(plant, plan, block)))
    return Evidence(_make_setup(plant), tuple(found))


def _add_least(plan: EpochPlan) -> EpochPlan:
    """Return the plan with the way of small batches."""
    return replace(plan, unpickle_ms=plan.unpickle_ms + WAY_S * 1e3)


def _make_setup(plant: Plant) -> LoaderSetup:
    plan = plant.plan
    has_workers = bool(plan.num_workers)
    return LoaderSetup(
        name=plant.name, family="dataloader", step="script" if plant.is_script else f"{plan.step_ms:g}ms",
        device="cpu", cores=CORES, num_threads=CORES, has_dataloader=True, batch_size=BATCH_SIZE,
        num_workers=plan.num_workers, prefetch_factor=plan.prefetch_factor if has_workers else None,
        persistent_workers=plan.persistent and has_workers, in_order=plan.in_order,
        multiprocessing_context=(plan.context or "fork") if has_workers else None,
        measured_batches=plan.batches,
        epoch_batches=plan.batches, map_style=True,
    )  # fmt: skip


def _make_trace(plant: Plant, plan: EpochPlan, epoch: int, seed: int) -> BatchTrace:
    """Return the timeline of an epoch. The first one starts its workers in any case."""
    if epoch == 0:
        plan = replace(plan, persistent=False)
    batches = plan.run()
    starts_s = plan.worker_ms * 1e-3 * plan.num_workers if not plan.persistent else 0.0
    # The first batches are named before the training asks for one, the others as it takes one.
    ahead = min(plan.batches, plan.num_workers * plan.prefetch_factor)
    starts_s += plan.order_ms * 1e-3 * ahead
    named = np.arange(plan.batches) < plan.batches - ahead
    order_s = plan.order_ms * 1e-3 * named * bool(plan.num_workers)
    columns = {name: np.array([getattr(batch, name) for batch in batches]) for name in vars(batches[0])}
    begun_s, ended_s, taken_s, done_s = (columns[f"{name}_s"] for name in ("begun", "ended", "taken", "done"))
    read_s = (plan.unpickle_ms + plan.payload_mb * plan.pipe_ms) * 1e-3 * bool(plan.num_workers)
    # In a script the transfer is a part of the body.
    transfer_s = 0.0 if plant.is_script else plan.transfer_ms * 1e-3
    planned = _list_stages(plan)
    slow = np.array([index // BATCH_SIZE for index in plan.slow_indices], dtype=int)
    fetch_s = np.full(plan.batches, planned.pop("fetch"))
    np.add.at(fetch_s, slow, plan.slow_ms * 1e-3)
    stages = {"fetch": fetch_s, **{name: np.full(plan.batches, s) for name, s in planned.items()}}
    needed_s = np.sum(list(stages.values()), axis=0)
    # Cores that are short lengthen all stages alike.
    stretch = np.maximum(ended_s - begun_s, 1e-9) / np.maximum(needed_s, 1e-9)
    transform_s = np.empty((plan.batches, len(_name_transforms(plan))))
    for number, name in enumerate(_name_transforms(plan)):
        transform_s[:, number] = stages[name] * stretch
    cpu_s = np.full(plan.batches, _find_cpu_s(plan))
    workers = range(plan.num_workers if not plan.persistent else 0)
    ready = [float(begun_s[columns["worker"] == number].min()) for number in workers]
    return BatchTrace(
        epoch=epoch, wall_s=float(done_s.max()), startup_s=starts_s, teardown_s=0.0,
        samples=plan.batches * BATCH_SIZE, worker=columns["worker"],
        asked_s=np.concatenate([[starts_s], done_s[:-1]]), arrived_s=taken_s + read_s + order_s,
        moved_s=taken_s + read_s + order_s + transfer_s, done_s=done_s, begun_s=begun_s,
        fetched_s=ended_s - stages["collate"] * stretch, ended_s=ended_s, cpu_s=cpu_s,
        delayed_s=np.maximum(0.0, ended_s - begun_s - needed_s), transform_s=transform_s,
        transforms=_name_transforms(plan),
        indices=_list_indices(plan, seed=seed),
        num_bytes=np.full(plan.batches, 128.0 + plan.payload_mb * 2**20),
        starts=tuple(WorkerStart(w, starts_s, at, 100 + w) for w, at in enumerate(ready)),
    )  # fmt: skip


def _list_indices(plan: EpochPlan, *, seed: int) -> tuple[tuple[int, ...], ...]:
    """Return the indices of each batch. Shuffled ones leave slow samples where the plan has them."""
    numbers = np.arange(plan.batches * BATCH_SIZE)
    if plan.shuffle:
        others = np.setdiff1d(numbers, plan.slow_indices)
        numbers[others] = np.random.default_rng(seed).permutation(others)
    return tuple(map(tuple, numbers.reshape(-1, BATCH_SIZE).tolist()))


def _name_transforms(plan: EpochPlan) -> tuple[str, ...]:
    return TRANSFORMS if plan.slow_transform else ()


def _list_stages(plan: EpochPlan) -> dict[str, float]:
    """Return the seconds of a batch in each stage, in the order of running."""
    stages = {"fetch": plan.fetch_ms * 1e-3}
    for number, name in enumerate(_name_transforms(plan), start=1):
        stages[name] = (plan.transform_ms if number == plan.slow_transform else plan.other_ms) * 1e-3
    return {**stages, "collate": plan.collate_ms * 1e-3}


def _find_cpu_s(plan: EpochPlan) -> float:
    return (plan.fetch_ms + plan.transform_ms + plan.collate_ms) * 1e-3 * plan.busy


def _make_row(plant: Plant, trace: BatchTrace, block: int) -> Row:
    plan = plant.plan
    cpu_s = float(trace.cpu_s.sum()) + plan.batches * plan.step_ms * 1e-3 * _count_step_cores(plan)
    # Threads that wait for each other compute, too.
    cpu_s += plan.batches * plan.crowd_ms * 1e-3 * CORES
    values = {
        "family": "dataloader", "samples": trace.samples, "batches": trace.batches, "wall_s": trace.wall_s,
        "samples_per_s": trace.samples / trace.wall_s, "startup_s": trace.startup_s,
        "time_to_first_batch_s": float(trace.arrived_s[0]), "data_wait_s": float(trace.wait_s.sum()),
        "data_wait_median_s": float(np.median(trace.wait_s)), "transfer_s": float(trace.transfer_s.sum()),
        "step_s": float(trace.step_s.sum()), "teardown_s": trace.teardown_s, "cpu_s": cpu_s,
        "other_cpu_share": 1 - plan.cores / CORES,
    }  # fmt: skip
    return runs.row(0, block, trace.epoch, **values)


def _make_alone(plant: Plant, plan: EpochPlan, block: int, epoch: int, factor: float) -> Row:
    """Return the row of the step on captured batches, which a neighbour leaves a core."""
    step_s = plan.step_ms * 1e-3 + (plan.transfer_ms * 1e-3 if plant.is_script else 0.0)
    wall_s = factor * plan.batches * step_s
    samples = plan.batches * BATCH_SIZE
    return runs.row(
        0, block, epoch, family="step_ceiling", samples=samples, batches=plan.batches, wall_s=wall_s,
        samples_per_s=samples / wall_s, startup_s=0.0, teardown_s=0.0, data_wait_s=0.0, transfer_s=0.0,
        step_s=wall_s, cpu_s=wall_s * _count_step_cores(plan),
    )  # fmt: skip


def _count_step_cores(plan: EpochPlan) -> float:
    """Return the cores that the step alone keeps busy."""
    return CORES if plan.step_threaded else float(plan.step_busy)


def _make_rungs(plant: Plant, plan: EpochPlan, block: int) -> tuple[RungTime, ...]:
    """Return the rungs of the ladder, each of which holds those below it."""
    rungs: list[RungTime] = []

    def add(rung: str, stage: str, batch_s: float, cpu_s: float) -> None:
        count = plan.batches
        samples = count * BATCH_SIZE
        rungs.append(RungTime(rung, stage, len(rungs), block, count, samples, count * batch_s, count * cpu_s))

    order_s = ORDER_S + plan.order_ms * 1e-3
    add(ORDER, "", order_s, ORDER_S + plan.order_ms * 1e-3 * plan.busy)
    batch_s = order_s + plan.slow_ms * 1e-3 * plan.slow_samples / plan.batches
    busy_s = ORDER_S
    for name, seconds in _list_stages(plan).items():
        rung = {"fetch": FETCH, "collate": COLLATE}.get(name, TRANSFORM)
        waits = name in TRANSFORMS and name != TRANSFORMS[plan.slow_transform - 1]
        batch_s += seconds + LEAST_COLLATE_S * (rung == COLLATE)
        busy_s += seconds * (plan.busy and not waits)
        add(rung, name if rung == TRANSFORM else "", batch_s, busy_s)
    alone = replace(plan, step_ms=0, transfer_ms=0, persistent=True).wall_s / plan.batches
    add(LOADER, "", alone, busy_s)
    if plan.num_workers:
        read_s = (plan.unpickle_ms + plan.payload_mb * plan.pipe_ms) * 1e-3
        add(TRANSPORT, "", read_s, 0.2e-3)
    if plan.transfer_ms and not plant.is_script:
        add(TRANSFER, "", alone + plan.transfer_ms * 1e-3, busy_s)
    return tuple(rungs)


def _scale(trace: BatchTrace, factor: float) -> BatchTrace:
    """Return a trace with every time lengthened."""
    names = [name for name in trace.__dataclass_fields__ if name.endswith("_s")]
    starts = tuple(
        replace(one, ready_s=factor * one.ready_s, created_s=factor * (one.created_s or 0.0))
        for one in trace.starts
    )
    return replace(trace, starts=starts, **{name: factor * getattr(trace, name) for name in names})
