"""Session: all chosen parts, one after another, with a summary after each."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.process.interrupts import INTERRUPTED
from bench.report.output import SteadyOutput
from tests.cuda.part import Fate, Part, PartResult, Setting
from tests.cuda.run_part import read_last_lines, run_part
from tests.cuda.summary import succeeded, write_archive, write_summary

# Lines of a part's output that are shown if it did not pass.
SHOWN_LINES = 30


@dataclass(frozen=True)
class Session:
    """A run of parts on a machine.

    Attributes:
        folder: folder of all files, which exists.
        machine: facts of the machine.
        environment: variables of the parts' processes.
        rehearsal: whether the parts are rehearsed.
        archive: file that the folder is written into after each part; default None for none.
    """

    folder: Path
    machine: Mapping[str, object]
    environment: Mapping[str, str]
    rehearsal: bool = False
    archive: Path | None = None

    def run(self, parts: Sequence[Part], bounds: Mapping[str, float]) -> int:
        """Run the parts, print how each ended, and return the exit code.

        Args:
            parts: the parts, in their order.
            bounds: seconds of parts by their names, where they differ from the parts' own.

        Returns:
            0 if all passed, 1 if one did not, 130 if a part was interrupted.
        """
        given_s = [bounds.get(part.name, part.bound_s) for part in parts]
        results = [
            PartResult(part.name, Fate.NOT_RUN, bound_s) for part, bound_s in zip(parts, given_s, strict=True)
        ]
        text = ""
        for place, (part, bound_s) in enumerate(zip(parts, given_s, strict=True)):
            _print(f"{part.name}: {part.purpose}, at most {bound_s:.0f} s")
            setting = Setting(self.folder / part.name, bound_s, self.rehearsal)
            result = results[place] = run_part(part, setting, self.environment)
            self._tell(result)
            text = write_summary(self.folder, self.machine, results, rehearsal=self.rehearsal)
            self._pack()
            if result.fate is Fate.INTERRUPTED:
                break
        _print(f"\n{text}\nAll files: {self.folder}")
        if any(result.fate is Fate.INTERRUPTED for result in results):
            return INTERRUPTED
        return 0 if succeeded(results, rehearsal=self.rehearsal) else 1

    def _pack(self) -> None:
        """Write the archive. A full disk must not end the session."""
        if self.archive is not None:
            try:
                write_archive(self.folder, self.archive)
            except OSError as error:
                _print(f"  {self.archive} can't be written: {error.strerror}")

    def _tell(self, result: PartResult) -> None:
        """Print how a part ended, and the end of its output if it did not pass."""
        _print(f"  {result.fate.value} after {result.seconds:.0f} s; {result.detail}".rstrip("; "))
        if result.fate not in (Fate.PASSED, Fate.SKIPPED):
            for line in read_last_lines(self.folder / result.name, SHOWN_LINES):
                _print(f"  | {line}")


def _print(text: str) -> None:
    # A session goes on when the reader of its output ends.
    output = SteadyOutput(sys.stdout)
    output.write(f"{text}\n")
    output.flush()
