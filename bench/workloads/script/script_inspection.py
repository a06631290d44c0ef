"""Inspection of a script: a first run that finds its DataLoaders, until the one to vary is known."""

from __future__ import annotations

import multiprocessing.process
import os
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader

from bench.process.child import Push
from bench.text import describe_error, format_count
from bench.workloads.inspection.constructor_watch import ConstructorWatch, watch_constructors
from bench.workloads.inspection.user_modules import (
    digest_files,
    list_module_files,
    list_user_files,
    stamp_files,
)
from bench.workloads.script.script_end import ScriptEnder
from bench.workloads.script.script_file import ScriptError, ScriptFile
from bench.workloads.script.script_hook import Iterate, hook_loaders
from bench.workloads.script.script_loaders import LoaderKey, LoaderKeys
from bench.workloads.script.script_tally import CountedIterator, FoundLoader, LoaderTally
from bench.workloads.script.trainer_code import is_by_trainer
from bench.workloads.script.written_files import WrittenFiles
from loaders.data.dataset_ref import FileStamp
from loaders.data.length import find_length

# Seconds after the first batch in which the run finds out which DataLoader is the largest.
LONGEST_LOOK_S = 60.0


@dataclass(frozen=True)
class ScriptInspection:
    """Findings about a script.

    Attributes:
        loaders: its DataLoaders, in the order in which it iterates them.
        has_ended: whether the script came to its end, so that their epochs are all that there are.
        files: files and folders that it wrote.
        digest: SHA-256 in hex over the script and the modules that it imported.
        stamps: these files, with size and time.
        error: one line that says why it can't be measured; empty if it can.
        exit_code: the code with which it left, having printed why; None for another end.
    """

    loaders: tuple[FoundLoader, ...]
    has_ended: bool
    files: tuple[str, ...]
    digest: str
    stamps: tuple[FileStamp, ...]
    error: str = ""
    exit_code: int | None = None


