"""Which configurations are slower, faster or the same."""

from __future__ import annotations

import numpy as np
import pytest

from bench.analysis.comparison.judging import judge, judge_alone, reject
from bench.analysis.comparison.shift import StudentShift, compare_independent, compare_paired


def shift(ratio: float, deviation: float = 0.005) -> StudentShift:
    """Return a difference that is known within some 1%."""
    return StudentShift(float(np.log(ratio)), deviation, 20.0)


@pytest.mark.parametrize(
    ("ratio", "judgement"),
    [(0.9, "slower"), (0.965, "undecided"), (0.975, "undecided"), (1.0, "same"), (1.015, "same"),
     (1.03, "undecided"), (1.1, "faster")],
)  # fmt: skip
def test_a_judgement_names_the_region_of_the_interval(ratio: float, judgement: str) -> None:
    """Below 0.97 slower, above 1/0.97 faster, between them the same."""
    assert judge_alone(shift(ratio), 0.03) == judgement


def test_the_margin_decides_what_is_the_same() -> None:
    """A difference of 2% is the same within 5%, and slower beyond 0.5%."""
    assert judge_alone(shift(0.98), 0.05) == "same"
    assert judge_alone(shift(0.98), 0.005) == "slower"


def test_many_comparisons_need_more_evidence() -> None:
    """A p-value of 3% is slower by itself, and undecided among nine that are near 1."""
    doubtful = shift(0.95, deviation=0.0105)
    assert 0.02 < doubtful.test_below(float(np.log(0.97))) < 0.05
    assert judge_alone(doubtful, 0.03) == "slower"
    assert judge([doubtful, *[shift(0.99)] * 9], 0.03)[0] == "undecided"


def test_hochbergs_procedure_steps_up() -> None:
    """The largest p-value that passes lets all smaller ones pass; where none does, nothing passes."""
    assert sorted(reject([0.04, 0.03, 0.045], 0.05)) == [0, 1, 2]
    assert reject([0.01, 0.2, 0.3], 0.05) == [0]
    assert reject([0.02, 0.2, 0.3], 0.05) == []
    assert sorted(reject([0.3, 0.01, 0.02], 0.05)) == [1, 2]
    assert reject([], 0.05) == []


NOISE = 0.04
RUNS = 400


def simulate(slowdown: float, blocks: int, configurations: int, *, paired: bool) -> tuple[float, float]:
    """Return how often the first configuration is found slower, and how often any other one is.

    The logarithms of the blocks deviate by 4%, one in ten by 12%, and those of one block have a deviation in
    common.
    """
    draw = np.random.default_rng(7)
    found = alarms = 0
    for _ in range(RUNS):
        common = draw.normal(0, NOISE, blocks) if paired else 0.0
        sizes = (2, configurations, blocks)
        noise = draw.normal(0, NOISE, sizes) * np.where(draw.random(sizes) < 0.1, 3, 1)
        a, b = np.exp(noise + common)
        b[0] *= 1 - slowdown
        error = 0.05 / configurations
        shifts = [
            compare_paired(list(new / old), error) if paired else compare_independent(old, new, error)
            for old, new in zip(a, b, strict=True)
        ]
        judgements = judge([one for one in shifts if one is not None], 0.03)
        found += judgements[0] == "slower"
        alarms += "slower" in judgements[1:]
    return found / RUNS, alarms / RUNS


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("configurations", [2, 9])
@pytest.mark.parametrize("blocks", [3, 10])
def test_false_alarms_are_rare(blocks: int, configurations: int, paired: bool) -> None:
    """Fewer than one comparison in twenty calls anything slower where nothing is, however many there are."""
    found, alarms = simulate(0.0, blocks, configurations, paired=paired)
    assert found <= 0.05
    assert alarms <= 0.05


def test_a_slow_down_at_the_margin_is_called_slower_in_one_of_twenty() -> None:
    """The level of the test is that of its limit."""
    assert simulate(0.03, 10, 1, paired=False)[0] == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize("paired", [True, False])
def test_a_tenth_is_found(paired: bool) -> None:
    """In nine of ten comparisons of three configurations with 14 blocks, at this noise."""
    assert simulate(0.1, 14, 3, paired=paired)[0] >= 0.9
