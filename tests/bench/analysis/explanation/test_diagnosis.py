"""Which cause bounds a training, and how sure that is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.evidence import PilotChange
from bench.analysis.explanation.diagnosis import diagnose
from bench.analysis.explanation.diagnosis_evidence import describe_evidence
from bench.analysis.explanation.explanation import Cause
from bench.analysis.explanation.losses import Loss
from tests.bench.analysis.explanation.planted import BASE, PLANTS, TRANSFORMS, diagnose_loader, gather
from tests.bench.analysis.replay.traces import MadeUpLoader, add_pilot, hide_inside, scale

DRAWS = 6
# Of these causes one may stand for the other, as both are true.
ALIKE = {frozenset({Cause.STEP, Cause.BALANCED}), frozenset({Cause.MANY_WORKERS, Cause.START_UP})}
MS = 1e-3


def test_planted_causes_are_named() -> None:
    """At random strengths, with noise between blocks: nearly all, and none is surely wrong."""
    random = np.random.default_rng(0)
    matrix: Counter[tuple[Cause, Cause]] = Counter()
    surely_wrong = []
    for cause, plant in PLANTS.items():
        for _ in range(DRAWS):
            loader = plant(random)
            found = diagnose_loader(loader)
            matrix[cause, found.cause] += 1
            is_right = found.cause is cause or frozenset({cause, found.cause}) in ALIKE
            if found.is_sure and not is_right:
                surely_wrong.append((cause, found, loader))
    right = sum(n for (cause, found), n in matrix.items() if cause is found or {cause, found} in ALIKE)
    wrong = {pair: n for pair, n in matrix.items() if pair[0] is not pair[1]}
    assert not surely_wrong
    assert right / matrix.total() >= 0.95, wrong


@pytest.mark.parametrize(
    ("loader", "cause"),
    [
        (replace(BASE, fetch_s=30 * MS), Cause.FETCH),
        (replace(BASE, fetch_s=30 * MS, num_workers=0), Cause.FETCH),
        (replace(BASE, fetch_s=30 * MS, step_s=0.0), Cause.FETCH),
        (replace(BASE, collate_s=20 * MS), Cause.COLLATE),
        (replace(BASE, collate_s=20 * MS, num_workers=0), Cause.COLLATE),
        (replace(BASE, hand_s=12 * MS), Cause.TRANSPORT),
        (replace(BASE, transfer_s=12 * MS), Cause.TRANSFER),
        (replace(BASE, transfer_s=12 * MS, num_workers=0, fetch_s=1e-4, collate_s=1e-4), Cause.TRANSFER),
        (replace(BASE, step_s=30 * MS), Cause.STEP),
        (replace(BASE, step_s=100 * MS, num_workers=0), Cause.STEP),
        (replace(BASE, start_s=1.0), Cause.START_UP),
        (replace(BASE, end_s=1.0), Cause.START_UP),
        (replace(BASE, first_s=1.0), Cause.START_UP),
        (replace(BASE, slow={20: 0.5, 50: 0.5}), Cause.STRAGGLERS),
        (replace(BASE, slow={20: 0.5, 50: 0.5}, num_workers=0), Cause.STRAGGLERS),
        (replace(BASE, fetch_s=8 * MS, step_s=5 * MS, num_workers=1), Cause.FEW_WORKERS),
        (replace(BASE, fetch_s=15 * MS, step_s=18 * MS, num_workers=0), Cause.FEW_WORKERS),
        (replace(BASE, fetch_s=20 * MS, delayed_s=20 * MS, other_cpu_share=0.5), Cause.STARVED),
    ],
)  # fmt: skip
def test_a_strong_cause_is_sure(loader, cause) -> None:
    """Its loss is large, and its evidence is one sentence with figures."""
    found = diagnose_loader(loader)
    assert (found.cause, found.is_sure) == (cause, True)
    assert found.loss > 0.3
    assert re.search(r"\d", found.evidence)
    assert found.evidence[0] == found.evidence[0].upper()
    assert found.evidence.endswith(".")
    assert ". " not in found.evidence


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("slow", TRANSFORMS)
def test_a_slow_transform_is_named(slow, num_workers) -> None:
    """Whichever it is."""
    loader = replace(BASE, transforms=dict(TRANSFORMS, **{slow: 40 * MS}), num_workers=num_workers)
    found = diagnose_loader(loader)
    assert (found.cause, found.stage, found.is_sure) == (Cause.TRANSFORM, slow, True)
    assert f"{slow} takes 40 ms" in found.evidence


@pytest.mark.parametrize("num_workers", [0, 2])
def test_transforms_alike_are_named_together(num_workers) -> None:
    """Each of them takes less than fetch."""
    slow = {f"Slow {number}": (10 + number) * MS for number in range(4)}
    found = diagnose_loader(replace(BASE, transforms=slow, fetch_s=14 * MS, num_workers=num_workers))
    assert (found.cause, found.stage, found.is_sure, found.second) == (
        Cause.TRANSFORM,
        "",
        True,
        Cause.FETCH,
    )
    assert "4 transforms take 46 ms" in found.evidence
    assert "Slow 3 the most" in found.evidence
    assert found.loss > 0.5


def test_fetch_is_not_sure_where_transforms_take_as_long_together() -> None:
    """One of them takes more than half of that."""
    slow = {"Crop": 13 * MS, "Flip": 11 * MS}
    found = diagnose_loader(replace(BASE, transforms=slow, fetch_s=22 * MS))
    assert (found.cause, found.is_sure) == (Cause.FETCH, False)


def test_the_second_of_two_transforms_of_one_name_is_named() -> None:
    """By its number, as torchvision's Lambda has no better name."""
    loader = replace(BASE, transforms={"Lambda": 1 * MS, "Lambda 2": 40 * MS})
    found = diagnose(gather(loader.make_evidence()))
    assert (found.cause, found.stage) == (Cause.TRANSFORM, "Lambda 2")
    assert found.loss > 0.5


