"""Medians, their intervals, and ratios."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from scipy.special import ndtr, stdtrit
from scipy.stats import bootstrap

from bench.analysis.statistics import Estimate, estimate, pair_ratios

# scipy 1.15 renamed it.
SEED = "rng" if "rng" in inspect.signature(bootstrap).parameters else "random_state"


def test_the_median_is_the_median() -> None:
    """It is the middle one of three values, and the mean of the middle two of four."""
    assert estimate([3.0, 1.0, 2.0]).median == 2.0
    assert estimate([1.0, 2.0, 3.0, 10.0]).median == 2.5


def test_interval_by_hand() -> None:
    """exp(mean ± 4.303 s / √3) of the logarithms, 4.303 being t for 95% and two degrees of freedom."""
    found = estimate([math.exp(1.0), math.exp(2.0), math.exp(3.0)])
    reach = 4.302653 / math.sqrt(3)
    assert found.low == pytest.approx(math.exp(2 - reach), rel=1e-6)
    assert found.high == pytest.approx(math.exp(2 + reach), rel=1e-6)


@pytest.mark.parametrize("values", [[5.0], [5.0, 6.0]])
def test_too_few_blocks_give_no_interval(values) -> None:
    """One or two blocks have a median; unknown stays unknown."""
    found = estimate(values)
    assert (found.low, found.high) == (None, None)
    assert found.blocks == len(values)


def test_nothing_gives_nothing() -> None:
    """No value, no estimate."""
    assert estimate([]) is None


def test_the_interval_holds_its_median() -> None:
    """The interval of the mean would miss the median of a set as skewed as this."""
    found = estimate([1.0] * 30 + [1e6])
    assert found.low <= found.median <= found.high


def noise(model: str, draws: int, blocks: int) -> np.ndarray:
    """Return blocks of a throughput whose median is 1, one row a draw."""
    draw = np.random.default_rng(blocks)
    normal = draw.normal(0, 0.05, (draws, blocks))
    if model == "normal":
        return np.exp(normal)
    if model == "contaminated":
        return np.exp(normal * np.where(draw.random((draws, blocks)) < 0.1, 5, 1))
    return np.exp(0.05 * (draw.exponential(1, (draws, blocks)) - math.log(2)))


@pytest.mark.parametrize("model", ["normal", "contaminated", "skewed"])
@pytest.mark.parametrize("blocks", [3, 5, 6, 8, 12])
def test_the_interval_covers_what_it_says(blocks, model) -> None:
    """About 95% of the intervals of 1,500 draws hold the true median."""
    found = [estimate(values) for values in noise(model, 1500, blocks).tolist()]
    covered = sum(one.low <= 1 <= one.high for one in found) / len(found)
    # Student's t falls a little short where noise is skewed; a plain bootstrap has 75% of three, 92% of six.
    assert (0.915 if blocks < 6 else 0.94) <= covered <= (0.98 if blocks < 6 else 0.998)


def test_an_outlier_does_not_stretch_the_interval() -> None:
    """One block of twelve at a third of the speed: the interval is where the other eleven are."""
    values = [1.0 + block / 1000 for block in range(11)]
    with_outlier = estimate([*values, 0.33])
    assert 1.0 <= with_outlier.low < with_outlier.high <= 1.01


@pytest.mark.parametrize("blocks", [6, 7, 12, 13])
def test_the_bootstrap_is_scipys(blocks) -> None:
    """The exact percentiles agree with those of 20,000 resamples."""
    values = noise("normal", 1, blocks)[0]
    tail = ndtr(-math.sqrt(blocks / (blocks - 1)) * stdtrit(blocks - 1, 0.975))
    resampled = bootstrap(
        (values,), np.median, method="percentile", confidence_level=1 - 2 * tail, n_resamples=20_000,
        **{SEED: np.random.default_rng(0)},
    ).confidence_interval  # fmt: skip
    found = estimate(values.tolist())
    assert [found.low, found.high] == pytest.approx(list(resampled), rel=3e-3)


def test_the_percentiles_are_expanded() -> None:
    """Of 1 to 8 a resample's median is at most 1.5 with a chance of 0.58%, just above Hesterberg's 0.57%.

    At least five of eight draws are a 1, or four are and some a 2. Not expanded, the percentile is 0.90%.
    """
    fives = sum(math.comb(8, ones) * 7 ** (8 - ones) for ones in range(5, 9)) / 8**8
    fours = math.comb(8, 4) * (7**4 - 6**4) / 8**8
    assert fives + fours == pytest.approx(0.00584, abs=5e-6)
    assert ndtr(-math.sqrt(8 / 7) * stdtrit(7, 0.975)) == pytest.approx(0.00574, abs=5e-6)
    found = estimate([float(value) for value in range(1, 9)])
    assert (found.low, found.high) == (1.5, 7.5)


@pytest.mark.parametrize("blocks", [3, 5, 6, 7, 12])
def test_equal_blocks_have_no_width(blocks) -> None:
    """The interval of equal values is the value itself, to the last digit."""
    found = estimate([3.3] * blocks)
    assert (found.low, found.median, found.high) == (3.3, 3.3, 3.3)
    assert found.half_width == 0


@pytest.mark.parametrize("blocks", [2000, 10_000])
def test_many_blocks_have_the_normal_interval(blocks) -> None:
    """The interval of the median of many blocks is ±1.96 √(π/2) s / √n, and nothing overflows."""
    found = estimate(noise("normal", 1, blocks)[0].tolist())
    assert found.half_width == pytest.approx(
        1.96 * math.sqrt(math.pi / 2) * 0.05 / math.sqrt(blocks), rel=0.15
    )


def test_half_width_is_a_share() -> None:
    """From 1/1.1 to 1.1 is ±10%; without an interval it is unknown."""
    assert Estimate(1.0, 1 / 1.1, 1.1, 8).half_width == pytest.approx(0.1)
    assert Estimate(1.0, None, None, 2).half_width is None


def test_ratios_pair_blocks() -> None:
    """Each block is divided by the baseline in the same block. A block that one of them lacks is left out."""
    assert pair_ratios({0: 10.0, 1: 30.0, 2: 5.0}, {0: 5.0, 1: 10.0, 3: 1.0}) == [2.0, 3.0]


def test_a_slow_block_cancels_out() -> None:
    """A machine that is half as fast in one block changes no ratio."""
    own, baseline = {0: 10.0, 1: 5.0, 2: 10.0}, {0: 4.0, 1: 2.0, 2: 4.0}
    assert set(pair_ratios(own, baseline)) == {2.5}
