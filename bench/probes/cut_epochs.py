"""Cut epochs: epochs in one process that end at a stage, such as the fetch or a transform."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.probes.loader_copies import make_fetcher
from bench.probes.stretch import FEWEST_BATCHES, Stretch
from bench.probes.transform_gate import pass_on
from bench.probes.transforms import TransformSlot
from loaders.data.nested_batch import count_samples

# Most indices that are kept, so that each rung asks for the same ones.
MOST_INDICES = 200_000


class CutEpochs:
    """Epochs of a DataLoader in this process, each one cut short at a stage.

    They use PyTorch's own fetcher. All of them ask for the same batches and begin with the same random state.

    Attributes:
        asked: index or list of indices of each batch; empty for an iterable dataset, which is asked for none.
        order: the last epoch of nothing but the order; None for an iterable dataset.
        batches: number of batches that are timed in an epoch; None before the warm-up.
    """

    def __init__(self, loader: DataLoader[Any], limit_s: float, seed: str) -> None:
        """Draw the order of the batches.

        Args:
            loader: the DataLoader.
            limit_s: seconds after which an epoch ends early, once it has a few batches.
            seed: decides the random state at the begin of each epoch.

        Raises:
            ValueError: the sampler yields nothing.
        """
        self._loader = loader
        self._limit_s = limit_s
        self._seed = seed
        self.batches: int | None = None
        self.asked: list[Any] = []
        self.order: Stretch | None = None
        if not isinstance(loader.dataset, IterableDataset):
            self.time_order(self.asked)

    def time_order(self, kept: list[Any] | None = None) -> Stretch:
        """Time an epoch of the sampler alone.

        Args:
            kept: takes the first indices that it yields; default None.

        Raises:
            ValueError: the sampler yields nothing.
        """
        batches = samples = 0
        clock = _Clock()
        for asked in self._loader._index_sampler:
            batches += 1
            samples += _count_indices(asked)
            if kept is not None and (samples <= MOST_INDICES or not kept):
                # A sampler of the user's own may change a list after it was yielded.
                kept.append(list(asked) if isinstance(asked, list) else asked)
            if clock.read_s() > self._limit_s and batches >= FEWEST_BATCHES:
                break
        if not batches:
            raise ValueError("the loader's sampler yields nothing")
        self.order = clock.stop(batches, samples)
        return self.order

    def warm_up(self) -> None:
        """Run one epoch with all stages, and let all later ones have as many batches as it has managed.

        Datasets open their files, and keep what they cache. It has as many batches as typically fit into half
        the time, so that noise ends no later epoch before its last batch.

        Raises:
            ValueError: the dataset yields nothing.
        """
        self.seed(-1)
        fetch = make_fetcher(self._loader, _CountingCollate(self._loader, collates=True)).fetch
        half_s = self._limit_s / 2
        clock, times_s = _Clock(), array("d")
        enough = math.inf
        for asked in self._list_asked():
            began_s = clock.read_s()
            try:
                fetch(asked)
            except StopIteration:
                break
            ended_s = clock.read_s()
            times_s.append(ended_s - began_s)
            if enough == math.inf and ended_s >= half_s and len(times_s) >= FEWEST_BATCHES:
                # The first batch may have imported modules, and a collection of garbage takes long.
                enough = half_s / statistics.median(times_s)
            if len(times_s) >= enough:
                break
        if not times_s:
            raise ValueError("the dataset yields nothing")
        self.batches = max(1, len(times_s) - (not self.asked))

    def time_epoch(self, gated: Sequence[TransformSlot], *, collates: bool, epoch: int) -> Stretch:
        """Time an epoch without some of its stages. It holds its share of the order.

        Args:
            gated: transforms that pass their input on.
            collates: whether samples are collated.
            epoch: number of the pass over the ladder. Epochs of one pass have the same random state.

        Raises:
            ValueError: the dataset yields nothing.
        """
        collate = _CountingCollate(self._loader, collates=collates)
        self.seed(epoch)
        with pass_on(gated):
            stretch = self._time_fetcher(collate)
        return stretch if self.order is None else add_share(stretch, self.order)

    def seed(self, epoch: int) -> None:
        """Set the random state of a pass.

        Args:
            epoch: number of the pass over the ladder.
        """
        number = random.Random(f"{self._seed}/{epoch}").getrandbits(32)
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)

    def _time_fetcher(self, collate: _CountingCollate) -> Stretch:
        opened = clock = _Clock()
        fetch = make_fetcher(self._loader, collate).fetch
        begin_s, batches = 0.0, 0
        is_iterable = not self.asked
        # The first batch of an iterable dataset comes on top.
        most = None if self.batches is None else self.batches + is_iterable
        for asked in itertools.islice(self._list_asked(), most):
            try:
                fetch(asked)
            except StopIteration:
                break
            batches += 1
            if batches == 1 and is_iterable:
                # An iterable dataset starts here, as it would once an epoch.
                begin_s, collate.first = opened.read_s(), collate.samples
                clock = _Clock()
            if clock.read_s() > self._limit_s and batches >= FEWEST_BATCHES:
                break
        if not batches:
            raise ValueError("the dataset yields nothing")
        if clock is opened or batches == 1:
            return opened.stop(batches, self._count_known(batches) or collate.samples)
        return clock.stop(batches - 1, collate.samples - collate.first, begin_s)

    def _count_known(self, batches: int) -> int:
        """Return the number of samples of the first batches by their indices; 0 where these don't tell it.

        A dataset that fetches a batch at once may return it in any form.
        """
        is_known = self.asked and self._loader._auto_collation
        return sum(map(_count_indices, self.asked[:batches])) if is_known else 0

    def _list_asked(self) -> Iterable[Any]:
        # An iterable dataset is asked for as many samples each time.
        return self.asked or itertools.repeat(next(iter(self._loader._index_sampler)))


def add_share(stretch: Stretch, order: Stretch) -> Stretch:
    """Return the time of some batches with that of their order.

    The order is measured over a whole epoch, since most samplers draw all of it at once.

    Args:
        stretch: batches whose indices were known.
        order: an epoch of the order alone.
    """
    share = stretch.batches / order.batches
    return Stretch(
        stretch.batches,
        stretch.samples,
        stretch.wall_s + share * order.wall_s,
        stretch.cpu_s + share * order.cpu_s,
        stretch.startup_s,
    )


class _Clock:
    """The wall time and the CPU time of this process since its begin."""

    def __init__(self) -> None:
        self._cpu_s, self._began_s = time.process_time(), time.perf_counter()

    def read_s(self) -> float:
        """Return the wall time in seconds."""
        return time.perf_counter() - self._began_s

    def stop(self, batches: int, samples: int, startup_s: float = 0.0) -> Stretch:
        """Return the stretch that ends here."""
        wall_s = self.read_s()
        return Stretch(batches, samples, wall_s, time.process_time() - self._cpu_s, startup_s)


class _CountingCollate:
    """Counts the samples of each batch, and collates them.

    Attributes:
        samples: number of samples so far.
        first: number of samples that aren't timed.
    """

    def __init__(self, loader: DataLoader[Any], *, collates: bool) -> None:
        self._function: Callable[[Any], Any] | None = loader.collate_fn if collates else None
        # Without automatic batching the dataset makes whole batches.
        self._count: Callable[[Any], int] = len if loader._auto_collation else count_samples
        self.samples = self.first = 0

    def __call__(self, data: Any) -> Any:
        self.samples += self._count(data)
        return data if self._function is None else self._function(data)


def _count_indices(asked: Any) -> int:
    return len(asked) if isinstance(asked, list | tuple) else 1
