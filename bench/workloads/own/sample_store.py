"""SampleStore: decoded samples of a user's dataset, which the trials of a sweep share."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from torch.utils.data import DataLoader

from bench.machine.memory import find_memory
from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.text import format_duration
from bench.workloads.inspection.sample_checks import MEMORY_SHARE, check_samples
from bench.workloads.target.open_source import open_source
from bench.workloads.target.target import Target, TargetError
from loaders.data.batch_format import SampleError
from loaders.data.decoded_samples import DecodedSamples, Progress
from loaders.data.errors import DataError
from loaders.families.in_memory import InMemory

# Time for imports, and for each piece of samples.
TIMEOUT_S = 120.0
# Time between two reports of progress, in seconds.
INTERVAL_S = 0.1
Params = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class StoredSamples:
    """Decoded samples in a file.

    Attributes:
        path: the file, as other processes open it.
        decode_s: seconds that decoding took.
    """

    path: Path
    decode_s: float


class SampleStore:
    """Decoded samples, in files without a name that only this process holds open.

    Other processes open them through /proc. So nothing is left of them when this process ends, however it
    ends. Where there is no /proc or no room, every trial decodes for itself.
    """

    def __init__(self, checked: Params = ()) -> None:
        """Begin without samples.

        Args:
            checked: parameters of the target's function whose samples were found to be always the same.
        """
        self._checked = checked
        self._stored: dict[Params, StoredSamples] = {}
        self._files = ExitStack()
        weakref.finalize(self, self._files.close)

    def __getstate__(self) -> dict[str, Any]:
        """Return what other processes need: the paths."""
        return {"_stored": self._stored, "_checked": self._checked}

    def fill(
        self, target: Target, spec: InMemory, progress: Progress | None, within_s: float | None = None
    ) -> None:
        """Decode the samples of a target in a process of its own.

        Args:
            target: the user's DataLoader or Dataset.
            spec: the loader; its parameters are those of the target's function.
            progress: called with the samples done and all samples; None for no progress.
            within_s: seconds in which all must be decoded; default None for no such limit.

        Raises:
            DataError: they can't be decoded.
        """
        if spec.params in self._stored or (file := self._make_file(spec)) is None:
            return
        limit = DecodingLimit(within_s)
        with ExitStack() as until_filled:
            until_filled.enter_context(file)
            if spec.params != self._checked:
                # In another process than that of the workers: see DecodedSamples.begin.
                _run(partial(_check, target, spec), None, limit)
            decode_s = _run(partial(_decode_into, _name_of(file), target, spec), progress, limit)
            self._files.push(until_filled.pop_all())
        self._stored[spec.params] = StoredSamples(_name_of(file), decode_s)

    def load(self, source: DataLoader[Any], spec: InMemory) -> tuple[DecodedSamples | None, float]:
        """Return the samples in memory of this process, and the seconds that decoding them took.

        Args:
            source: the user's DataLoader, made by this process.
            spec: the loader.

        Returns:
            The samples, None where the loader is to decode them; and the seconds, 0 where this process spends
            them.

        Raises:
            SampleError: the samples can't be kept in memory.
        """
        stored = self._stored.get(spec.params)
        if stored is not None:
            try:
                with stored.path.open("rb") as file:
                    return DecodedSamples.read(file, source), stored.decode_s
            except OSError:
                pass
        if spec.params == self._checked:
            return None, 0.0
        # Other parameters of the target's function may add random transforms.
        if reason := check_samples(source).differing:
            raise SampleError(reason)
        return DecodedSamples.decode(source, num_workers=0), 0.0

    def _make_file(self, spec: InMemory) -> IO[bytes] | None:
        """Return an empty file without a name; None where there is no room or no other way to open it."""
        sample = spec.facts.sample
        needed = (sample.count or 0) * sample.sample_bytes if sample else 0
        # The file may lie in memory, beside the trial's own copy.
        fits = 2 * needed <= MEMORY_SHARE * find_memory().available_bytes
        if not fits or needed > shutil.disk_usage(tempfile.gettempdir()).free:
            return None
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the sweep
        if _name_of(file).exists():
            return file
        file.close()
        return None


class DecodingLimit:
    """The time that decoding may take: for each piece of samples, and for all of them."""

    def __init__(self, within_s: float | None) -> None:
        """Begin now.

        Args:
            within_s: seconds for all samples; None for no such limit.
        """
        self._within_s = math.inf if within_s is None else within_s
        self._ends_s = read_running_s() + self._within_s

    def find_deadline(self) -> float:
        """Return the reading of `read_running_s()` until which the next piece must be there."""
        return min(read_running_s() + TIMEOUT_S, self._ends_s)

    def explain(self) -> str:
        """Return that a deadline has passed, in one line."""
        if read_running_s() >= self._ends_s:
            return f"its samples were not decoded within {format_duration(self._within_s)}"
        return f"no sample was decoded within {format_duration(TIMEOUT_S)}"


def _name_of(file: IO[bytes]) -> Path:
    """Return the path of an open file for other processes."""
    return Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")


def _run(
    work: Callable[[], Iterator[tuple[int, int] | str | float]],
    progress: Progress | None,
    limit: DecodingLimit,
) -> float:
    """Run work in a process of its own, and return the seconds that it tells at its end.

    Raises:
        DataError: it says what is wrong, fails, or hangs.
    """
    try:
        context, log = prepare_context(), Path(os.devnull)
        with FreshProcess(work, context=context, log=log, title="decoding") as process:
            while not isinstance(found := process.take(limit.find_deadline()), float):
                if isinstance(found, str):
                    raise DataError(found)
                if progress is not None:
                    progress(*found)
            return found
    except TimeoutError:
        raise DataError(limit.explain()) from None
    except ProcessError as error:
        raise DataError(f"its samples can't be decoded: {error}") from None


def _check(target: Target, spec: InMemory) -> Iterator[str | float]:
    """Yield why the samples can't be kept in memory, or 0.0."""
    given = ", ".join(f"{name}={value!r}" for name, value in spec.params)
    try:
        reason = check_samples(open_source(target, dict(spec.params))).differing
    except TargetError as error:
        reason = str(error)
    yield f"{reason} ({given})" if reason else 0.0


def _decode_into(path: Path, target: Target, spec: InMemory) -> Iterator[tuple[int, int] | str | float]:
    """Decode samples into a file.

    Yields:
        The samples done and all samples; then the seconds that it took, or why they can't be decoded.
    """
    try:
        source = open_source(target, dict(spec.params))
        began_s = reported_s = time.perf_counter()
        samples, decoding = DecodedSamples.begin(source, num_workers=spec.count_decoders())
        for done in decoding:
            if time.perf_counter() - reported_s > INTERVAL_S or done == len(samples):
                reported_s = time.perf_counter()
                yield done, len(samples)
        decode_s = time.perf_counter() - began_s
    except (SampleError, TargetError) as error:
        yield str(error)
        return
    with path.open("r+b") as file:
        samples.write(file)
    yield decode_s
