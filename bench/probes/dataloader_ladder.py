"""DataLoaderLadder: the rungs of a DataLoader."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch.utils.data import DataLoader

from bench.probes.cut_epoch import Stages
from bench.probes.cut_epochs import CutEpochs, add_share
from bench.probes.loader_copies import copy_loader, hold_batches, open_loader
from bench.probes.pickle_cost import measure_pickle
from bench.probes.rung_plan import Rung, number_rungs
from bench.probes.stretch import Stretch, StretchPlan, Taker, time_stretches
from bench.probes.takers import CopyingTaker, MovingTaker
from bench.probes.transforms import find_transforms
from bench.probes.worker_stand_in import limit_threads, run_as_worker
from bench.records.rung_time import (
    COLLATE,
    FETCH,
    LOADER,
    ORDER,
    PINNED,
    TRANSFER,
    TRANSFORM,
    TRANSPORT,
    MissingRung,
    PickleCost,
    RungTime,
)
from bench.text import describe_error, join_few
from bench.trial.probe import Probe
from loaders.data.nested_batch import count_samples
from loaders.device.pipeline import Transfer

# Rungs that run in one process, as each worker does.
CUT = (FETCH, TRANSFORM, COLLATE)


class DataLoaderLadder:
    """The rungs of a DataLoader, timed one after another."""

    def __init__(
        self,
        loader: DataLoader[Any],
        probe: Probe,
        transfer: Transfer | None = None,
        delivered: Iterable[Any] | None = None,
        *,
        most: int | None = None,
    ) -> None:
        """Prepare to time the rungs. The order of the samples is drawn here.

        Args:
            loader: the DataLoader, which is left as it is.
            probe: says how often and how long.
            transfer: moves each batch to a CUDA device; default None for no such rung.
            delivered: delivers the batches on a CUDA device, where no single call moves them; default None.
            most: most batches that an iterable dataset is asked for in an epoch; default None for all of
                them. Of a map-style dataset the sampler says so.
        """
        self._loader = loader
        self._probe = probe
        self._transfer = transfer
        self._delivered = delivered
        self._slots = find_transforms(loader.dataset)
        self._random = random.Random(f"ladder/{probe.seed}/{probe.block}")
        self._most = most
        self._cut = CutEpochs(loader, probe.limit_s, f"{probe.seed}/{probe.block}", most)
        self._rungs = number_rungs(probe.block, list(self._list_stages()))

    def _list_stages(self) -> Iterator[tuple[str, str, int | None]]:
        if self._cut.order is not None:
            yield ORDER, "", None
        yield FETCH, "", 0
        for number, slot in enumerate(self._slots, 1):
            yield TRANSFORM, slot.name, number
        yield COLLATE, "", None
        yield LOADER, "", None
        if self._loader.num_workers:
            yield TRANSPORT, "", None
        if self._loader.pin_memory and torch.cuda.is_available():
            yield PINNED, "", None
        if self._transfer is not None or self._delivered is not None:
            yield TRANSFER, "", None

    def climb(self) -> Iterator[RungTime | MissingRung | PickleCost]:
        """Time all rungs, and yield each time as soon as it is there.

        Raises:
            ValueError: the loader, its dataset or its sampler yields nothing.
        """
        # It takes seconds for many small objects, and is the same in each block.
        cost = measure_pickle(self._loader) if self._probe.block == 0 else None
        if cost is not None:
            yield PickleCost(*cost)
        if not self._loader.num_workers:
            yield from self._climb_one_process([rung for rung in self._rungs if rung.name != ORDER])
            return
        yield from self._climb_workers()
        with limit_threads(1):
            yield from self._climb_one_process([rung for rung in self._rungs if rung.name in CUT])

    def _climb_workers(self) -> Iterator[RungTime | MissingRung]:
        """Time the rungs with workers, whose passes follow each other without a restart of the workers."""
        loader, asked = self._loader, self._cut.asked or None
        copier = CopyingTaker(self._make_count())
        yield from self._time_streams(self._get_rung(LOADER), copy_loader(loader, asked), copier)
        rungs = [rung for rung in self._rungs if rung.name in (TRANSPORT, PINNED, TRANSFER)]
        self._random.shuffle(rungs)
        for rung in rungs:
            if rung.name != TRANSPORT:
                pinned = copy_loader(loader, asked, pinned=True)
                yield from self._time_streams(rung, pinned, self._make_taker(rung))
                continue
            held = copier.copies
            try:
                stand_in = hold_batches(loader, held)
                yield from self._time_streams(rung, stand_in, Taker(_count_in_turn(map(count_samples, held))))
            # Batches of any class may fail in ways of their own, where the loader's own way goes well.
            except Exception as error:
                yield rung.miss(f"workers can't deliver copies of a batch: {describe_error(error)}")

    def _time_streams(self, rung: Rung, loader: DataLoader[Any], taker: Taker) -> Iterator[RungTime]:
        workers = loader.num_workers
        plan = StretchPlan(self._probe.limit_s, skip=workers, turn=workers)
        stretches: list[Stretch] = []
        while (left := self._probe.epochs - len(stretches)) > 0:
            stretches += time_stretches(self._make_open(rung, loader), plan, taker, left)
        for epoch, stretch in enumerate(stretches):
            yield rung.make_time(stretch, epoch)

    def _climb_one_process(self, rungs: list[Rung]) -> Iterator[RungTime | MissingRung]:
        """Time rungs that run in this process, each once a pass."""
        cut = self._cut
        cut_rungs = [rung for rung in rungs if rung.name in CUT]
        groups = [cut_rungs, *([rung] for rung in rungs if rung.name not in CUT)]
        with ExitStack() as stack:
            reason = self._warm_up(stack)
            if reason:
                yield from (rung.miss(reason) for rung in rungs)
                groups = []
            for epoch in range(self._probe.epochs):
                if cut.order is not None:
                    yield self._get_rung(ORDER).make_time(cut.time_order(), epoch)
                self._random.shuffle(groups)
                for group in groups:
                    if group is cut_rungs:
                        yield from self._time_cut(cut_rungs, epoch)
                    else:
                        cut.seed(f"{epoch}")
                        yield group[0].make_time(self._time_whole(group[0]), epoch)

    def _warm_up(self, stack: ExitStack) -> str:
        """Run the first epoch, and return why no epoch can be run in this process; empty where it can."""
        try:
            self._cut.warm_up()
        # A dataset may work in workers only, or need what worker_init_fn does.
        except Exception:
            if not self._loader.num_workers:
                raise
            try:
                stack.enter_context(run_as_worker(self._loader))
                self._cut.warm_up()
            except Exception as error:
                return f"the dataset works in workers only: {describe_error(error)}"
        return ""

    def _time_cut(self, rungs: list[Rung], epoch: int) -> Iterator[RungTime | MissingRung]:
        """Time cut epochs side by side. Those that can't be run are removed from the rungs."""
        stages = [
            Stages(tuple(() if rung.number is None else self._slots[rung.number :]), rung.name == COLLATE)
            for rung in rungs
        ]
        results = self._cut.time_epochs(stages, epoch)
        for rung, stage, result in zip(list(rungs), stages, results, strict=True):
            if isinstance(result, Stretch):
                yield rung.make_time(result, epoch)
                continue
            if not stage.gated:
                raise result
            rungs.remove(rung)
            names = join_few(slot.name for slot in stage.gated)
            yield rung.miss(f"the dataset fails without {names}: {describe_error(result)}")

    def _time_whole(self, rung: Rung) -> Stretch:
        """Time an epoch of a DataLoader without workers."""
        cut = self._cut
        loader = copy_loader(self._loader, cut.asked or None, pinned=rung.name != LOADER)
        plan = StretchPlan(self._probe.limit_s, skip=0 if cut.asked else 1, most=cut.batches)
        [stretch] = time_stretches(self._make_open(rung, loader), plan, self._make_taker(rung))
        return stretch if cut.order is None else add_share(stretch, cut.order)

    def _make_open(self, rung: Rung, loader: DataLoader[Any]) -> Callable[[], Iterator[Any]]:
        if rung.name == TRANSFER and self._delivered is not None:
            return partial(iter, self._delivered)
        if self._most is None or rung.name == TRANSPORT:
            return partial(open_loader, loader)
        return lambda: itertools.islice(open_loader(loader), self._most)

    def _make_taker(self, rung: Rung) -> Taker:
        if rung.name != TRANSFER:
            return Taker(self._make_count())
        return MovingTaker(count_samples, self._transfer)

    def _make_count(self) -> Callable[[Any], int]:
        """Return what counts the samples of a batch, by the indices that were asked for."""
        if not self._cut.asked or self._loader.batch_sampler is None:
            return count_samples
        return _count_in_turn(map(len, self._cut.asked))

    def _get_rung(self, name: str) -> Rung:
        return next(rung for rung in self._rungs if rung.name == name)


def _count_in_turn(numbers: Iterable[int]) -> Callable[[Any], int]:
    """Return a function that tells known numbers of samples, of one batch after another."""
    turns = itertools.cycle(numbers)
    return lambda _: next(turns)