def test_two_stages_alike_are_not_told_apart_for_sure() -> None:
    """The second one is named too."""
    found = diagnose_loader(replace(BASE, fetch_s=20 * MS, collate_s=19 * MS))
    assert (found.cause, found.second, found.is_sure) == (Cause.FETCH, Cause.COLLATE, False)


@pytest.mark.parametrize(
    ("fetch_s", "cause", "is_sure"),
    [
        (27 * MS, Cause.FEW_WORKERS, True),
        (32.5 * MS, Cause.FEW_WORKERS, False),
        (34 * MS, Cause.FETCH, False),
        (45 * MS, Cause.FETCH, True),
    ],
)
def test_too_few_workers_ends_where_one_more_hides_nothing(fetch_s, cause, is_sure) -> None:
    """Two workers, a step of 10 ms: a third would do for 28 ms a batch, and not for 46 ms."""
    loader = replace(BASE, fetch_s=fetch_s, step_s=10 * MS, cpu={"fetch": 0, "collate": 0}, batches=200)
    found = diagnose_loader(loader)
    assert (found.cause, found.is_sure) == (cause, is_sure)


def test_as_many_workers_as_there_are_cores_may_hide_the_loading() -> None:
    """Eight of them hide what two more would not."""
    loader = replace(BASE, fetch_s=45 * MS, step_s=10 * MS, cores=8)
    found = diagnose_loader(loader)
    assert found.cause is Cause.FEW_WORKERS
    assert "5 workers instead of 2" in found.evidence


def test_a_long_epoch_pays_its_start_once() -> None:
    """What is much of a short measured epoch is little of the training's own."""
    loader = replace(BASE, fetch_s=30 * MS, start_s=1.0)
    assert diagnose_loader(loader).cause is Cause.START_UP
    assert diagnose_loader(loader, epoch_batches=20_000).cause is Cause.FETCH


def test_workers_that_live_on_do_not_start_again() -> None:
    """A first epoch that takes long is no loss in the others."""
    found = diagnose_loader(replace(BASE, step_s=30 * MS, start_s=2.0, persistent_workers=True))
    assert found.cause is Cause.STEP


