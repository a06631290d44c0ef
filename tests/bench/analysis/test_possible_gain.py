"""What an infinitely fast loader would gain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.possible_gain import PossibleGain, find_possible_gain
from bench.analysis.summary import summarise
from bench.records.row import Row
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed

SLOW, FAST = [2.0, 2.02, 1.98], [1.0, 1.01, 0.99]


def gain(folder, rows, ceilings=None, configuration: int = 0) -> PossibleGain | None:
    bounds = runs.table(folder / "ceilings", ceilings) if ceilings else None
    summary = summarise(runs.table(folder / "runs", rows), bounds)
    return find_possible_gain(summary[summary["rank"].notna()], configuration)


def test_the_step_alone_and_the_shares_of_it(tmp_path) -> None:
    """Of the configuration, and of the baseline with its interval."""
    found = gain(tmp_path, [*blocks(0, SLOW), *blocks(1, FAST)], ceiling("step", [0.5] * 3), 1)
    assert (found.samples_per_s, found.share) == (2000, 0.5)
    assert found.ratio.median == pytest.approx(4)
    share = found.baseline_share
    assert (share.median, share.blocks) == (pytest.approx(0.25), 3)
    assert (share.low, share.high) == (1 / found.ratio.high, 1 / found.ratio.low)
    assert share.low < 0.25 < share.high
    assert not found.is_none


@pytest.mark.parametrize(
    ("step_s", "walls", "is_none"),
    [
        (0.97, [1.0] * 3, True),
        (0.94, [1.0] * 3, False),
        (0.97, [1.0, 1.05, 1.0], False),
        (0.97, [1.0], False),
    ],
)
def test_nothing_to_gain_takes_an_interval(tmp_path, step_s, walls, is_none) -> None:
    """All of it must lie above 95% of the step alone."""
    found = gain(tmp_path, blocks(0, walls), ceiling("step", [step_s] * len(walls)))
    assert found.is_none is is_none


def by_threads(step_s: dict[int, float]) -> list[Row]:
    """Return the ceilings of the step alone with each number of threads."""
    alone = [row for threads, s in step_s.items() for row in ceiling("step", [s] * 3, num_threads=threads)]
    return [replace(row, configuration=row.num_threads) for row in alone]


def test_the_step_is_that_of_the_configuration(tmp_path) -> None:
    """The loader is fastest beside one thread, and the step alone with two, which is named beside it.

    The share is the one in the table.
    """
    rows = [*blocks(0, [2.0] * 3, num_threads=2), *blocks(1, [1.0] * 3, num_threads=1)]
    found = gain(tmp_path, rows, by_threads({2: 0.4, 1: 0.8}), 1)
    assert (found.samples_per_s, found.share, found.ratio.median) == (1250, 0.8, 2.5)
    assert found.settings == "num_threads=1"
    assert (found.faster.settings, found.faster.samples_per_s, found.faster.ratio.median) == (
        "num_threads=2",
        2500,
        5,
    )


def test_a_step_that_is_as_fast_is_not_named(tmp_path) -> None:
    """Nobody who trains cares for a difference of 1%."""
    rows = [*blocks(0, [2.0] * 3, num_threads=2), *blocks(1, [1.0] * 3, num_threads=1)]
    found = gain(tmp_path, rows, by_threads({2: 0.396, 1: 0.4}), 1)
    assert (found.settings, found.faster) == ("", None)


def test_a_faster_step_leaves_something_to_gain(tmp_path) -> None:
    """The baseline reaches 97% of its own step, and less than half of the step with two threads."""
    rows = [*blocks(0, [1.0] * 3, num_threads=1), *blocks(1, [1.5] * 3, num_threads=2)]
    assert not gain(tmp_path, rows, by_threads({1: 0.97, 2: 0.4})).is_none
    (tmp_path / "slower").mkdir()
    assert gain(tmp_path / "slower", rows, by_threads({1: 0.97, 2: 1.2})).is_none


def test_a_failed_baseline_has_no_share(tmp_path) -> None:
    """The step alone is known all the same."""
    rows = [*blocks(0, SLOW), failed(0, 3), *blocks(1, FAST)]
    found = gain(tmp_path, rows, ceiling("step", [0.5] * 3), 1)
    assert (found.samples_per_s, found.ratio, found.baseline_share, found.is_none) == (
        2000,
        None,
        None,
        False,
    )


@pytest.mark.parametrize("ceilings", [None, ceiling("step", [1.2] * 3), ceiling("read", [0.5] * 3)])
def test_nobody_knows(tmp_path, ceilings) -> None:
    """Without the step alone; or where the loader was faster than it, which only noise explains."""
    assert gain(tmp_path, blocks(0, [1.0] * 3), ceilings) is None
