"""Tests of what a first short epoch tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.runner.first_look import FirstLook
from tests.bench import runs

# Its first batch comes after 0.5 s, and each of the nine others after a wait of 0.1 s.
ROW = runs.row(
    batches=10, wall_s=10.0, startup_s=0.2, time_to_first_batch_s=0.5, data_wait_s=1.2, step_s=8.4,
    teardown_s=0.1, late_s=4.7,
)  # fmt: skip


def test_waits_after_the_first_batch_are_told_from_the_start() -> None:
    look = FirstLook.read(ROW, 12.0)
    assert look.wait_s == pytest.approx(0.1)
    assert look.find_wait_share() == pytest.approx(0.1 / 0.94)
    batch_s = 9.4 / 9
    assert look.find_start_share(100) == pytest.approx(0.6 / (0.6 + 100 * batch_s))
    assert look.find_start_share(None) == 0


def test_faster_loading_gains_no_more_than_the_waits() -> None:
    """All of them may fall into the second half of a short epoch. Its start comes on top."""
    look = FirstLook.read(ROW, 12.0)
    assert look.estimate_loading_gain(None) == pytest.approx(0.2 / 0.74)
    assert look.estimate_loading_gain(100) == pytest.approx((0.006 + 0.2) / 0.74)


def test_first_steps_that_take_long_hide_no_waits() -> None:
    """As where the model is compiled in the first one, for a minute."""
    compiled = replace(ROW, wall_s=70.0, step_s=68.4)
    gain = FirstLook.read(ROW, 12.0).estimate_loading_gain(None)
    assert FirstLook.read(compiled, 72.0).estimate_loading_gain(None) == gain


def test_without_a_step_or_a_wait_no_gain_is_known() -> None:
    without = FirstLook(0.5, 0.1, 0.1, step_s=0.0, wait_s=0.1, late_batch_s=0.1)
    assert without.estimate_loading_gain(10) is None
    assert without.find_wait_share() == 1
    for unknown in (replace(ROW, late_s=None), replace(ROW, data_wait_s=None)):
        look = FirstLook.read(unknown, 12.0)
        assert look.estimate_loading_gain(10) is None
        assert look.find_wait_share() is None


def test_a_single_batch_has_no_wait_after_it() -> None:
    """All of its loading is its start."""
    alone = runs.row(batches=1, wall_s=1.0, startup_s=0.2, time_to_first_batch_s=0.5, data_wait_s=0.3)
    assert FirstLook.read(alone, 2.0).wait_s == pytest.approx(0.0)


def test_queue_that_lasts_for_the_epoch_hides_its_waits() -> None:
    """It fills during a long first step. Of ten batches, five or fewer may wait in it."""
    for factor, is_known in (("2", True), ("3", False), ("none", True)):
        row = replace(ROW, knobs={"num_workers": "2", "prefetch_factor": factor})
        assert (FirstLook.read(row, 12.0).wait_s is not None) == is_known
