"""The A/A check: differences that are claimed between twins."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import binom

from bench.analysis.aa import Claims, check_aa
from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, failed, row

SAME, NOISY = [1.0, 1.0, 1.0], [1.1, 0.9, 1.0]


def pair(number: int, walls, workers: str = "0") -> list:
    """Return the rows of twins 2n and 2n + 1, of which the second takes `walls` seconds an epoch."""
    knobs = {**row().knobs, "num_workers": workers}
    twins = blocks(2 * number, SAME, knobs=knobs, baseline=2 * number)
    return [*twins, *blocks(2 * number + 1, walls, knobs=knobs, baseline=2 * number)]


def checked(folder, rows):
    return check_aa(summarise(runs.table(folder, rows)))


def test_a_pair_whose_interval_excludes_1_is_a_claim(tmp_path) -> None:
    """The interval may lie above 1 or below it."""
    rows = [*pair(0, [2.0] * 3), *pair(1, [0.8] * 3), *pair(2, NOISY), *pair(3, SAME)]
    total = checked(tmp_path, rows).total
    assert (total.pairs, total.claims) == (4, 2)
    assert total.largest == pytest.approx(0.5)


def test_the_largest_false_difference_need_not_be_a_claim(tmp_path) -> None:
    """A wide interval around 0.9 claims nothing, and is a false difference of a tenth."""
    total = checked(tmp_path, pair(0, [0.5, 1 / 0.9, 2.0])).total
    assert (total.claims, total.without_interval) == (0, 0)
    assert total.largest == pytest.approx(0.1)


@pytest.mark.parametrize("pairs", [1, 5, 40])
def test_chance_may_claim_its_share(tmp_path, pairs) -> None:
    """The allowed number is what the binomial distribution of scipy allows at 5%. One more is excessive."""
    twins = summarise(runs.table(tmp_path, pair(0, SAME)))
    many = [twins.assign(configuration=twins["configuration"] + 2 * number) for number in range(pairs)]
    allowed = check_aa(pd.concat(many, ignore_index=True)).total.allowed
    assert binom.sf(allowed - 1, pairs, 0.05) > 0.05 >= binom.sf(allowed, pairs, 0.05)
    assert not Claims(pairs, 0, allowed, allowed, 0.0).excessive
    assert Claims(pairs, 0, allowed + 1, allowed, 0.0).excessive


def test_each_configuration_has_its_own_count(tmp_path) -> None:
    """There are two pairs without a worker, and one with two workers."""
    check = checked(tmp_path, [*pair(0, SAME), *pair(1, [2.0] * 3), *pair(2, SAME, workers="2")])
    assert {numbers: (claims.pairs, claims.claims) for numbers, claims in check.each.items()} == {
        (1, 3): (2, 1),
        (5,): (1, 0),
    }


def test_without_an_interval_nothing_is_claimed(tmp_path) -> None:
    """There are too few blocks, or a twin failed."""
    rows = [*pair(0, [1.0, 1.0]), *pair(1, SAME), failed(3, 3)]
    total = checked(tmp_path, rows).total
    assert (total.pairs, total.without_interval, total.claims) == (0, 2, 0)
    assert total.largest is None
    assert not total.excessive
