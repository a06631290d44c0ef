"""ExplainResults: an explanation as a program gets it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.report.explain.answer import answer_in_a_sentence

if TYPE_CHECKING:
    from bench.report.notebook.shown_charts import ShownCharts


@dataclass(frozen=True, repr=False)
class ExplainResults:
    """An explanation as a program gets it.

    Attributes:
        explanation: what bounds the training, what would help, and by how much.
        folder: results folder, with the explanation as JSON, the charts, and all that was measured.
        notices: facts of data and loaders to know before reading figures; default none.
    """

    explanation: Explanation
    folder: Path
    notices: tuple[str, ...] = ()

    @property
    def answer(self) -> str:
        """One sentence on the cause that bounds the training, and on the change that gains most."""
        return answer_in_a_sentence(self.explanation)

    def best(self) -> Advice | None:
        """Return the change that gains most, with its knobs and its gain; None where none is worth making."""
        return next(iter(self.explanation.advice), None)

    def plot(self) -> ShownCharts:
        """Make the charts, and show them if this is a notebook.

        Returns:
            The charts, each with its `figure` of matplotlib.

        Raises:
            ChartsError: matplotlib or seaborn can't be imported, or they fail.
        """
        # Imported here: matplotlib takes a second.
        from bench.report.explain.explain_charts import make_explanation_charts
        from bench.report.notebook.shown_charts import show_charts

        return show_charts(make_explanation_charts(self.explanation))

    def __repr__(self) -> str:
        """Return the answer and the folder."""
        return f"{self.answer}\nResults: {self.folder}"

    def _repr_html_(self) -> str:
        """Return the answer, the changes and the cautions, as a notebook shows them."""
        from bench.report.notebook.explain_html import show_explanation

        return show_explanation(self.explanation, self.folder, self.notices)
