"""ScriptEpochs: a script whose epochs over the picked DataLoader are timed from the inside."""

from __future__ import annotations

import gc
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader

from bench.trial.epoch_timings import EpochTimings
from bench.workloads.script.script_epoch import ScriptEpoch
from bench.workloads.script.script_feed import Feed
from bench.workloads.script.script_file import ScriptFile
from bench.workloads.script.script_hook import Iterate
from bench.workloads.script.script_run import ScriptRun

T = TypeVar("T")
Count = Callable[[Any], int]
Report = TypeVar("Report", covariant=True)


class EpochReporter(Protocol[Report]):
    """Makes the item that is sent about each epoch of a script."""

    @property
    def is_done(self) -> bool:
        """True once no further epoch is wanted."""

    def begin(self, loader: DataLoader[Any], count: Count | None) -> Count | None:
        """Prepare for an epoch, just before its clock starts.

        Args:
            loader: the picked DataLoader, with its new settings.
            count: returns the number of samples of a batch; None for counting them by its form.

        Returns:
            The function that is to count them.
        """

    def report(self, timings: EpochTimings) -> Report:
        """Return the item about an epoch that has just ended."""

    def end(self) -> None:
        """Let go of what belongs to one epoch. It follows each one, whether that was reported or not."""

    def close(self) -> None:
        """Let go of all else, as the script is over."""


class ScriptEpochs(ScriptRun[T]):
    """Runs a script once, and sends an item about each of its epochs over the picked DataLoader."""

    def __init__(
        self, script: ScriptFile, feed: Feed, reporter: EpochReporter[T], *, num_threads: int, seed: int
    ) -> None:
        """Prepare to run the script; nothing runs yet.

        Args:
            script: the script.
            feed: what the picked DataLoader delivers.
            reporter: makes the items.
            num_threads: threads of torch.
            seed: seed of torch at the script's start.
        """
        super().__init__(script, feed, num_threads=num_threads, seed=seed)
        self._reporter = reporter
        self._epoch: Callable[[], ScriptEpoch | None] = lambda: None
        self._stepped_ns = 0

    def push(self, send: Callable[[T], bool]) -> None:
        """Run the script, and send an item about each epoch, as the base class says."""
        register_optimizer_step_post_hook(self._note_step)
        super().push(send)

    def _open_picked(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        make = self.feed.prepare(loader, iterate)
        self._set_threads()
        # An epoch must not pay for garbage of the time before.
        gc.collect()
        with self._ending_at_failure():
            count = self._reporter.begin(loader, self.feed.count)
        epoch = ScriptEpoch(make, self._close_gone, synchronize=synchronize, count=count)
        self._epoch = weakref.ref(epoch)
        return epoch

    def _turn_to(self, *, picked: bool) -> None:
        # The script may turn to another DataLoader in the midst of an epoch.
        self._close_kept(again=picked)

    def _conclude(self) -> None:
        self._close_kept(again=True)

    def _release(self) -> None:
        self._reporter.close()

    def _close_kept(self, *, again: bool) -> None:
        """Close the epoch whose iterator the script still holds, if it is over.

        Args:
            again: whether the script begins another epoch or has ended.
        """
        epoch = self._epoch()
        if epoch is None or not (again or epoch.is_complete(self.feed.length)):
            return
        with self._ending_at_failure():
            goes_on = self._finish(epoch, gone=False)
        if not goes_on:
            self._end()

    def _close_gone(self, epoch: ScriptEpoch) -> None:
        """Close the epoch whose iterator the script has dropped. Nothing may be raised here."""
        if self._over:
            return
        try:
            goes_on = self._finish(epoch, gone=True)
        except Exception as error:
            self._fail(error)
            goes_on = False
        if not goes_on:
            self._ender.end_soon(ScriptEpoch.__del__.__code__, ScriptFile.run.__code__)

    def _finish(self, epoch: ScriptEpoch, *, gone: bool) -> bool:
        """Report an epoch, unless it was only a look at the first batches.

        Returns:
            Whether the script goes on.
        """
        timings = epoch.close(gone=gone, stepped_ns=self._stepped_ns)
        self._epoch = lambda: None
        is_complete = epoch.is_complete(self.feed.length)
        is_epoch = self.feed.is_epoch(timings.batches, timings.samples, is_complete=is_complete)
        item = self._reporter.report(timings) if is_epoch else None
        self._reporter.end()
        self.feed.release()
        if item is None:
            return True
        self._over = not self._send(item) or self._reporter.is_done
        return not self._over

    def _note_step(self, *_: object) -> None:
        """Note the time of an optimizer's step, which may be the last of its epoch."""
        epoch = self._epoch()
        if epoch is not None:
            if epoch.is_complete(self.feed.length):
                synchronize()
            self._stepped_ns = time.perf_counter_ns()


def synchronize() -> None:
    """Wait for the CUDA device, if the script uses one."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
