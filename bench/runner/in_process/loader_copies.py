"""LoaderCopies: DataLoaders like a user's own, for trials that leave the user's as it is."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from torch._C import _remove_worker_pids
from torch.utils.data import DataLoader, Dataset

from bench.runner.in_process.held_objects import list_held
from bench.runner.in_process.random_states import clone_generator
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import copy_with

# Attributes of every DataLoader that may be iterators.
OWN_ATTRIBUTES = ("dataset", "sampler", "batch_sampler", "collate_fn", "worker_init_fn", "_iterator")
# Seconds to wait for the end of a killed process, or of a thread that feeds a queue.
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
        # Datasets are shared, however large they are.
        datasets = [
            dataset,
            *(one for held in samplers for one in list_held(held) if isinstance(one, Dataset)),
        ]
        memo: dict[int, Any] = {id(one): one for one in datasets}
        memo.update({id(one): clone_generator(one) for one in generators})
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


def keeps_iterator(loader: DataLoader[Any]) -> bool:
    """Return whether a loader of a user's class holds a running iterator, which its copies would share."""
    return any(isinstance(value, Iterator) for value in _list_own(loader))


def wraps_loader(loader: DataLoader[Any]) -> bool:
    """Return whether a loader of a user's class holds the one that loads, whose settings are its own."""
    return any(isinstance(value, DataLoader) for value in _list_own(loader))


def _list_own(loader: DataLoader[Any]) -> list[Any]:
    """Return the attributes that a user's class has added."""
    return [value for name, value in vars(loader).items() if name not in OWN_ATTRIBUTES]


def close_iterator(loader: DataLoader[Any], iterator: Any, until_s: float = math.inf) -> None:
    """End an iterator of a DataLoader with its workers and threads.

    Args:
        loader: the DataLoader, which keeps its iterator where its workers are persistent.
        iterator: the iterator; None where it could not be made.
        until_s: reading of time.monotonic at which workers that are still running are killed; default never.
    """
    kept = loader._iterator
    _set(loader, "_iterator", None)
    for one in {id(one): one for one in (iterator, kept) if one is not None}.values():
        _end_workers(one, until_s)
        end = getattr(one, "_shutdown_workers", None) or getattr(one, "close", None)
        if end is not None:
            end()
        for queue in (*getattr(one, "_index_queues", ()), getattr(one, "_worker_result_queue", None)):
            _join_feeder(queue)


def end_half_made(iterator: Any) -> None:
    """Kill the workers of an iterator whose making was broken off, which PyTorch itself leaves running.

    Args:
        iterator: the iterator; None for none.
    """
    if iterator is None:
        return
    # Else PyTorch tries to end it when Python forgets it, and prints an error of what isn't there.
    iterator._shutdown = True
    if getattr(iterator, "_worker_pids_set", False):
        _remove_worker_pids(id(iterator))
    if (is_done := getattr(iterator, "_pin_memory_thread_done_event", None)) is not None:
        is_done.set()
    _kill(getattr(iterator, "_workers", ()))
    for queue in getattr(iterator, "_index_queues", ()):
        queue.close()
        _join_feeder(queue)


def _join_feeder(queue: Any) -> None:
    """Wait for the thread that feeds a closed queue, if there is one. It ends by itself, but later."""
    thread = getattr(queue, "_thread", None)
    if thread is None:
        return
    if queue._close is None:
        # Its start was broken off before the queue knew how to end it, or it was told to end already.
        queue._finalize_close(queue._buffer, queue._notempty)
    if thread.ident is not None:
        thread.join(LONGEST_END_S)


def _kill(workers: Sequence[Any]) -> None:
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join(LONGEST_END_S)


def _end_workers(iterator: Any, until_s: float) -> None:
    """Let the workers of an iterator end. PyTorch would wait for each of them, one after the other."""
    workers = getattr(iterator, "_workers", ())
    if not workers or getattr(iterator, "_shutdown", True):
        return
    pinning = getattr(iterator, "_pin_memory_thread", None)
    if pinning is not None:
        # It reads from the workers, so it ends first.
        iterator._pin_memory_thread_done_event.set()
        iterator._worker_result_queue.put((None, None))
        pinning.join(LONGEST_END_S)
    iterator._workers_done_event.set()
    for queue in iterator._index_queues:
        queue.put(None)
    for worker in workers:
        worker.join(max(0.0, until_s - time.monotonic()) if until_s < math.inf else None)
    late = [worker for worker in workers if worker.is_alive()]
    if not late:
        return
    # Else PyTorch reports their deaths to the training.
    _remove_worker_pids(id(iterator))
    iterator._worker_pids_set = False
    _kill(late)


def _set(loader: DataLoader[Any], name: str, value: object) -> None:
    # A DataLoader refuses such changes once it is made.
    object.__setattr__(loader, name, value)
