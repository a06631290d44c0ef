"""Ring: chunks of an epoch that threads fill and one thread takes."""

from __future__ import annotations

from typing import Protocol


class Ring(Protocol):
    """Chunks of an epoch, filled by any number of threads and taken in order by one.

    Chunk n is valid until chunk n+2 is taken.
    """

    def begin(self, seed: int) -> None:
        """Begin an epoch in the order that `seed` decides."""

    def take(self, chunk: int) -> None:
        """Return once this chunk lies in its slot; fill chunks meanwhile."""

    def help(self) -> None:
        """Fill chunks until the epoch ends or `stop` is called; the work of a helper thread."""

    def stop(self) -> None:
        """Let the helper threads return."""
