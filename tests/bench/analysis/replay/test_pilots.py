"""Predictions that rest on changes that were tried, against made-up loaders once they are changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.evidence import Pilot, PilotChange
from bench.analysis.replay.predictor import Predictor
from tests.bench.analysis.replay.traces import MadeUpLoader, add_pilot

ALONE = MadeUpLoader(num_workers=0, batches=64)
# Its workers start slowly, and slow the step down: nothing that an epoch without any shows.
BESIDE = replace(ALONE, num_workers=2, start_s=0.2, end_s=0.1, step_s=0.006, hand_s=0.002)
WORKERS = PilotChange("own", (("num_workers", 2),))
THREADS = PilotChange("own", (("num_threads", 1), ("num_workers", 2)))


def find_gain(loader: MadeUpLoader) -> float:
    return ALONE.make_trace(1).wall_s / loader.make_trace(1).wall_s


def test_what_was_tried_is_predicted_as_it_was_measured() -> None:
    """Without the pilot the start of workers is assumed, and their effect on the step isn't known."""
    evidence = ALONE.make_evidence()
    gain = find_gain(BESIDE)
    predictor = Predictor(add_pilot(evidence, WORKERS, BESIDE))
    assert predictor.predict(num_workers=2).median == pytest.approx(gain, rel=0.01)
    assert Predictor(evidence).predict(num_workers=2).median > 1.2 * gain
    assert predictor.describe_basis(num_workers=2) == "a trial of 320 batches"


@pytest.mark.parametrize("num_workers", [1, 3, 4])
def test_neighbours_are_replayed_from_it(num_workers) -> None:
    """Each worker takes as long to start and to end as one of those that were tried."""
    predictor = Predictor(add_pilot(ALONE.make_evidence(), WORKERS, BESIDE))
    each = num_workers / BESIDE.num_workers
    changed = replace(
        BESIDE, num_workers=num_workers, start_s=each * BESIDE.start_s, end_s=each * BESIDE.end_s
    )
    found = predictor.predict(num_workers=num_workers)
    assert found.median == pytest.approx(find_gain(changed), rel=0.05)
    assert predictor.describe_basis(num_workers=num_workers) == "replay of 320 batches with num_workers=2"


def test_a_longer_epoch_goes_on_at_its_pace() -> None:
    """The start of the workers weighs less in the training's own epochs."""
    evidence = add_pilot(ALONE.make_evidence(epoch_batches=640), WORKERS, BESIDE)
    longer = [replace(loader, batches=640).make_trace(1).wall_s for loader in (ALONE, BESIDE)]
    found = Predictor(evidence).predict(num_workers=2)
    assert found.median == pytest.approx(longer[0] / longer[1], rel=0.02)


def test_other_threads_need_a_pilot() -> None:
    """No replay knows what torch's threads do."""
    evidence = add_pilot(ALONE.make_evidence(num_threads=2), WORKERS, BESIDE, num_threads=2)
    predictor = Predictor(evidence)
    assert predictor.tried_threads == []
    assert predictor.predict(num_workers=2, num_threads=1) is None
    quick = replace(BESIDE, step_s=0.003)
    predictor = Predictor(add_pilot(evidence, THREADS, quick, num_threads=1))
    assert predictor.tried_threads == [1]
    found = predictor.predict(num_workers=2, num_threads=1)
    assert found.median == pytest.approx(find_gain(quick), rel=0.01)
    assert predictor.predict(num_workers=2).median == pytest.approx(find_gain(BESIDE), rel=0.01)


def test_a_present_that_no_replay_reproduces_is_compared_as_measured() -> None:
    """Its epochs take twice as long as a replay says, and a pilot's don't."""
    evidence = ALONE.make_evidence()
    slow = tuple(
        replace(
            block,
            whole=tuple(replace(row, wall_s=2 * row.wall_s) for row in block.whole),
            traces=tuple(replace(trace, wall_s=2 * trace.wall_s) for trace in block.traces),
        )
        for block in evidence.blocks
    )
    predictor = Predictor(add_pilot(replace(evidence, blocks=slow), WORKERS, BESIDE))
    assert not predictor.is_trusted
    assert predictor.predict(without={"fetch"}) is None
    assert predictor.predict(num_workers=2).median == pytest.approx(2 * find_gain(BESIDE), rel=0.02)
    assert predictor.predict(num_workers=4) is not None


def test_a_pilot_that_no_replay_reproduces_tells_of_itself_alone() -> None:
    """Epochs without workers don't stand in for it, as they show nothing of what workers do."""
    evidence = add_pilot(ALONE.make_evidence(), WORKERS, BESIDE)
    blocks = tuple(
        replace(block, pilots=tuple(_lengthen(pilot, 1.5) for pilot in block.pilots))
        for block in evidence.blocks
    )
    predictor = Predictor(replace(evidence, blocks=blocks))
    assert predictor.predict(num_workers=2).median == pytest.approx(find_gain(BESIDE) / 1.5, rel=0.02)
    assert predictor.predict(num_workers=3) is None
    assert predictor.best_workers(range(4)) in (0, 2)


def test_a_loader_of_another_family_is_known_by_its_epochs() -> None:
    """Nothing is seen of its inside, so nothing but itself can be predicted from it."""
    kept = replace(ALONE, fetch_s=0.0001, collate_s=0.0001)
    change = PilotChange("in_memory")
    predictor = Predictor(add_pilot(ALONE.make_evidence(), change, kept, is_inside_known=False))
    assert predictor.predict_pilot(change).median == pytest.approx(find_gain(kept), rel=0.01)
    assert predictor.describe_pilot(change) == "a trial of 320 batches"
    assert predictor.predict_pilot(WORKERS) is None
    # The one worker that wasn't tried is assumed, as before.
    assert predictor.describe_basis(num_workers=1).startswith("replay of")


def test_the_interval_of_a_replay_holds_its_error() -> None:
    """A twentieth of a pilot's epochs is nothing that a replay knows; what was tried itself needs none."""
    evidence = add_pilot(ALONE.make_evidence(), WORKERS, BESIDE)
    blocks = tuple(
        replace(block, pilots=tuple(_lengthen(pilot, 1.05) for pilot in block.pilots))
        for block in evidence.blocks
    )
    predictor = Predictor(replace(evidence, blocks=blocks))
    tried, neighbour = (predictor.predict(num_workers=number) for number in (2, 3))
    assert tried.high / tried.low < 1.01
    assert neighbour.high / neighbour.low == pytest.approx(1.05**2, rel=0.01)


def _lengthen(pilot: Pilot, factor: float) -> Pilot:
    traces = tuple(replace(trace, wall_s=factor * trace.wall_s) for trace in pilot.traces)
    return replace(pilot, traces=traces)
