"""CompareResults: a comparison as a program gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bench.analysis.comparison.comparison import Comparison
from bench.analysis.intervals import to_cells
from bench.report.comparison.words import describe_answer, describe_sides

if TYPE_CHECKING:
    from bench.report.notebook.shown_charts import ShownCharts


@dataclass(frozen=True, repr=False)
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

    def plot(self) -> ShownCharts:
        """Make the chart of the ratios, and show it if this is a notebook.

        Returns:
            The chart with its `figure` of matplotlib; none where no configuration has a ratio.

        Raises:
            ChartsError: matplotlib or seaborn can't be imported, or they fail.
        """
        # Imported here: matplotlib takes a second.
        from bench.report.comparison.comparison_chart import make_comparison_chart
        from bench.report.notebook.shown_charts import show_charts

        chart = make_comparison_chart(self.comparison)
        return show_charts([] if chart is None else [chart])

    def __repr__(self) -> str:
        """Return the answer and the two sides."""
        return "\n".join([self.answer, *describe_sides(self.comparison)])

    def _repr_html_(self) -> str:
        """Return the answer, the table and the remarks, as a notebook shows them."""
        from bench.report.notebook.compare_html import show_comparison

        return show_comparison(self.comparison)
