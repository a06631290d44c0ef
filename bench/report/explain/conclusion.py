"""ExplainConclusion: the end of an explanation, and the errors on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.report.remark import Remark


@dataclass(frozen=True)
class ExplainConclusion:
    """The end of an explanation.

    Attributes:
        folder: results folder.
        explanation: the explanation; None where too little was measured.
        left_out: number of blocks that the budget left no time for.
        interrupted: whether the user ended the measuring.
        failure: one line that says why the configuration couldn't be measured, or not in all blocks; empty if
            it could.
        problems: errors that ended the measuring or kept a file from being written, the first one first.
        undrawn: why there are no charts or no page, although they could be written; empty where nothing is
            wrong.
    """

    folder: Path
    explanation: Explanation | None
    left_out: int = 0
    interrupted: bool = False
    failure: str = ""
    problems: tuple[Exception, ...] = ()
    undrawn: tuple[Remark, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 if the configuration couldn't be measured or an error occurred."""
        return int(bool(self.failure or self.problems) or self.explanation is None)
