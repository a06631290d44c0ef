"""Words and figures of an explanation."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.analysis.statistics import Estimate
from bench.report.explain.wording import (
    choose_unit,
    describe_setup,
    format_gain,
    format_share,
    format_time,
)
from tests.bench.report.explain.explanations import SETUP

TIMES = [
    (0.0, "0 µs"),
    (1.234e-7, "0.12 µs"),
    (1e-9, "<0.01 µs"),
    (9.87e-6, "9.87 µs"),
    (1.23456e-4, "123 µs"),
    (9.996e-4, "1 ms"),
    (0.0121, "12.1 ms"),
    (1.5, "1.5 s"),
    (7200.0, "7,200 s"),
    (-2.5e-5, "-25 µs"),
    (math.nan, "? µs"),
    (math.inf, "infinitely long"),
]


@pytest.mark.parametrize(("seconds", "text"), TIMES)
def test_times_have_three_digits_and_a_unit(seconds, text) -> None:
    """Negative ones too: a difference of two rungs may lie below 0."""
    assert format_time(seconds) == text


def test_one_unit_suits_all_durations() -> None:
    """That of the longest; unknown ones count for nothing."""
    assert choose_unit([1e-6, 0.2, math.nan, math.inf]).name == "ms"
    assert choose_unit([-0.2]).name == "ms"
    assert choose_unit([]).name == "µs"


def test_the_reach_of_an_interval_has_two_digits() -> None:
    """It is never shown as none."""
    unit = choose_unit([1e-6])
    reaches = (0.0, 1e-9, 1.234e-7, 9.6e-7, 2.66e-6, 1.41e-5, 1.41e-3)
    shown = ["0.01", "0.01", "0.12", "1", "2.7", "14", "1,410"]
    assert [unit.format_reach(reach) for reach in reaches] == shown


def test_gains_have_an_interval_where_there_is_one() -> None:
    """Few blocks give none."""
    assert format_gain(Estimate(2.0, 1.9, 2.1, 5)) == "×2.00 (1.90–2.10)"
    assert format_gain(Estimate(2.0, None, None, 2)) == "×2.00"
    assert format_gain(Estimate(2.0, math.nan, math.nan, 2)) == "×2.00"
    assert format_gain(None) == "not predicted"


def test_a_small_share_is_no_zero() -> None:
    """But none is."""
    assert [format_share(share) for share in (0.0, 0.001, 0.005, 0.66, math.nan)] == [
        "0%",
        "<1%",
        "<1%",
        "66%",
        "?",
    ]


def test_the_setup_names_knobs_that_it_has() -> None:
    """No workers, no prefetch factor."""
    alone = replace(
        SETUP, num_workers=0, prefetch_factor=None, multiprocessing_context=None, step="none", cores=1.0
    )
    assert describe_setup(alone) == "dataloader, batch 64, no workers, no step, cpu, 1 core"
    kept = replace(SETUP, num_workers=1, persistent_workers=True, multiprocessing_context="spawn", cores=1.5)
    assert describe_setup(kept) == (
        "dataloader, batch 64, 1 worker (spawn, persistent, prefetch 2), step script, cpu, 1.5 cores"
    )
