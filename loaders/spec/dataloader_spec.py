"""The knobs of torch.utils.data.DataLoader, for the families that feed through it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from typing_extensions import Self

from loaders.spec.knobs import Choice, Integer, Knob, Switch, knob
from loaders.spec.loader_spec import LoaderSpec

NUM_WORKERS = Knob(
    "num_workers",
    Integer(0, 256),
    help="worker processes; 0 loads in the training process",
    quick=(0, 2, 4),
    full=(0, 1, 2, 4),
)
PIN_MEMORY = Knob(
    "pin_memory",
    Switch(optional=True),
    help="deliver batches in page-locked memory, for the transfer to a CUDA device; none is off for a "
    "DataLoader, and on for a ring where there is a device to feed",
    quick=(True,),
    full=(False, True),
)
PREFETCH_FACTOR = Knob(
    "prefetch_factor",
    Integer(1, 1024, optional=True),
    help="batches each worker loads ahead; none is PyTorch's default, 2",
)
PERSISTENT_WORKERS = Knob(
    "persistent_workers",
    Switch(),
    help="keep the workers from one epoch to the next",
)
MULTIPROCESSING_CONTEXT = Knob(
    "multiprocessing_context",
    Choice(("fork", "forkserver", "spawn"), optional=True),
    help="how workers are started; none is this Python's default",
)
IN_ORDER = Knob(
    "in_order",
    Switch(),
    help="deliver batches in the sampler's order, or (off) as workers finish them",
)

DEFAULT_PREFETCH_FACTOR = 2


@dataclass(frozen=True)
class DataLoaderSpec(LoaderSpec):
    """A loader that hands its work to a DataLoader; the knobs are the DataLoader's own arguments."""

    num_workers: int = knob(NUM_WORKERS, 4)
    pin_memory: bool | None = knob(PIN_MEMORY, False)
    prefetch_factor: int | None = knob(PREFETCH_FACTOR, None)
    persistent_workers: bool = knob(PERSISTENT_WORKERS, False)
    multiprocessing_context: str | None = knob(MULTIPROCESSING_CONTEXT, None)
    in_order: bool = knob(IN_ORDER, True)

    def resolved(self, *, cuda: bool = False) -> Self:
        """With workers, `none` becomes what PyTorch and this Python take for it."""
        resolved = replace(super().resolved(cuda=cuda), pin_memory=bool(self.pin_memory))
        if self.num_workers == 0:
            return resolved
        # The first start method listed is the platform's default: fork, on Linux from 3.14 forkserver.
        platform_default = multiprocessing.get_all_start_methods()[0]
        return replace(
            resolved,
            prefetch_factor=self.prefetch_factor or DEFAULT_PREFETCH_FACTOR,
            multiprocessing_context=self.multiprocessing_context or platform_default,
        )

    def invalid(self, *, cuda: bool) -> str | None:
        """PyTorch refuses the first three; the fourth would do nothing, and of the last it only warns."""
        start_methods = multiprocessing.get_all_start_methods()
        if self.num_workers == 0 and self.prefetch_factor is not None:
            return f"prefetch_factor={self.prefetch_factor} needs workers, num_workers is 0"
        if self.num_workers == 0 and self.persistent_workers:
            return "persistent_workers=on needs workers, num_workers is 0"
        if self.num_workers == 0 and self.multiprocessing_context is not None:
            return f"multiprocessing_context={self.multiprocessing_context} needs workers, num_workers is 0"
        if self.num_workers == 0 and not self.in_order:
            return "in_order=off needs workers, num_workers is 0"
        if self.multiprocessing_context not in (None, *start_methods):
            return f"multiprocessing_context={self.multiprocessing_context} does not exist on this platform"
        if self.pin_memory and not cuda:
            return "pin_memory=on needs a CUDA device to feed"
        return super().invalid(cuda=cuda)

    def dataloader(
        self,
        dataset: Dataset[Any],
        *,
        shuffle: bool,
        seed: int,
        collate_fn: Callable[[Any], Any] | None = None,
        batched: bool = False,
    ) -> DataLoader[Any]:
        """A DataLoader over `dataset` with this spec's knobs, whose order `seed` decides.

        batched: the dataset yields whole batches, which are delivered as they come.
        """
        return DataLoader(
            dataset,
            batch_size=None if batched else self.batch_size,
            shuffle=shuffle,
            num_workers=self.num_workers,
            collate_fn=collate_fn,
            pin_memory=bool(self.pin_memory),
            generator=torch.Generator().manual_seed(seed),
            prefetch_factor=self.prefetch_factor,
            persistent_workers=self.persistent_workers,
            multiprocessing_context=self.multiprocessing_context,
            in_order=self.in_order,
        )
