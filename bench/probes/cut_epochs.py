"""Cut epochs: epochs in one process that end at a stage, such as the fetch or a transform."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.probes.cut_epoch import Clock, CountingCollate, CutEpoch, Stages, count_indices
from bench.probes.loader_copies import make_fetcher
from bench.probes.stretch import FEWEST_BATCHES, NoBatchError, Stretch

# Most indices that are kept, so that each rung asks for the same ones.
MOST_INDICES = 200_000
# Parts of an epoch. After each one all other epochs have their turn.
PARTS = 16


class CutEpochs:
    """Epochs of a DataLoader in this process, each one cut short at a stage.

    They use PyTorch's own fetcher. All of them ask for the same batches and begin with the same random state.

    Attributes:
        asked: index or list of indices of each batch; empty for an iterable dataset, which is asked for none.
        order: the last epoch of nothing but the order; None for an iterable dataset.
        batches: number of batches that are timed in an epoch; None before the warm-up.
    """

    def __init__(self, loader: DataLoader[Any], limit_s: float, seed: str, most: int | None = None) -> None:
        """Draw the order of the batches.

        Args:
            loader: the DataLoader.
            limit_s: seconds after which an epoch ends early, once it has a few batches.
            seed: decides the random state at the begin of each epoch.
            most: most batches that an iterable dataset is asked for; default None for all of them.

        Raises:
            NoBatchError: the sampler yields nothing.
        """
        self._most = most
        self._loader = loader
        self._limit_s = limit_s
        self._seed = seed
        self._random = random.Random(f"turns/{seed}")
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
            NoBatchError: the sampler yields nothing.
        """
        batches = samples = 0
        clock = Clock()
        for asked in self._loader._index_sampler:
            batches += 1
            samples += count_indices(asked)
            if kept is not None and (samples <= MOST_INDICES or not kept):
                # A sampler of the user's own may change a list after it was yielded.
                kept.append(list(asked) if isinstance(asked, list) else asked)
            if clock.read_s() > self._limit_s and batches >= FEWEST_BATCHES:
                break
        if not batches:
            raise NoBatchError("the loader's sampler yields nothing")
        self.order = clock.stop(batches, samples)
        return self.order

    def warm_up(self) -> None:
        """Run one epoch with all stages, and let all later ones have as many batches as it has managed.

        Datasets open their files, and keep what they cache. It has as many batches as typically fit into half
        the time, so that noise ends no later epoch before its last batch.

        Raises:
            NoBatchError: the dataset yields nothing.
        """
        self.seed("warm-up")
        fetch = make_fetcher(self._loader, CountingCollate(self._loader, collates=True)).fetch
        half_s = self._limit_s / 2
        clock, times_s = Clock(), array("d")
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
            raise NoBatchError("the dataset yields nothing")
        self.batches = max(1, len(times_s) - (not self.asked))

    def time_epochs(self, stages: Sequence[Stages], epoch: int) -> list[Stretch | Exception]:
        """Time epochs side by side: part by part in a drawn order, so that noise falls on all of them.

        Each holds its share of the order. They draw the same random numbers.

        Args:
            stages: the stages of each epoch.
            epoch: number of the pass over the ladder.

        Returns:
            The time of each epoch, or what its dataset has raised.
        """
        epochs = [CutEpoch(self._loader, one) for one in stages]
        clock, batches = Clock(), 0
        for number, part in enumerate(self._list_parts()):
            for one in self._random.sample(epochs, len(epochs)):
                if not one.has_ended:
                    self.seed(f"{epoch}/{number}")
                    one.load(part)
            batches += len(part)
            if clock.read_s() > self._limit_s * len(epochs) and batches >= FEWEST_BATCHES:
                break
        return [self._finish(one) for one in epochs]

    def seed(self, name: str) -> None:
        """Set the random state of Python, numpy and torch.

        Args:
            name: tells it from others; the same name gives the same state.
        """
        number = random.Random(f"{self._seed}/{name}").getrandbits(32)
        random.seed(number)
        np.random.seed(number)
        torch.manual_seed(number)

    def _finish(self, epoch: CutEpoch) -> Stretch | Exception:
        try:
            stretch = epoch.finish()
        except Exception as error:
            return error
        return stretch if self.order is None else add_share(stretch, self.order)

    def _list_parts(self) -> Iterator[Sequence[Any]]:
        """Yield parts of an epoch, of about the same number of batches."""
        batches = self.batches or len(self.asked) or FEWEST_BATCHES
        # The first batch of an iterable dataset comes on top.
        asked = list(itertools.islice(self._list_asked(), batches + (not self.asked)))
        parts = min(PARTS, len(asked))
        for number in range(parts):
            yield asked[len(asked) * number // parts : len(asked) * (number + 1) // parts]

    def _list_asked(self) -> Iterable[Any]:
        # An iterable dataset is asked for as many samples each time.
        if self.asked:
            return self.asked
        return itertools.islice(itertools.repeat(next(iter(self._loader._index_sampler))), self._most)


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
