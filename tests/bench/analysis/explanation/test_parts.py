"""Where the time of an epoch goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.block_figures import compute_figures
from bench.analysis.explanation.parts import find_closure, find_parts
from tests.bench.analysis.replay.traces import MadeUpLoader, hide_inside, scale

LOADER = MadeUpLoader(transforms={"Crop": 0.002, "ToTensor": 0.003}, noise=0.02)


def find(evidence):
    return find_parts(evidence.setup, compute_figures(evidence))


def close(evidence) -> float | None:
    return find_closure(evidence.setup, compute_figures(evidence))


@pytest.mark.parametrize("num_workers", [0, 1, 3])
@pytest.mark.parametrize("step_s", [0.0, 0.004, 0.03])
def test_parts_sum_to_the_wall_in_each_place(num_workers, step_s) -> None:
    """Their shares to 1, their times to that of a batch."""
    evidence = replace(LOADER, num_workers=num_workers, step_s=step_s).make_evidence()
    parts = find(evidence)
    blocks = compute_figures(evidence)
    places = {part.place for part in parts}
    assert places == ({"training", "worker"} if num_workers else {"training"})
    for place in places:
        assert sum(part.share for part in parts if part.place == place) == pytest.approx(1)
    wall_s = sum(one.batch_s for one in blocks) / len(blocks)
    training = [part.batch_s.median for part in parts if part.place == "training"]
    assert sum(training) == pytest.approx(wall_s)
    worker = [part.batch_s.median for part in parts if part.place == "worker"]
    assert not worker or sum(worker) == pytest.approx(num_workers * wall_s, rel=0.01)


def test_stages_have_their_planned_times() -> None:
    """Without workers in the training process, with workers in each of them."""
    for num_workers, place in ((0, "training"), (2, "worker")):
        parts = find(replace(LOADER, num_workers=num_workers).make_evidence())
        found = {part.name: part.batch_s.median for part in parts if part.place == place}
        planned = {"fetch": 0.008, "Crop": 0.002, "ToTensor": 0.003, "collate": 0.001}
        assert {name: found[name] for name in planned} == pytest.approx(planned, rel=0.02)
        kinds = {part.name: part.stage for part in parts}
        assert (kinds["Crop"], kinds["collate"]) == ("transform", "collate")


def test_a_slow_start_is_no_waiting() -> None:
    """The first batch's wait for its worker belongs to the start."""
    slow = replace(LOADER, start_s=0.5)
    waits = [
        next(part.batch_s.median for part in find(loader.make_evidence()) if part.name == "waiting")
        for loader in (LOADER, slow)
    ]
    assert waits[1] == pytest.approx(waits[0], rel=0.1)
    starts = next(part.batch_s.median for part in find(slow.make_evidence()) if part.name == "start-up")
    assert starts * slow.batches == pytest.approx(0.5, rel=0.05)


def test_a_block_without_a_trace_takes_the_shares_of_others() -> None:
    """The parts sum to the wall all the same."""
    evidence = replace(LOADER, num_workers=0).make_evidence()
    first = replace(evidence.blocks[0], traces=())
    parts = find(replace(evidence, blocks=(first, *evidence.blocks[1:])))
    assert sum(part.share for part in parts) == pytest.approx(1)
    assert "waiting" not in {part.name for part in parts}


def test_an_inside_that_is_not_known_stays_waiting() -> None:
    """An iterable of some other library has no stages."""
    parts = find(hide_inside(LOADER.make_evidence()))
    assert [part.name for part in parts] == ["start-up", "waiting", "transfer", "step", "teardown", "other"]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_parts_close_where_nothing_was_slowed_down(num_workers) -> None:
    """Those of traces, over the wall of other epochs."""
    assert close(replace(LOADER, num_workers=num_workers).make_evidence()) == pytest.approx(1, abs=0.01)


def test_parts_close_where_the_last_batch_is_not_whole() -> None:
    """The ladder times whole batches only; an epoch of 2.5 of them has no more samples than that."""
    evidence = replace(LOADER, num_workers=0).make_evidence()
    fullness = 2.5 / 3
    blocks = [
        replace(
            block,
            whole=tuple(replace(row, samples=round(fullness * row.samples)) for row in block.whole),
            rungs=tuple(replace(rung, wall_s=rung.wall_s / fullness) for rung in block.rungs),
        )
        for block in evidence.blocks
    ]
    assert close(replace(evidence, blocks=tuple(blocks))) == pytest.approx(1, abs=0.01)


def slow_down(evidence, factor: float, *, traces: bool, rungs: bool):
    """Return evidence whose traces or ladder took longer than its epochs."""
    blocks = [
        replace(
            block,
            traces=tuple(scale(trace, factor) for trace in block.traces) if traces else block.traces,
            rungs=tuple(replace(rung, wall_s=factor * rung.wall_s) for rung in block.rungs if rungs),
        )
        for block in evidence.blocks
    ]
    return replace(evidence, blocks=tuple(blocks))


def test_parts_do_not_close_where_they_were_measured_slower() -> None:
    """By a fifth, and most of such an epoch is loading: the ladder's without workers, else the trace's."""
    alone = replace(LOADER, num_workers=0).make_evidence()
    assert close(slow_down(alone, 1.2, traces=False, rungs=True)) > 1.1
    assert close(slow_down(alone, 1.2, traces=True, rungs=False)) > 1.1
    assert close(slow_down(LOADER.make_evidence(), 1.2, traces=True, rungs=True)) > 1.1


def test_traces_close_without_a_ladder() -> None:
    """Without workers they have the whole loading too."""
    evidence = slow_down(replace(LOADER, num_workers=0).make_evidence(), 1, traces=True, rungs=False)
    assert close(evidence) == pytest.approx(1, abs=0.01)


def test_nothing_closes_with_nothing_beside_the_rows() -> None:
    """The waiting of the rows can't check itself."""
    evidence = LOADER.make_evidence()
    blocks = tuple(replace(block, traces=(), rungs=()) for block in evidence.blocks)
    assert close(replace(evidence, blocks=blocks)) is None
