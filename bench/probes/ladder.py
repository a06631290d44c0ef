"""Ladder: the same epoch cut short at each stage, from the order of samples to the transfer of batches."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from torch.utils.data import DataLoader

from bench.probes.dataloader_ladder import DataLoaderLadder
from bench.probes.find_dataloader import find_dataloader
from bench.probes.rung_plan import number_rungs
from bench.probes.stretch import NoBatchError, StretchPlan, Taker, time_stretches
from bench.probes.takers import MovingTaker
from bench.records.rung_time import LOADER, TRANSFER, MissingRung, PickleCost, RungTime
from bench.trial.probe import Probe
from loaders.data.nested_batch import count_samples
from loaders.device.pipeline import Pipeline, Transfer
from loaders.families.stream import StreamLoader
from loaders.spec.first_batches import FirstBatches

LadderItem = RungTime | MissingRung | PickleCost


def climb_ladder(
    loader: Any, probe: Probe, *, transfer: Transfer | None = None, delivered: Iterable[Any] | None = None
) -> Iterator[LadderItem]:
    """Time the rungs of a loader, each once a pass, in an order drawn by seed and block.

    Nothing of the loader is changed for good. Rungs with workers come first, since their workers must get a
    dataset that no sample was asked of. Rungs up to the collation take turns, part by part of their epochs.

    Args:
        loader: a DataLoader, the first batches of one, or any other iterable of batches.
        probe: says how often and how long.
        transfer: moves each batch to a CUDA device; default None for no such rung.
        delivered: delivers the loader's batches on a CUDA device, where no single call moves them; default
            None.

    Returns:
        The time of each rung in each pass, and what could not be measured. A DataLoader's pickling comes
        first.

    Raises:
        NoBatchError: the loader delivers no batch.
    """
    dataloader = _find_whole(loader)
    if dataloader is not None:
        most = loader.batches if isinstance(loader, FirstBatches) else None
        yield from DataLoaderLadder(dataloader, probe, transfer, delivered, most=most).climb()
        return
    if transfer is not None:
        delivered = Pipeline(loader, transfer)
    yield from _climb_iterable(loader, probe, delivered)


def _find_whole(loader: Any) -> DataLoader[Any] | None:
    """Return the DataLoader that does all of a loader's work; None where there is none.

    Another loader around a DataLoader may do work of its own.
    """
    is_whole = isinstance(loader, DataLoader | FirstBatches | StreamLoader)
    return find_dataloader(loader) if is_whole else None


def _climb_iterable(loader: Any, probe: Probe, delivered: Iterable[Any] | None) -> Iterator[RungTime]:
    """Time a loader that has no stages to be seen."""
    names = [LOADER] if delivered is None else [LOADER, TRANSFER]
    rungs = number_rungs(probe.block, [(name, "", None) for name in names])
    shuffle = random.Random(f"ladder/{probe.seed}/{probe.block}").shuffle
    plan = StretchPlan(probe.limit_s, skip=1)
    for epoch in range(probe.epochs):
        shuffle(rungs)
        for rung in rungs:
            source = loader if rung.name == LOADER else delivered
            taker = Taker(count_samples) if rung.name == LOADER else MovingTaker(count_samples, None)
            try:
                [stretch] = time_stretches(partial(iter, source), plan, taker)
            except NoBatchError:
                if not epoch:
                    raise
                # A generator delivers a single epoch.
                return
            yield rung.make_time(stretch, epoch)
