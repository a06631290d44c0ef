"""ScriptLadder: a script that runs up to its picked DataLoader, whose ladder is climbed there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from bench.probes.ladder import LadderItem, climb_ladder
from bench.trial.probe import Probe
from bench.workloads.script.script_feed import Feed
from bench.workloads.script.script_file import ScriptFile
from bench.workloads.script.script_hook import Iterate
from bench.workloads.script.script_run import ScriptRun
from loaders.spec.first_batches import limit_stream


class ScriptLadder(ScriptRun[LadderItem]):
    """Runs a script until it opens the picked DataLoader, and climbs the ladder of that one.

    The DataLoader, its dataset and all that they need are there by then. The script goes no further.
    """

    def __init__(self, script: ScriptFile, feed: Feed, probe: Probe) -> None:
        """Prepare to run the script; nothing runs yet.

        Args:
            script: the script.
            feed: what the picked DataLoader delivers.
            probe: says how the ladder is climbed.
        """
        threads = probe.configuration.num_threads
        super().__init__(script, feed, num_threads=threads, seed=probe.seed)
        self._probe = probe
        self._climbs = False

    def _change(self, loader: DataLoader[Any]) -> None:
        # The ladder changes copies of the DataLoader, and their settings are right.
        if not self._climbs:
            super()._change(loader)

    def _open(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        return iterate(loader) if self._climbs else super()._open(loader, iterate)

    def _open_picked(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        del iterate
        self.feed.change(loader)
        self._set_threads()
        self._climbs = True
        with self._ending_at_failure():
            for rung in climb_ladder(limit_stream(loader, self.feed.batches), self._probe):
                if not self._send(rung):
                    break
        self._climbs = False
        self._end()
