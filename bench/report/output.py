"""Output: standard output that a command outlives, whatever becomes of whoever reads it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from typing import Any, TextIO

# A pipe whose reader has gone, a terminal that was closed: nobody is left to be told.
GONE = (errno.EPIPE, errno.EIO, errno.ENXIO)


class SteadyOutput:
    """A stream that goes on when writing to it fails: the rest of what is said is lost, and nothing else.

    lost: the error, where it isn't that the reader has gone.
    """

    def __init__(self, stream: TextIO | None) -> None:
        # A process may be started without one.
        self._stream = stream or io.StringIO()
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write, as far as that is possible."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Flush, as far as that is possible."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if error.errno not in GONE:
            self.lost = self.lost or error
        # What the stream still holds goes there too, when the interpreter ends.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
