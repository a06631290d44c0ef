"""TuneConclusion: the end of a tuning, and the errors on the way."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.tuning.tuning import Tuning
from bench.report.conclusion import Conclusion


@dataclass(frozen=True)
class TuneConclusion(Conclusion[Tuning]):
    """The end of a tuning."""
