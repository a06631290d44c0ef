"""What replays read off the ladder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.replay.ladder_times import read_ladder
from bench.records.rung_time import COLLATE, FETCH, ORDER, TRANSFORM
from tests.bench.analysis.replay.traces import MadeUpLoader

LOADER = MadeUpLoader(
    fetch_s=0.004, transforms={"Wait": 0.002, "Work": 0.002}, cpu={"fetch": 0.25, "Wait": 0.0}, hand_s=0.003
)


def test_shares_of_cpu_time() -> None:
    """Differences of neighbouring rungs tell which stage computes."""
    found = read_ladder(LOADER.make_rungs(0), transforms=2)
    shares = {"fetch": 0.25, "transform 1": 0.0, "transform 2": 1.0, "collate": 1.0}
    assert found.cpu_shares == pytest.approx(shares)
    assert found.wait_s == pytest.approx(0.75 * 0.004 + 0.002)
    assert found.transport_s == pytest.approx(0.003)


def test_blocks_are_summed_up_by_their_median() -> None:
    """One block's disturbed rung changes nothing."""
    rungs = [rung for block in range(3) for rung in LOADER.make_rungs(block)]
    disturbed = [replace(r, wall_s=9 * r.wall_s) if (r.block, r.rung) == (1, FETCH) else r for r in rungs]
    assert read_ladder(disturbed, transforms=2) == read_ladder(rungs, transforms=2)


def test_a_stage_too_short_to_be_told_has_the_share_of_all() -> None:
    """A difference that is noise may have any sign."""
    rungs = MadeUpLoader(transforms={"Nothing": -1e-6}).make_rungs(0)
    assert read_ladder(rungs, transforms=1).cpu_shares["transform 1"] == pytest.approx(1.0)


def test_a_missing_rung_leaves_shares_unknown() -> None:
    """Its cost would be counted to the next one."""
    rungs = [rung for rung in LOADER.make_rungs(0) if rung.stage != "Wait"]
    found = read_ladder(rungs, transforms=2)
    assert found.cpu_shares == {}
    assert found.wait_s is not None


@pytest.mark.parametrize("kept", [(), (ORDER,), (ORDER, FETCH), (TRANSFORM, COLLATE)])
def test_parts_of_a_ladder(kept) -> None:
    """What isn't there isn't known."""
    found = read_ladder([rung for rung in LOADER.make_rungs(0) if rung.rung in kept], transforms=2)
    assert found.cpu_shares == {}
    assert (found.wait_s is None) == (COLLATE not in kept)
    assert found.transport_s is None


def test_a_ladder_without_its_order() -> None:
    """An iterable dataset has none."""
    rungs = [rung for rung in LOADER.make_rungs(0) if rung.rung != ORDER]
    assert set(read_ladder(rungs, transforms=2).cpu_shares) == {
        "fetch",
        "transform 1",
        "transform 2",
        "collate",
    }
