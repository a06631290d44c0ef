"""ScriptTrial: a script that runs as it is, with other settings of one of its DataLoaders."""

from __future__ import annotations

import gc
import multiprocessing
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader

from bench.machine import interference
from bench.machine.counter_reading import CounterReading
from bench.process.child import Push
from bench.trial.epoch_report import EpochReport
from bench.workloads.script.script_end import ScriptEnd, end_now, end_soon
from bench.workloads.script.script_epoch import ScriptEpoch
from bench.workloads.script.script_feed import Feed
from bench.workloads.script.script_file import ScriptError, ScriptFile
from bench.workloads.script.script_hook import Iterate, hook_loaders
from bench.workloads.script.script_loaders import LoaderKeys

if TYPE_CHECKING:
    from bench.trial.trial import Trial

Send = Callable[[EpochReport], bool]


class ScriptTrial(Push[EpochReport]):
    """Runs a script once, and reports each of its epochs over the picked DataLoader."""

    def __init__(self, trial: Trial, script: ScriptFile, feed: Feed) -> None:
        """Prepare to run the script; nothing runs yet.

        Args:
            trial: the trial.
            script: the script.
            feed: what the picked DataLoader delivers.
        """
        self._trial = trial
        self._script = script
        self._feed = feed
        self._keys = LoaderKeys()
        self._epoch: Callable[[], ScriptEpoch | None] = lambda: None
        self._stepped_ns = 0
        self._began_s = time.perf_counter()
        self._num_threads: int | None = None
        self._reported = False
        # No further epoch counts, as enough were reported or the script has failed.
        self._over = False
        sweep = multiprocessing.parent_process()
        self._sweep_pid = None if sweep is None else sweep.pid
        self._before = self._read_counters()

    def push(self, send: Send) -> None:
        """Run the script, and send a report of each epoch.

        Raises:
            ScriptError: it has ended without an epoch over the picked DataLoader.
        """
        self._send = send
        num_threads = self._trial.configuration.num_threads
        # A number of threads that the script sets gives way to one that is varied.
        self._num_threads = None if num_threads == torch.get_num_threads() else num_threads
        torch.set_num_threads(num_threads)
        torch.manual_seed(self._trial.seed)
        hook_loaders(self._open, self._change)
        register_optimizer_step_post_hook(self._note_step)
        self._began_s = time.perf_counter()
        try:
            self._script.run()
            self._close_kept()
        except ScriptEnd:
            return
        except BaseException:
            # The epoch that it broke off is no epoch.
            self._over = True
            raise
        if not self._reported:
            raise ScriptError(f"{self._script.text} ended without an epoch over {self._feed.picked}")

    def _change(self, loader: DataLoader[Any]) -> None:
        """Change a DataLoader before its length is told, if it is the picked one."""
        if self._keys.find(loader) == self._feed.picked.key:
            self._feed.change(loader)

    def _open(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        """Answer an `iter()` of any DataLoader."""
        if self._over:
            end_now()
        picked = self._keys.find(loader) == self._feed.picked.key
        self._close_kept(again=picked)
        if not picked:
            return iterate(loader)
        make = self._feed.prepare(loader, iterate)
        if self._num_threads is not None:
            torch.set_num_threads(self._num_threads)
        # An epoch must not pay for garbage of the time before.
        gc.collect()
        self._before = self._read_counters()
        epoch = ScriptEpoch(make, self._close_gone, synchronize=synchronize, count=self._feed.count)
        self._epoch = weakref.ref(epoch)
        return epoch

    def _close_kept(self, *, again: bool = True) -> None:
        """Close the epoch whose iterator the script still holds, if it is over.

        Args:
            again: whether the script begins another epoch or has ended; False where it turns to another
                DataLoader, as it may do in the midst of an epoch.
        """
        epoch = self._epoch()
        if epoch is None or not (again or epoch.is_complete(self._feed.length)):
            return
        if not self._finish(epoch, gone=False):
            end_now()

    def _close_gone(self, epoch: ScriptEpoch) -> None:
        """Close the epoch whose iterator the script has dropped. Nothing may be raised here."""
        if self._over:
            return
        try:
            goes_on = self._finish(epoch, gone=True)
        except Exception:
            traceback.print_exc()
            goes_on = False
        if not goes_on:
            end_soon(ScriptEpoch.__del__.__code__, ScriptFile.run.__code__)

    def _finish(self, epoch: ScriptEpoch, *, gone: bool) -> bool:
        """Report an epoch, unless it was only a look at the first batches.

        Returns:
            Whether the script goes on.
        """
        timings = epoch.close(gone=gone, stepped_ns=self._stepped_ns)
        self._epoch = lambda: None
        after = self._read_counters()
        observation = self._feed.observe(timings.batches, timings.samples) if self._trial.audited else None
        self._feed.release()
        is_complete = epoch.is_complete(self._feed.length)
        if not self._feed.is_epoch(timings.batches, timings.samples, is_complete=is_complete):
            return True
        report = EpochReport(
            timings,
            None,
            interference.find_interference(self._before, after),
            observation,
            build_s=None if self._reported else timings.start_ns * 1e-9 - self._began_s,
        )
        self._reported = True
        self._over = not self._send(report)
        return not self._over

    def _note_step(self, *_: object) -> None:
        """Note the time of an optimizer's step, which may be the last of its epoch."""
        epoch = self._epoch()
        if epoch is not None:
            if epoch.is_complete(self._feed.length):
                synchronize()
            self._stepped_ns = time.perf_counter_ns()

    def _read_counters(self) -> CounterReading:
        return interference.read_counters(cuda=self._trial.on_cuda, sweep_pid=self._sweep_pid)


def synchronize() -> None:
    """Wait for the CUDA device, if the script uses one."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
