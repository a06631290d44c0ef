"""Rates: how often comparisons claim a difference where none is, and find one that is planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.analysis.comparison.comparison import JUDGEMENTS, Judgement
from bench.validation.comparison.block_group import PLANTED
from bench.validation.comparison.findings import DESIGNS, Design, Finding

# Share of comparisons of the same code that may claim a difference: the nominal rate of their intervals.
MOST_FALSE = 0.05
# A planted slow-down of this share must be found at least so often. It is three times the margin within which
# two sides are called the same, so that ten blocks can show it.
FOUND_FROM, LEAST_FOUND = 0.1, 0.9


@dataclass(frozen=True)
class Rate:
    """Counts of judgements by comparisons of one design on one planted slow-down.

    Attributes:
        design: how the sides were measured.
        planted: the planted slow-down, as a share of a sample's time; 0 for the same code.
        counts: number of comparisons by their judgement.
    """

    design: Design
    planted: float
    counts: dict[Judgement, int]

    @property
    def total(self) -> int:
        """Number of comparisons."""
        return sum(self.counts.values())

    @property
    def false(self) -> int:
        """Number of comparisons that claim a difference which isn't there."""
        return self.counts["faster"] + (0 if self.planted else self.counts["slower"])

    @property
    def found(self) -> int:
        """Number of comparisons that find a planted slow-down."""
        return self.counts["slower"] if self.planted else 0

    @property
    def passes(self) -> bool:
        """True if it is good enough: few false claims, and a large slow-down found."""
        if self.false > MOST_FALSE * self.total:
            return False
        return self.planted < FOUND_FROM or self.found >= LEAST_FOUND * self.total


def count_rates(findings: Sequence[Finding]) -> list[Rate]:
    """Count what the comparisons say, by design and planted slow-down."""
    rates = []
    for design in DESIGNS:
        for planted in (0.0, *PLANTED):
            said = [one.judgement for one in findings if (one.design, one.planted) == (design, planted)]
            if said:
                rates.append(Rate(design, planted, {word: said.count(word) for word in JUDGEMENTS}))
    return rates
