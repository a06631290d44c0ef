"""A comparison that has every judgement."""

from __future__ import annotations

import pytest

from bench.analysis.comparison.compare_folders import compare_folders
from bench.analysis.comparison.comparison import Comparison
from tests.bench.runs import blocks, failed
from tests.bench.sides import WALLS, scaled, side

FACTORS = (1.0, 1 / 0.9, 0.7, 1.03)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory) -> Comparison:
    """Return a comparison: 0 is the same, 1 slower, 2 faster, 3 undecided, and 4 failed in B."""
    folder = tmp_path_factory.mktemp("sides")
    old = [row for number in range(5) for row in blocks(number, WALLS)]
    new = [
        row for number, factor in enumerate(FACTORS) for row in blocks(number, scaled(factor, WALLS[::-1]))
    ]
    a = side(folder / "a", old)
    b = side(folder / "b", [*new, failed(4, 0, error="ValueError: <b>|</b> @someone `x`")])
    return compare_folders(a, b, name_a="main (0123456)", name_b="a|b <script>")
