"""ReplayFeed: captured batches in place of a script's DataLoader, as an infinitely fast one would deliver."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader

from bench.workloads.own.captured_batches import CapturedBatches, capture
from bench.workloads.script.script_feed import Feed
from bench.workloads.script.script_hook import Iterate
from bench.workloads.script.script_tally import FoundLoader
from loaders.spec.source_facts import DataLoaderSettings


class ReplayFeed(Feed):
    """Captured batches of the picked DataLoader, in turn for as long as an epoch."""

    def __init__(
        self,
        picked: FoundLoader,
        settings: DataLoaderSettings,
        batches: int | None = None,
        epochs: int | None = None,
        *,
        most_bytes: int,
    ) -> None:
        """Prepare to capture batches.

        Args:
            picked: the DataLoader.
            settings: settings to capture its batches with.
            batches: number of batches after which an epoch ends; default None for the script's own end.
            epochs: number of epochs after which the script may end in any way; default None for none.
            most_bytes: most bytes of the captured batches.
        """
        super().__init__(picked, settings, batches, epochs)
        self._most_bytes = most_bytes
        self._captured: CapturedBatches | None = None

    def observe(self, batches: int, samples: int) -> None:
        """Return None: the same batches come again and again."""
        del batches, samples

    def _make_source(self, loader: DataLoader[Any], iterate: Iterate) -> Callable[[], Iterator[Any]]:
        if self._captured is None:
            count = self.length or self.picked.facts.batches
            self._captured = capture(_Plain(loader, iterate), count, self._most_bytes)
            # The output of a trial goes to trials.log.
            sys.stdout.write(f"{self._captured}\n")
        return self._captured.__iter__


class _Plain:
    """A DataLoader whose `iter()` isn't answered by us."""

    def __init__(self, loader: DataLoader[Any], iterate: Iterate) -> None:
        self._loader = loader
        self._iterate = iterate

    def __iter__(self) -> Iterator[Any]:
        return self._iterate(self._loader)
