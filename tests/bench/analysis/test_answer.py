"""The answer for each kind of work: the configuration to use, its gain, and what bounds it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.answer import Answer, find_answers
from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed

SLOW, FAST = [2.0, 2.02, 1.98], [1.0, 1.01, 0.99]
NOISY, NOISY_TOO = [1.0, 1.2, 1.1], [1.1, 1.0, 1.2]


def answers(folder, rows, ceilings=None) -> list[Answer]:
    bounds = runs.table(folder / "ceilings", ceilings) if ceilings else None
    return find_answers(summarise(runs.table(folder / "runs", rows), bounds))


def test_the_fastest_with_its_gain(tmp_path) -> None:
    """It is twice as fast as the baseline, and nothing ties with it."""
    (found,) = answers(tmp_path, [*blocks(0, SLOW), *blocks(1, FAST)])
    assert (found.configuration, found.baseline, found.is_baseline, found.kind) == (1, 0, False, "fastest")
    assert (found.tied, found.unknown, found.work) == ((), (), "")
    assert found.ratio.median == pytest.approx(2)
    assert found.ratio.low <= 2 <= found.ratio.high
    assert found.ratio.blocks == 3
    assert found.samples_per_s.median == 1000


def test_the_cheapest_of_a_tie_with_the_others(tmp_path) -> None:
    """Configuration 2 has two workers, 1 has one: they are equally fast, so one worker is enough."""
    (found,) = answers(tmp_path, [*blocks(0, [9.0] * 3), *blocks(2, NOISY), *blocks(1, NOISY_TOO)])
    assert (found.configuration, found.tied, found.kind) == (1, (2,), "tied")


def test_the_baseline_itself(tmp_path) -> None:
    """Nothing is gained by another configuration, and the answer says so."""
    (found,) = answers(tmp_path, [*blocks(0, FAST), *blocks(1, SLOW)])
    assert found.is_baseline
    assert (found.ratio.median, found.ratio.low, found.ratio.high) == (1, 1, 1)


def test_too_few_blocks_have_no_interval(tmp_path) -> None:
    """Two blocks give a ratio without an interval. A rival near the best is unknown."""
    (found,) = answers(tmp_path, [*blocks(0, [9.0, 9.0]), *blocks(1, FAST[:2]), *blocks(2, [1.1, 1.1])])
    assert (found.ratio.low, found.ratio.high) == (None, None)
    assert (found.kind, found.configuration, found.unknown) == ("unknown", 1, (2,))


def test_a_failed_baseline_leaves_no_ratio(tmp_path) -> None:
    """The fastest is told all the same."""
    (found,) = answers(tmp_path, [*blocks(0, SLOW), failed(0, 3), *blocks(1, FAST)])
    assert (found.configuration, found.ratio) == (1, None)


def test_nothing_measured_has_no_answer(tmp_path) -> None:
    """All configurations failed."""
    assert answers(tmp_path, [failed(0, 0), failed(1, 0)]) == []


def test_the_work_of_the_baseline_comes_first(tmp_path) -> None:
    """Each kind of work has an answer of its own, in that order."""
    knobs = {"batch_size": "64", "resize": "none", "num_workers": "1"}
    rows = [*blocks(0, FAST, knobs=knobs, baseline=1), *blocks(1, SLOW, baseline=1)]
    found = answers(tmp_path, rows)
    assert [(one.configuration, one.work) for one in found] == [(1, "batch_size=256"), (0, "batch_size=64")]


@pytest.mark.parametrize(
    ("step_s", "bound", "share"), [(0.95, "step", 0.95), (0.5, "loader", 0.5), (None, "loader", None)]
)
def test_what_bounds_it(tmp_path, step_s, bound, share) -> None:
    """A ceiling bounds from 90% of it on; otherwise the loader does."""
    ceilings = ceiling("step", [step_s] * 3) if step_s else None
    (found,) = answers(tmp_path, blocks(0, [1.0] * 3), ceilings)
    assert found.bound == bound
    assert (found.ceiling_share and found.ceiling_share.median) == (share and pytest.approx(share))
    assert found.ceiling == ("step" if step_s else "")
    assert found.waiting == 0.5


def test_the_possible_gain_is_that_of_the_work(tmp_path) -> None:
    """It comes with the answer, and is unknown without the step alone."""
    rows = [*blocks(0, SLOW), *blocks(1, FAST)]
    (tmp_path / "known").mkdir()
    (found,) = answers(tmp_path / "known", rows, ceiling("step", [0.5] * 3))
    assert (found.possible_gain.samples_per_s, found.possible_gain.share) == (2000, 0.5)
    assert found.has_step
    (found,) = answers(tmp_path, rows)
    assert found.possible_gain is None


def test_a_loader_alone_has_no_step(tmp_path) -> None:
    """Nothing is known of a training."""
    (found,) = answers(tmp_path, blocks(0, FAST, step="none", loss=None))
    assert (found.has_step, found.possible_gain) == (False, None)


def test_the_contention_is_what_the_step_takes_beyond_that_alone(tmp_path) -> None:
    """The host doesn't time the steps of a GPU."""
    alone = ceiling("step", [0.3] * 3)
    (tmp_path / "cpu").mkdir()
    (found,) = answers(tmp_path / "cpu", blocks(0, [1.0] * 3), alone)
    assert (found.contention, found.teardown) == (pytest.approx(0.1), 0.05)
    rows = blocks(0, [1.0] * 3, device="cuda")
    (found,) = answers(tmp_path, rows, [replace(line, device="cuda") for line in alone])
    assert found.ceiling == "step"
    assert found.contention is None
