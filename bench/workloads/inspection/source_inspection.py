"""Inspection of a loader in the process that has made it: its size, its length, its settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.workloads.audit.asked_batches import watch_batches
from bench.workloads.audit.loader_failure import explain_failure
from bench.workloads.inspection.object_bytes import estimate_object_bytes
from bench.workloads.inspection.pickle_check import check_pickling
from bench.workloads.inspection.sample_checks import add_sample_facts
from bench.workloads.target.open_source import is_one_shot
from bench.workloads.target.target import TargetError
from loaders.data.batched_fetch import fetches_batches
from loaders.data.length import find_length
from loaders.data.nested_batch import count_bytes, count_samples
from loaders.spec.source_facts import DataLoaderSettings, Kind, SourceFacts
from loaders.spec.turn_knobs import can_resize, copy_with, read_settings

# A loader without a length is run through to its end once, within this time.
LONGEST_EPOCH_S = 30.0


def find_facts(
    loader: Any,
    batches: int | None,
    *,
    name: str,
    kind: Kind = "dataloader",
    clock: Callable[[], float] = time.monotonic,
) -> SourceFacts:
    """Find out about a loader.

    Args:
        loader: a DataLoader, or another iterable of batches.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        name: the target, for errors to name it.
        kind: what a DataLoader was made from: `dataset` for a dataset alone; default `dataloader`.
        clock: tells the time in seconds.

    Raises:
        TargetError: it is empty, or has neither a length nor an end.
    """
    if not isinstance(loader, DataLoader):
        facts = SourceFacts("iterable", None, batches=find_length(loader), one_shot=is_one_shot(loader))
        return _Count(loader, facts, batches, name).run(clock)
    settings, pickling = read_settings(loader), check_pickling(loader)
    facts = SourceFacts(
        kind,
        settings,
        map_style=not isinstance(loader.dataset, IterableDataset),
        batches=find_length(loader),
        has_own_batches=not can_resize(loader),
        pickle_error=pickling.error,
        fetches_batches=fetches_batches(loader.dataset),
        pickled_bytes=pickling.num_bytes,
        object_bytes=estimate_object_bytes(loader.dataset),
    )
    # Without workers: this process only looks.
    alone = copy_with(loader, DataLoaderSettings(settings.batch_size))
    asked = watch_batches(alone)
    try:
        count = count_samples if asked is None else asked.count
        return add_sample_facts(_Count(alone, facts, batches, name, count).run(clock), loader)
    except TargetError:
        raise
    # A user's dataset may raise anything.
    except Exception as error:
        cause = explain_failure(error, loader.dataset, () if asked is None else asked.list_last())
        if cause is None:
            raise
        raise TargetError(f"{name}: {cause}") from error


class _Count:
    """Reads the first batch of a loader, and runs through one of unknown length."""

    def __init__(
        self,
        loader: Iterable[Any],
        facts: SourceFacts,
        limit: int | None,
        name: str,
        count: Callable[[Any], int] = count_samples,
    ) -> None:
        self._loader = loader
        self._facts = facts
        self._limit = limit
        self._name = name
        self._count = count

    def run(self, clock: Callable[[], float]) -> SourceFacts:
        facts, began_s = self._facts, clock()
        samples = count = batch_samples = batch_bytes = 0
        for batch in self._loader:
            number = self._count(batch)
            if count == 0:
                batch_samples, batch_bytes = number, count_bytes(batch)
            count += 1
            samples += number
            if facts.batches is not None or count == self._limit:
                break
            if clock() - began_s > LONGEST_EPOCH_S:
                raise TargetError(
                    f"{self._name} has no length, and no end within {LONGEST_EPOCH_S:g} s "
                    f"(batch {count:,}); say with --batches N where an epoch ends"
                )
        if count == 0:
            raise TargetError(f"{self._name} is empty: it delivers no batch")
        ended = facts.batches is None and count != self._limit
        return replace(
            facts,
            batches=count if ended else facts.batches,
            samples=samples if ended else self._estimate_samples(batch_samples),
            batch_samples=batch_samples,
            batch_bytes=batch_bytes,
        )

    def _estimate_samples(self, batch_samples: int) -> int | None:
        """Return the samples of an epoch of known length; the last batch may be smaller."""
        if self._facts.batches is None:
            return None
        most = self._facts.batches * batch_samples
        # The sampler beside a batch sampler of the user's own is not asked.
        if not self._facts.map_style or self._facts.has_own_batches:
            return most
        return min(most, find_length(getattr(self._loader, "sampler", None)) or most)
