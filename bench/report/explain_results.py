"""ExplainResults: an explanation as a program gets it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.answer import answer_in_a_sentence


@dataclass(frozen=True)
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
