"""ScriptRun: a script that runs as it is, with other settings of one of its DataLoaders."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import torch
from torch.utils.data import DataLoader

from bench.process.child import ChildEnd, ChildFailure, Push
from bench.workloads.script.script_end import ScriptEnder
from bench.workloads.script.script_feed import Feed
from bench.workloads.script.script_file import ScriptError, ScriptFile
from bench.workloads.script.script_hook import Iterate, hook_loaders
from bench.workloads.script.script_loaders import LoaderKeys

T = TypeVar("T")


class ScriptRun(Push[T]):
    """Runs a script once, and sends items about its picked DataLoader.

    Attributes:
        feed: what the picked DataLoader delivers.
    """

    def __init__(self, script: ScriptFile, feed: Feed, *, num_threads: int, seed: int) -> None:
        """Prepare to run the script; nothing runs yet.

        Args:
            script: the script.
            feed: what the picked DataLoader delivers.
            num_threads: threads of torch.
            seed: seed of torch at the script's start.
        """
        self.feed = feed
        self._script = script
        self._num_threads, self._seed = num_threads, seed
        self._keys = LoaderKeys()
        self._keeps_threads = True
        self._sent = 0
        # The script ends at its next call of ours, as enough was sent or it has failed.
        self._over = False
        self._failure: Exception | None = None
        self._ender = ScriptEnder(self._finish_process)

    def push(self, send: Callable[[T], bool]) -> None:
        """Run the script, and send the items.

        Raises:
            ScriptError: it has ended without an item.
            Exception: an item could not be made.
        """
        self._sender: Callable[[Any], bool] = send
        # A number of threads that the script sets gives way to one that is varied.
        self._keeps_threads = self._num_threads == torch.get_num_threads()
        torch.set_num_threads(self._num_threads)
        torch.manual_seed(self._seed)
        hook_loaders(self._open, self._change)
        try:
            self._script.run()
            self._conclude()
        except BaseException:
            # A script may fail on its way out: once it was ended, or after as many epochs as are needed. What
            # it breaks off itself is no epoch.
            ends = self._over or (self.feed.epochs is not None and self._sent >= self.feed.epochs)
            self._over = True
            if not ends:
                raise
        finally:
            self._release()
        if self._failure is not None:
            raise self._failure
        if not self._sent:
            raise ScriptError(f"{self._script.text} ended without an epoch over {self.feed.picked}")

    @abstractmethod
    def _open_picked(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        """Answer an `iter()` of the picked DataLoader.

        Args:
            loader: the DataLoader, whose settings have not been changed if it is new.
            iterate: DataLoader's own `__iter__`.
        """

    def _turn_to(self, *, picked: bool) -> None:
        """Note that the script opens a DataLoader.

        Args:
            picked: whether it is the picked one.
        """

    def _conclude(self) -> None:
        """Send what is left at the script's end."""

    def _release(self) -> None:
        """Let go of all that outlives the script."""

    def _change(self, loader: DataLoader[Any]) -> None:
        """Change a DataLoader before its length is told, if it is the picked one."""
        if self._is_picked(loader):
            self.feed.change(loader)

    def _open(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        """Answer an `iter()` of any DataLoader."""
        if self._over:
            self._end()
        picked = self._is_picked(loader)
        self._turn_to(picked=picked)
        return self._open_picked(loader, iterate) if picked else iterate(loader)

    def _is_picked(self, loader: DataLoader[Any]) -> bool:
        return self._keys.find(loader) == self.feed.picked.key

    def _set_threads(self) -> None:
        """Put the number of threads back that a script may have changed."""
        if not self._keeps_threads:
            torch.set_num_threads(self._num_threads)

    def _send(self, item: T) -> bool:
        """Send an item, and return whether another one is wanted."""
        self._sent += 1
        return self._sender(item)

    @contextmanager
    def _ending_at_failure(self) -> Iterator[None]:
        """End the script at an error of ours, which it must not swallow.

        Raises:
            ScriptEnd: there was one, and `push` raises it.
        """
        try:
            yield
        except Exception as error:
            self._fail(error)
            self._end()

    def _fail(self, error: Exception) -> None:
        """Keep an error of ours until the script has ended."""
        self._failure = error
        self._over = True

    def _end(self) -> NoReturn:
        """End the script from within a function of ours that it has called."""
        self._over = True
        self._ender.end_now()

    def _finish_process(self) -> None:
        """Do what `push` does at its end, where the script's end is that of the process."""
        self._release()
        if self._failure is None:
            self._sender(ChildEnd())
            return
        traceback.print_exception(self._failure)
        self._sender(ChildFailure.of(self._failure))
