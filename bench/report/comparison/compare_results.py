"""CompareResults: a comparison as a program gets it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.comparison.comparison import Comparison
from bench.analysis.intervals import to_cells
from bench.report.comparison.words import describe_answer


@dataclass(frozen=True)
class CompareResults:
    """A comparison as a program gets it.

    Attributes:
        comparison: judgement, ratio and reason of each configuration, with obstacles and notices.
        problems: errors of the chart or the page, which cost no figures; default none.
    """

    comparison: Comparison
    problems: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """One or two sentences on what became slower or faster."""
        return describe_answer(self.comparison)

    @property
    def exit_code(self) -> int:
        """Exit code of the command: 0 nothing is slower, 1 slower, 3 undecided, 4 not comparable."""
        return self.comparison.exit_code

    @property
    def table(self) -> pd.DataFrame:
        """One line a configuration: both sides, their ratio with its interval, judgement and reason."""
        found: pd.DataFrame = pd.DataFrame(
            [
                {
                    "configuration": one.name,
                    "a": one.a,
                    "b": one.b,
                    **to_cells("ratio", one.ratio),
                    "blocks": 0 if one.ratio is None else one.ratio.blocks,
                    "judgement": one.judgement,
                    "reason": one.reason,
                }
                for one in self.comparison.configurations
            ]
        )
        return found
