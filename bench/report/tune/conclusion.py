"""TuneConclusion: the end of a tuning, and the errors on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.analysis.tuning.tuning import Tuning
from bench.report.remark import Remark


@dataclass(frozen=True)
class TuneConclusion:
    """The end of a tuning.

    Attributes:
        folder: results folder.
        tuning: the tuning; None where too little was measured.
        failure: one line that says why nothing could be tuned; empty if it could.
        interrupted: whether the user ended the measuring.
        problems: errors that ended the measuring or kept a file from being written, the first one first.
        undrawn: why there are no charts or no page, although they could be written; empty where nothing is
            wrong.
    """

    folder: Path
    tuning: Tuning | None
    failure: str = ""
    interrupted: bool = False
    problems: tuple[Exception, ...] = ()
    undrawn: tuple[Remark, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 1 if nothing could be tuned or an error occurred."""
        return int(bool(self.failure or self.problems) or self.tuning is None)
