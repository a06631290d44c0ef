"""Benchmark of comparisons: false alarms and power on the kept rows of an A/A sweep, by the number of blocks.

The sweep trained 242 times with one loader in two minutes on a shared virtual machine. A window of its trials
in a row stands for two sides. Nothing differs between them, until one configuration of B is made 10% slower.
"""

from __future__ import annotations

import numpy as np

from bench.analysis.comparison.comparison import MARGIN
from bench.analysis.comparison.judging import ERROR, judge
from bench.analysis.comparison.shift import compare_independent, compare_paired
from bench.records.results_folder import read_runs
from bench.text import format_count
from tests.paths import ROOT

SWEEP = ROOT / "results" / "20261126T190636Z-aa-2-cores"
WINDOWS = 400
# Configurations and blocks of a side.
SIZES = ((1, 5), (1, 10), (1, 20), (3, 10), (3, 20), (6, 10))
SLOWDOWN = 0.1


def test_false_alarms_and_power() -> None:
    """False alarms are at most one in twenty in common blocks. Drift can make more of them otherwise."""
    rows = read_runs(SWEEP)
    speeds = rows[rows["epoch"] == 1].sort_values(["started_at", "block", "position"])["samples_per_s"]
    noise = float(np.log(speeds).std())
    print(f"\n{len(speeds)} trials, whose throughputs deviate by {noise:.1%}; {WINDOWS} windows each")
    for paired in (True, False):
        for configurations, blocks in SIZES:
            alarms, found = replay(speeds.to_numpy(), configurations, blocks, paired=paired)
            design = "common blocks" if paired else "one side after the other"
            size = f"{format_count(configurations, 'configuration')}, {blocks} blocks"
            print(f"{design}, {size}: false alarms {alarms:.1%}, {SLOWDOWN:.0%} slower found {found:.0%}")
            assert not paired or alarms <= ERROR


def replay(speeds: np.ndarray, configurations: int, blocks: int, *, paired: bool) -> tuple[float, float]:
    """Return the share of windows with a false alarm, and the share in which the slow-down is found."""
    draw = np.random.default_rng(0)
    alarms = found = 0
    for _ in range(WINDOWS):
        size = 2 * configurations * blocks
        start = draw.integers(0, len(speeds) - size + 1)
        trials = speeds[start : start + size]
        if paired:
            shuffled = draw.permuted(trials.reshape(blocks, 2 * configurations), axis=1)
            a, b = shuffled[:, :configurations].T, shuffled[:, configurations:].T.copy()
        else:
            a, b = trials.reshape(2, blocks, configurations).transpose(0, 2, 1).copy()
        alarms += "slower" in judge_sides(a, b, paired=paired)
        b[0] *= 1 - SLOWDOWN
        found += judge_sides(a, b, paired=paired)[0] == "slower"
    return alarms / WINDOWS, found / WINDOWS


def judge_sides(a: np.ndarray, b: np.ndarray, *, paired: bool) -> list[str]:
    """Judge configurations, given the samples/s of their blocks, shape (configurations, blocks)."""
    error = ERROR / len(a)
    shifts = [
        compare_paired(list(new / old), error) if paired else compare_independent(list(old), list(new), error)
        for old, new in zip(a, b, strict=True)
    ]
    return [*judge([shift for shift in shifts if shift is not None], MARGIN)]
