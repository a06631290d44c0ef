"""Text that functions print to a console, for tests."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console


def capture(call: Callable[[Console], object], width: int = 140) -> str:
    """Return the text that a call prints to a console without a terminal."""
    console = Console(file=io.StringIO(), width=width)
    call(console)
    return console.file.getvalue()
