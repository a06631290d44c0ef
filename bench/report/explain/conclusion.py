"""ExplainConclusion: the end of an explanation, and the errors on the way."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.explanation.explanation import Explanation
from bench.report.conclusion import Conclusion


@dataclass(frozen=True)
class ExplainConclusion(Conclusion[Explanation]):
    """The end of an explanation.

    Attributes:
        left_out: number of blocks that the budget left no time for.
    """

    left_out: int = 0
