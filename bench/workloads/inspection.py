"""Inspection of a target in a process of its own, before anything is measured."""

from __future__ import annotations

import hashlib
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.text import describe_error
from bench.workloads.open_source import open_source
from bench.workloads.target import Target, TargetError
from loaders.data.nested_batch import count_bytes, count_samples
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.spec.turn_knobs import can_resize, copy_with, read_settings

# A loader without a length is run through to its end once, within this time.
LONGEST_EPOCH_S = 30.0
TIMEOUT_S = 120.0
# Modules that trials need. They are imported before any of the user's.
MODULES = ("bench.workloads.own_loader", "loaders.registry")


@dataclass(frozen=True)
class Inspection:
    """What was found about a target.

    Attributes:
        facts: what is known of the loader or dataset.
        digest: SHA-256 in hex over the user's modules that were imported for it.
        error: one line that says why it can't be measured; empty if it can.
    """

    facts: SourceFacts
    digest: str
    error: str = ""


def inspect_target(target: Target, params: Mapping[str, Any], batches: int | None = None) -> Inspection:
    """Import a target in a process of its own, and find out about it.

    Args:
        target: the target.
        params: arguments of its function.
        batches: number of batches after which an epoch ends; None for the loader's own end.

    Raises:
        TargetError: it can't be imported or measured. The output of the process is kept in a file then.
    """
    log = Path(tempfile.gettempdir()) / f"loaderbench-{target.module}.log"
    log.unlink(missing_ok=True)
    work = partial(_inspect, target, dict(params), batches)
    try:
        context = prepare_context(MODULES)
        with FreshProcess(work, context=context, log=log, title=f"import of {target.text}") as process:
            found = process.take(read_running_s() + TIMEOUT_S)
    except TimeoutError:
        raise TargetError(
            f"{target.text} gave no batch within {TIMEOUT_S:g} s; its output is in {log}"
        ) from None
    except ProcessError as error:
        raise TargetError(f"{target.text} can't be used: {error}; its output is in {log}") from None
    log.unlink(missing_ok=True)
    if found.error:
        raise TargetError(found.error)
    return found


def _inspect(target: Target, params: Mapping[str, Any], batches: int | None) -> Iterator[Inspection]:
    unknown = SourceFacts("iterable", None)
    try:
        source = open_source(target, params)
        facts = find_facts(source, batches, name=target.text)
    except TargetError as error:
        yield Inspection(unknown, "", str(error))
        return
    yield Inspection(facts, _digest_modules(target.folder))


def find_facts(source: Any, batches: int | None, *, name: str) -> SourceFacts:
    """Find out about a loader.

    Args:
        source: a DataLoader, or another iterable of batches.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        name: the target, for errors to name it.

    Raises:
        TargetError: it is empty, or has neither a length nor an end.
    """
    if not isinstance(source, DataLoader):
        facts = SourceFacts("iterable", None)
        return _count(source, replace(facts, batches=_find_length(source)), batches, name)
    settings = read_settings(source)
    map_style = not isinstance(source.dataset, IterableDataset)
    facts = SourceFacts(
        "dataloader",
        settings,
        map_style=map_style,
        batches=_find_length(source),
        has_own_batches=not can_resize(source),
        pickle_error=_find_pickle_error(source.dataset),
    )
    # Without workers: this process only looks.
    alone = DataLoaderSettings(settings.batch_size)
    return _count(copy_with(source, alone), facts, batches, name)


def _count(loader: Any, facts: SourceFacts, limit: int | None, name: str) -> SourceFacts:
    """Read the first batch, and run through a loader of unknown length."""
    began_s = time.monotonic()
    samples = count = 0
    first: Any = None
    for batch in loader:
        first = batch if count == 0 else first
        count += 1
        samples += count_samples(batch)
        if facts.batches is not None or count == limit:
            break
        if time.monotonic() - began_s > LONGEST_EPOCH_S:
            raise TargetError(
                f"{name} has no length, and no end within {LONGEST_EPOCH_S:g} s ({count:,} batches); say "
                "with --batches N where an epoch ends"
            )
    if count == 0:
        raise TargetError(f"{name} is empty: it delivers no batch")
    ended = facts.batches is None and count != limit
    return replace(
        facts,
        batches=count if ended else facts.batches,
        samples=samples if ended else _find_samples(loader, facts, count_samples(first)),
        batch_samples=count_samples(first),
        batch_bytes=count_bytes(first),
    )


def _find_samples(loader: Any, facts: SourceFacts, batch_samples: int) -> int | None:
    if facts.batches is None:
        return None
    most = facts.batches * batch_samples
    return min(most, _find_length(loader.sampler) or most) if facts.map_style else most


def _find_length(sized: Any) -> int | None:
    try:
        return len(sized)
    except (TypeError, NotImplementedError, AttributeError):
        return None


def _find_pickle_error(dataset: Any) -> str:
    """Return why a dataset can't be sent to workers that aren't forked; empty if it can."""
    try:
        pickle.dump(dataset, _Nowhere())
    # A user's __getstate__ may raise anything.
    except Exception as error:
        return describe_error(error)
    return ""


class _Nowhere:
    """A file that keeps nothing, as a dataset may be large."""

    def write(self, data: bytes) -> int:
        """Drop what is written."""
        return len(data)


def _digest_modules(folder: Path) -> str:
    """Return the SHA-256 over the modules that were imported from a folder."""
    files = {
        str(path): path
        for module in list(sys.modules.values())
        if (path := _find_file(module)) is not None and path.is_relative_to(folder)
    }
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(files[name].read_bytes())
    return digest.hexdigest()


def _find_file(module: Any) -> Path | None:
    name = getattr(module, "__file__", None)
    path = Path(name) if isinstance(name, str) else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None
