"""TrialLog: the text that the processes of one trial print."""

from __future__ import annotations

import contextlib
from pathlib import Path

# End of the text that is searched for the cause of a failure.
MOST_BYTES = 1 << 16


class TrialLog:
    """The part of the log file that is written from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = self._size()

    def read(self) -> str:
        """Return the end of the text that was printed since; empty where the file can't be read."""
        with contextlib.suppress(OSError), self._path.open("rb") as file:
            file.seek(max(self._begin, self._size() - MOST_BYTES))
            return file.read().decode("utf-8", "replace")
        return ""

    def _size(self) -> int:
        with contextlib.suppress(OSError):
            return self._path.stat().st_size
        return 0
