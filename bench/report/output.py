"""Standard streams that a command outlives, in letters that they can take."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO

from bench.text import printable

# Errors of a pipe without a reader and of a closed terminal: nobody is left to be told.
GONE = (errno.EPIPE, errno.EIO, errno.ENXIO)
# Name of the error handler that replaces letters which an encoding lacks.
READABLE = "loaderbench-readable"
REPLACEMENTS = {
    "×": "x", "–": "-", "—": "-", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "±": "+/-", "·": "*",
    "’": "'", "“": '"', "”": '"', "«": "<<", "»": ">>", "√": "sqrt", "µ": "u", "⁵": "^5",
}  # fmt: skip


class SteadyOutput:
    """A stream of text that goes on when writing to it fails: later text is lost, and nothing else.

    Attributes:
        lost: first error of writing, other than a reader that has gone; None without one.
    """

    def __init__(self, stream: TextIO | None) -> None:
        """Wrap a stream.

        Args:
            stream: stream to write to; None in a process that was started without one.
        """
        self._stream = stream or io.StringIO()
        self.lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write as much as the stream takes."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Flush, if the stream still can."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        if error.errno not in GONE:
            self.lost = self.lost or error
        # The interpreter flushes at its end: the text in the buffer must go nowhere then.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def prepare_streams() -> None:
    """Make standard output and standard error take every letter, and keep their descriptors occupied."""
    # A file that took the number of a closed descriptor would get what a library prints there.
    with contextlib.suppress(OSError):
        while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(free)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=READABLE)


def complain(message: object) -> None:
    """Print one line on standard error, if it can be written."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            print(f"error: {printable(str(message))}", file=sys.stderr, flush=True)  # noqa: T201


def replace_letters(error: UnicodeError) -> tuple[str, int]:
    """Return readable ASCII for the letters that an encoding lacks, and the place to go on from.

    Raises:
        UnicodeError: the error was not one of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_replace_letter(letter) for letter in letters), error.end


def _replace_letter(letter: str) -> str:
    if letter in REPLACEMENTS:
        return REPLACEMENTS[letter]
    if "\u2500" <= letter <= "\u257f":
        # Box drawing: lines, and the corners and crossings between them.
        return "-" if letter in "─━╌╍┄┅═╴╶╸╺╼╾" else "|" if letter in "│┃╎╏┆┇║" else "+"
    if "\u2580" <= letter <= "\u259f":
        return "#"
    # Spinners are drawn in Braille.
    return "*" if "\u2800" <= letter <= "\u28ff" else letter.encode("ascii", "backslashreplace").decode()


codecs.register_error(READABLE, replace_letters)
