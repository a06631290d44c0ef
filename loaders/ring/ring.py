"""Ring: chunks of an epoch that threads fill and one thread takes."""

from __future__ import annotations

from typing import Protocol


class Helpable(Protocol):
    """Work that helper threads share."""

    def help(self) -> None:
        """Work until there is no more to do or `stop` is called; the work of a helper thread."""

    def stop(self) -> None:
        """Let the helper threads return."""


class Ring(Helpable, Protocol):
    """Chunks of an epoch, filled by any number of threads and taken in order by one.

    Chunk n is valid until chunk n+2 is taken.
    """

    def begin(self, seed: int) -> None:
        """Begin an epoch in the order that `seed` decides."""

    def take(self, chunk: int) -> None:
        """Return once this chunk lies in its slot; fill chunks meanwhile."""