class ScriptLook(Push[ScriptInspection]):
    """Runs a script until the DataLoader to vary has completed an epoch and begins the next one."""

    def __init__(self, script: ScriptFile, pick: str | None = None, batches: int | None = None) -> None:
        """Prepare to run the script; nothing runs yet.

        Args:
            script: the script.
            pick: number or name of the DataLoader to vary; None for the one that most samples go through.
            batches: number of batches after which an epoch ends; None for the script's own end.
        """
        self._script = script
        self._pick = pick
        self._batches = batches
        self._keys, self._iterated = LoaderKeys(), LoaderKeys()
        self._tallies: dict[Any, LoaderTally] = {}
        self._calls = ConstructorWatch()
        self._made: weakref.WeakSet[DataLoader[Any]] = weakref.WeakSet()
        self._trainers: weakref.WeakSet[DataLoader[Any]] = weakref.WeakSet()
        self._by_trainer: set[LoaderKey] = set()
        self._all_made = self._processes = 0
        self._own = self._stopped = False
        self._deadline_s = float("inf")
        self._ender = ScriptEnder(self._report)

    def push(self, send: Callable[[ScriptInspection], bool]) -> None:
        """Run the script, and send what was found."""
        self._send, self._before = send, list_module_files()
        self._watch_constructors()
        # A trial gives out keys at these calls, too.
        hook_loaders(self._open, self._keys.find)
        self._written = WrittenFiles(self._script.start)
        error, exit_code, advice = "", None, ""
        try:
            self._script.run()
        except ScriptError as failure:
            error, exit_code, advice = str(failure), failure.exit_code, failure.advice
        # A script may raise anything.
        except Exception as failure:
            traceback.print_exc()
            error = describe_error(failure)
        self._report(error, exit_code, advice)

    def _report(self, error: str = "", exit_code: int | None = None, advice: str = "") -> None:
        for tally in self._tallies.values():
            tally.close()
        loaders = tuple(map(self._find, self._tallies.values()))
        modules = list_user_files(self._before)
        explained = self._explain(error, loaders)
        files = [self._script.path, *(path for path in modules if path != self._script.path)]
        self._send(
            ScriptInspection(
                loaders,
                not self._stopped,
                tuple(self._written.list()),
                digest_files(files),
                stamp_files(files),
                f"{explained}; {advice}" if explained and advice else explained,
                exit_code,
            )
        )

    def _find(self, tally: LoaderTally) -> FoundLoader:
        found = tally.find()
        facts = replace(found.facts, loader_call=self._calls.find(found.key))
        return replace(found, facts=facts, by_trainer=found.key in self._by_trainer)

    def _open(self, loader: DataLoader[Any], iterate: Iterate) -> Iterator[Any]:
        """Answer an `iter()` of any DataLoader."""
        if self._stopped:
            self._ender.end_now()
        key = self._keys.find(loader)
        self._iterated.find(loader)
        self._calls.open(loader, key)
        if loader in self._trainers:
            self._by_trainer.add(key)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = LoaderTally(self._name(key.dataset), key)
        tally.open(loader)
        if tally is self._find_wanted() and tally.epochs > self._awaits_larger(tally):
            self._stop()
        self._own = True
        try:
            inner = iterate(loader)
        finally:
            self._own = False
        return CountedIterator(inner, tally, partial(self._check, tally), self._batches)

    def _check(self, tally: LoaderTally) -> None:
        """Look at the time, and at other DataLoaders, before each batch of an iterator but the first."""
        tally.compare(self._tallies.values())
        now_s = time.monotonic()
        if self._deadline_s == float("inf"):
            self._deadline_s = now_s + LONGEST_LOOK_S
        elif now_s > self._deadline_s:
            wanted = self._find_wanted()
            if wanted is not None and not self._awaits_larger(wanted):
                for other in self._tallies.values():
                    other.interrupt()
                self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self._ender.end_now()

    def _find_wanted(self) -> LoaderTally | None:
        """Return the DataLoader that is picked, or that most samples went through so far."""
        tallies = list(self._tallies.values())
        if self._pick is None:
            return max(tallies, key=lambda tally: tally.key.weigh(tally.weight), default=None)
        found = [tally for n, tally in enumerate(tallies, 1) if self._pick in (str(n), tally.name)]
        return found[0] if found else None

    def _awaits_larger(self, tally: LoaderTally) -> bool:
        """Return whether a larger DataLoader was made that the script has not turned to yet."""
        if self._pick is not None:
            return False
        sizes = [
            find_length(loader.dataset) or 0
            for loader in list(self._made)
            if not self._iterated.knows(loader)
        ]
        return max(sizes, default=0) > tally.weight

    def _name(self, dataset: str) -> str:
        names = [tally.name for tally in self._tallies.values()]
        alike = sum(name.partition("-")[0] == dataset for name in names)
        return f"{dataset}-{alike + 1}" if alike else dataset

    def _watch_constructors(self) -> None:
        """Note the DataLoaders that the script makes, and the processes that it starts by itself."""
        start = multiprocessing.process.BaseProcess.start

        def note_loader(loader: DataLoader[Any], frame: FrameType) -> None:
            self._all_made += 1
            self._made.add(loader)
            if is_by_trainer(frame):
                self._trainers.add(loader)
            self._calls.note(loader, frame)

        def note_process(process: multiprocessing.process.BaseProcess) -> None:
            self._processes += not self._own
            # A start that forks isn't counted twice.
            own, self._own = self._own, True
            try:
                start(process)
            finally:
                self._own = own

        def note_fork() -> None:
            self._processes += not self._own

        watch_constructors(note_loader)
        multiprocessing.process.BaseProcess.start = note_process  # type: ignore[method-assign, assignment]
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=note_fork)

    def _explain(self, error: str, loaders: tuple[FoundLoader, ...]) -> str:
        """Return why the script can't be measured; empty if it can."""
        text = self._script.text
        if any(loader.epochs for loader in loaders):
            # What it does after an epoch is not measured.
            return ""
        if error:
            return f"{error}, before the end of an epoch" if loaders else f"{error}, before its first batch"
        if loaders and self._stopped:
            return ""
        if any(loader.facts.batch_samples for loader in loaders):
            return f"{text} ended before the end of an epoch"
        if loaders:
            return f"{text} ended before its first batch"
        if self._processes:
            started = f"{self._processes:,} process{'es' * (self._processes > 1)}"
            return (
                f"{text} iterates no DataLoader itself, and starts {started}: give a script that trains in "
                "its own process"
            )
        if self._all_made:
            made = format_count(self._all_made, "DataLoader")
            return f"{text} ended before its first batch: it makes {made} and iterates none"
        return (
            f"{text} has no DataLoader: it ended without making one. If its batches come from elsewhere, "
            f"name what makes them, as in {text}:NAME"
        )