def test_many_slow_batches_are_no_stragglers() -> None:
    """A quarter of them is slow: the dataset is."""
    slow = dict.fromkeys(range(3, 64, 4), 60 * MS)
    found = diagnose_loader(replace(BASE, slow=slow, fetch_s=10 * MS))
    assert found.cause is Cause.FETCH


def test_others_that_take_idle_cores_starve_nobody() -> None:
    """Nothing was delayed, so the slow fetch is the cause."""
    found = diagnose_loader(replace(BASE, fetch_s=30 * MS, other_cpu_share=0.5))
    assert found.cause is Cause.FETCH


def test_delays_by_own_workers_are_not_due_to_others() -> None:
    """Eight workers that compute on two cores delay each other."""
    loader = replace(BASE, num_workers=8, fetch_s=10 * MS, delayed_s=30 * MS, other_cpu_share=0.05)
    assert diagnose_loader(loader).cause is not Cause.STARVED


def test_without_a_known_inside_the_loader_is_undecided() -> None:
    """That the training waits is known all the same."""
    found = diagnose(gather(hide_inside(replace(BASE, fetch_s=30 * MS).make_evidence())))
    assert (found.cause, found.is_sure) == (Cause.UNDECIDED, False)
    assert "can't be seen" in found.evidence
    assert found.loss > 0.5
    step = diagnose(gather(hide_inside(replace(BASE, step_s=30 * MS).make_evidence())))
    assert step.cause is Cause.STEP


def test_the_ladder_tells_the_stage_where_no_trace_does() -> None:
    """The replay is missing, so nothing is predicted."""
    evidence = replace(BASE, collate_s=30 * MS).make_evidence()
    blocks = tuple(replace(block, traces=()) for block in evidence.blocks)
    facts = gather(replace(evidence, blocks=blocks))
    assert facts.predictor.error is None
    assert diagnose(facts).cause is Cause.COLLATE


def test_a_replay_that_misses_leaves_bounds() -> None:
    """Traces that were slowed down by half predict nothing; too few workers is likely at most."""
    loader = replace(BASE, fetch_s=9 * MS, step_s=8 * MS, num_workers=1, cpu={"fetch": 0})
    evidence = loader.make_evidence()
    blocks = tuple(
        replace(block, traces=tuple(scale(trace, 1.5) for trace in block.traces)) for block in evidence.blocks
    )
    facts = gather(replace(evidence, blocks=blocks))
    assert not facts.predictor.is_trusted
    found = diagnose(facts)
    assert (found.cause, found.is_sure) == (Cause.FEW_WORKERS, False)
    # A step that is slower beside the workers is none of what more workers save.
    slowed = diagnose(replace(facts, alone_s=0.9 * facts.step_s))
    assert slowed.cause is Cause.FEW_WORKERS
    assert slowed.loss is not None
    assert slowed.loss <= facts.find_share(facts.loading_s)


def test_a_way_that_is_short_alone_is_no_transport() -> None:
    """The training process waits for a core, which loading keeps busy."""
    evidence = replace(BASE, hand_s=12 * MS).make_evidence()
    blocks = tuple(
        replace(
            block,
            rungs=tuple(
                replace(rung, wall_s=1 * MS * rung.batches) if rung.rung == "transport" else rung
                for rung in block.rungs
            ),
        )
        for block in evidence.blocks
    )
    assert diagnose(gather(evidence)).cause is Cause.TRANSPORT
    assert diagnose(gather(replace(evidence, blocks=blocks))).cause is not Cause.TRANSPORT


def test_threads_of_the_step_that_waste_cores() -> None:
    """The step is slower beside workers, and the epoch uses more CPU time than its parts."""
    loader = replace(BASE, fetch_s=10 * MS, step_s=20 * MS, step_cores=2.0, persistent_workers=True)
    evidence = loader.make_evidence(num_threads=2)
    blocks = tuple(
        replace(block, step_alone=tuple(
            replace(row, wall_s=row.wall_s / 2, step_s=row.step_s / 2, cpu_s=row.cpu_s / 2)
            for row in block.step_alone
        ))
        for block in evidence.blocks
    )  # fmt: skip
    found = diagnose(gather(replace(evidence, blocks=blocks)))
    assert found.cause is Cause.MANY_WORKERS
    assert "2 threads of the step" in found.evidence


