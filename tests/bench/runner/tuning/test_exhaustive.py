"""The whole grid that is measured after a tuning: why it may not tell the regret."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bench.report.sweep.outcome import SweepOutcome
from bench.runner.tuning.exhaustive import explain_missing
from tests.bench.report.tune import tunings

TUNING = tunings.make_gain()
CHOSEN = TUNING.outcome.chosen
BOTH = {0: {0: 100.0}, CHOSEN: {0: 150.0}}
SPEED = {"chosen": {0: BOTH[0]}, "present": {CHOSEN: BOTH[CHOSEN]}, "few": BOTH}


def conclude(failed: int | None = None, **changes: Any) -> Any:
    """Return the end of a sweep in which a configuration failed."""
    rows = [(number, "failed" if number == failed else "ok", "boom.") for number in (0, CHOSEN)]
    runs = pd.DataFrame(rows, columns=["configuration", "status", "error"])
    values = {"results": SimpleNamespace(runs=runs), "problems": (), "outcome": SweepOutcome()}
    return SimpleNamespace(**{**values, **changes})


@pytest.mark.parametrize(
    ("conclusion", "speeds", "reason"),
    [
        (conclude(CHOSEN), "chosen", "as num_workers=1 prefetch_factor=2 has no sound trial in it: boom."),
        (conclude(0), "present", "as what you have has no sound trial in it: boom."),
        (conclude(), "present", "as what you have has no sound trial in it."),
        (conclude(), "few", "as num_workers=1 prefetch_factor=2 has too few blocks in it."),
        (conclude(outcome=SweepOutcome(interrupted=True)), "few", "as it was interrupted."),
        (conclude(results=None), "few", "as it ended early."),
        (conclude(problems=(OSError("full"),)), "few", "as it ended early."),
    ],
)
def test_the_reason_is_one_sentence(conclusion, speeds, reason) -> None:
    """It names the setting that lacks a sound trial, and its error."""
    told = explain_missing(TUNING, conclusion, SPEED[speeds])
    assert told == f"The whole grid tells no regret, {reason}"
