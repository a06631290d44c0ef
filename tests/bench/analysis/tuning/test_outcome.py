"""Tests of the outcome: the gain that is quoted of it."""

from __future__ import annotations

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Outcome

PRESENT, FASTER = Estimate(1.0, 1.0, 1.0, 8), Estimate(2.0, 1.9, 2.1, 8)
CONFIRMED = {0: Confirmation(PRESENT, PRESENT), 1: Confirmation(FASTER, FASTER)}


@pytest.mark.parametrize(
    ("chosen", "confirmed", "gain"), [(1, CONFIRMED, FASTER), (1, {}, None), (0, CONFIRMED, None)]
)
def test_a_gain_is_quoted_of_another_configuration_alone(chosen, confirmed, gain) -> None:
    """The present configuration has no gain over itself, even in fresh blocks."""
    outcome = Outcome(
        chosen, chosen, chosen, (chosen,), {}, "gain", "regret", 0.02, 5, 8, confirmed=confirmed
    )
    assert outcome.quoted_gain == gain