def test_a_slow_sampler_is_told_from_a_slow_dataset() -> None:
    """Naming the samples is fetching, and the evidence says which part."""
    loader: MadeUpLoader = replace(BASE, num_workers=0, fetch_s=1 * MS, collate_s=1 * MS, step_s=1 * MS)
    evidence = loader.make_evidence()
    blocks = []
    for block in evidence.blocks:
        rungs = tuple(replace(rung, wall_s=rung.wall_s + 0.01 * rung.batches) for rung in block.rungs)
        rows = tuple(
            replace(
                row,
                wall_s=row.wall_s + 0.01 * row.batches,
                data_wait_s=row.data_wait_s + 0.01 * row.batches,
                data_wait_median_s=row.data_wait_median_s + 0.01,
                time_to_first_batch_s=row.time_to_first_batch_s + 0.01,
            )
            for row in block.whole
        )
        traces = []
        for trace in block.traces:
            late = 0.01 * np.arange(trace.batches)
            moved = {name: getattr(trace, name) + late + 0.01 for name in (
                "begun_s", "fetched_s", "ended_s", "arrived_s", "moved_s", "done_s",
            )}  # fmt: skip
            traces.append(
                replace(
                    trace, **moved, asked_s=trace.asked_s + late, wall_s=trace.wall_s + 0.01 * trace.batches
                )
            )
        blocks.append(replace(block, whole=rows, rungs=rungs, traces=tuple(traces)))
    found = diagnose(gather(replace(evidence, blocks=tuple(blocks))))
    assert found.cause is Cause.FETCH
    assert "sampler" in found.evidence


@pytest.mark.parametrize(
    ("slow", "words"),
    [
        ({20: 0.5}, r"1 of \d+ batches takes .* waits for it\."),
        ({20: 0.5, 50: 0.5}, "2 of .* take .* for them"),
    ],
)
def test_one_straggler_has_no_plural(slow, words) -> None:
    """Of several blocks each has its own."""
    evidence = replace(BASE, slow=slow).make_evidence(1)
    facts = gather(evidence)
    assert re.search(words, describe_evidence(facts, Loss(Cause.STRAGGLERS, 0.3)))


def test_threads_that_a_trial_shows_to_be_too_many() -> None:
    """No replay reproduces the present epochs, and one thread makes them half as long all the same."""
    slowed = replace(BASE, fetch_s=4 * MS, step_s=20 * MS, persistent_workers=True)
    quick = replace(slowed, step_s=10 * MS)
    evidence = slowed.make_evidence(num_threads=2)
    blocks = tuple(
        replace(
            block,
            whole=tuple(replace(row, wall_s=1.3 * row.wall_s) for row in block.whole),
            traces=tuple(replace(trace, wall_s=1.3 * trace.wall_s) for trace in block.traces),
            step_alone=(quick.make_step_row(block.block),),
        )
        for block in evidence.blocks
    )
    evidence = replace(evidence, blocks=blocks)
    tried = add_pilot(evidence, PilotChange("own", (("num_threads", 1),)), quick, num_threads=1)
    assert not gather(evidence).predictor.is_trusted
    found = diagnose(gather(tried))
    assert found.cause is Cause.MANY_WORKERS
    assert found.is_sure
    assert "a trial with 1 torch thread was" in found.evidence


def test_no_workers_are_not_too_many() -> None:
    """A trial with workers and fewer threads says nothing of threads without workers."""
    loader = replace(BASE, num_workers=0, fetch_s=20 * MS, step_s=20 * MS)
    quick = replace(loader, num_workers=2, step_s=5 * MS)
    change = PilotChange("own", (("num_threads", 1), ("num_workers", 2)))
    evidence = add_pilot(loader.make_evidence(num_threads=2), change, quick, num_threads=1)
    assert diagnose(gather(evidence)).cause is not Cause.MANY_WORKERS
