"""LoaderCopies: DataLoaders like a user's own, for trials that leave the user's as it is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from bench.runner.in_process.random_states import clone_generator
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import copy_with

# Seconds to wait for the end of a thread that feeds a queue.
LONGEST_END_S = 1.0


class CutSampler:
    """A sampler that ends early, for the short epoch in which persistent workers start.

    Attributes:
        most: number of elements after which it ends; None for the sampler's own end.
    """

    def __init__(self, sampler: Any) -> None:
        """Wrap a sampler or batch sampler.

        Args:
            sampler: the sampler.
        """
        self.sampler = sampler
        self.most: int | None = None

    def __iter__(self) -> Iterator[Any]:
        for number, indices in enumerate(self.sampler):
            if number == self.most:
                return
            yield indices

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        # A loader asks its batch sampler for `drop_last` and the like.
        if name == "sampler":
            raise AttributeError(name)
        return getattr(self.sampler, name)


class LoaderCopies:
    """Makes DataLoaders of a user's class over the same dataset, whose samplers are copies."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        """Copy the samplers and the generator.

        Args:
            loader: the user's DataLoader.

        Raises:
            Exception: a sampler can't be copied.
        """
        dataset, samplers = loader.dataset, (loader.sampler, loader.batch_sampler)
        holders = (loader, *samplers, getattr(loader.batch_sampler, "sampler", None))
        generators = [made for holder in holders if (made := getattr(holder, "generator", None)) is not None]
        # The dataset is shared, however large it is.
        memo: dict[int, Any] = {id(dataset): dataset, **{id(one): clone_generator(one) for one in generators}}
        self._like = copy.copy(loader)
        _set(self._like, "_iterator", None)
        sampler, batch_sampler = copy.deepcopy(samplers, memo)
        _set(self._like, "sampler", sampler)
        _set(self._like, "batch_sampler", batch_sampler)
        if loader.generator is not None:
            _set(self._like, "generator", memo[id(loader.generator)])

    def make(self, settings: DataLoaderSettings) -> tuple[DataLoader[Any], CutSampler]:
        """Return a DataLoader with other settings, and its sampler, which can be cut."""
        twin = copy_with(self._like, settings)
        name = "sampler" if twin.batch_sampler is None else "batch_sampler"
        cut = CutSampler(getattr(twin, name))
        _set(twin, name, cut)
        return twin, cut


def close_iterator(loader: DataLoader[Any], iterator: Any) -> None:
    """End an iterator of a DataLoader with its workers and threads.

    Args:
        loader: the DataLoader, which keeps its iterator where its workers are persistent.
        iterator: the iterator; None where it could not be made.
    """
    kept = loader._iterator
    _set(loader, "_iterator", None)
    for one in {id(one): one for one in (iterator, kept) if one is not None}.values():
        end = getattr(one, "_shutdown_workers", None) or getattr(one, "close", None)
        if end is not None:
            end()
        for queue in getattr(one, "_index_queues", ()):
            # Its feeder thread ends by itself, but later.
            thread = getattr(queue, "_thread", None)
            if thread is not None:
                thread.join(LONGEST_END_S)


def _set(loader: DataLoader[Any], name: str, value: object) -> None:
    # A DataLoader refuses such changes once it is made.
    object.__setattr__(loader, name, value)
