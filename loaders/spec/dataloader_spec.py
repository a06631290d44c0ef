"""DataLoaderSpec: the knobs of torch.utils.data.DataLoader, for the families that use one."""

from __future__ import annotations

import inspect
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from typing_extensions import Self

from loaders.data.batch import Batch
from loaders.device.chunk import Chunk
from loaders.spec.example_code import ExampleCode
from loaders.spec.isolated_dataloader import IsolatedDataLoader
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
    help="deliver batches in page-locked memory, for copies to a CUDA device; none is off for a DataLoader, "
    "and on for a ring that feeds one",
    quick=(True,),
    full=(False, True),
)
PREFETCH_FACTOR = Knob(
    "prefetch_factor",
    Integer(1, 1024, optional=True),
    help="batches that each worker loads ahead; none is PyTorch's default, 2",
)
PERSISTENT_WORKERS = Knob(
    "persistent_workers",
    Switch(),
    help="keep the workers between epochs",
)
MULTIPROCESSING_CONTEXT = Knob(
    "multiprocessing_context",
    Choice(("fork", "forkserver", "spawn"), optional=True),
    help="start method of workers; none is this Python's default",
)
IN_ORDER = Knob(
    "in_order",
    Switch(),
    help="deliver batches in the sampler's order; off delivers them as workers finish them",
)

DEFAULT_PREFETCH_FACTOR = 2


@dataclass(frozen=True)
class DataLoaderSpec(LoaderSpec):
    """A loader that uses a DataLoader; the knobs are the DataLoader's own arguments.

    Attributes:
        num_workers: worker processes; default 4, 0 loads in the training process.
        pin_memory: whether batches lie in page-locked memory; default False.
        prefetch_factor: batches that each worker loads ahead; default None, PyTorch's 2.
        persistent_workers: whether workers stay between epochs; default False.
        multiprocessing_context: start method of workers; default None, this Python's default.
        in_order: whether batches come in the sampler's order; default True.
    """

    num_workers: int = knob(NUM_WORKERS, 4)
    pin_memory: bool | None = knob(PIN_MEMORY, False)
    prefetch_factor: int | None = knob(PREFETCH_FACTOR, None)
    persistent_workers: bool = knob(PERSISTENT_WORKERS, False)
    multiprocessing_context: str | None = knob(MULTIPROCESSING_CONTEXT, None)
    in_order: bool = knob(IN_ORDER, True)

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy with the values that PyTorch and this Python take for `none`."""
        resolved = replace(super().resolve(cuda=cuda), pin_memory=bool(self.pin_memory))
        if self.num_workers == 0:
            return resolved
        return replace(
            resolved,
            prefetch_factor=self.prefetch_factor or DEFAULT_PREFETCH_FACTOR,
            multiprocessing_context=self.multiprocessing_context or default_start_method(),
        )

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None.

        PyTorch refuses the first three combinations, ignores the fourth, and only warns of the last.
        """
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

    def make_dataloader(
        self,
        dataset: Dataset[Any],
        *,
        shuffle: bool,
        seed: int,
        collate_fn: Callable[[Any], Any] | None = None,
        batched: bool = False,
    ) -> DataLoader[Any]:
        """Return a DataLoader with this spec's knobs.

        Args:
            dataset: the samples.
            shuffle: whether each epoch has a random order.
            seed: decides the orders of all epochs.
            collate_fn: makes a batch of samples; default None, PyTorch's own.
            batched: whether the dataset yields whole batches; default False.
        """
        return IsolatedDataLoader(
            dataset,
            batch_size=None if batched else self.batch_size,
            shuffle=shuffle,
            collate_fn=collate_fn,
            generator=torch.Generator("cpu").manual_seed(seed),
            **self._arguments(),
        )

    def _arguments(self) -> dict[str, Any]:
        return {
            "num_workers": self.num_workers,
            "pin_memory": bool(self.pin_memory),
            "prefetch_factor": self.prefetch_factor,
            "persistent_workers": self.persistent_workers,
            "multiprocessing_context": self.multiprocessing_context,
            "in_order": self.in_order,
        }

    def loader_code(self) -> ExampleCode:
        """Return the code of a DataLoader over a dataset of the user's own."""
        code = ExampleCode()
        self.add_dataloader(code, "dataset")
        return code

    def add_dataloader(self, code: ExampleCode, dataset: str, collate_fn: str | None = None) -> None:
        """Add a DataLoader to `loader_code`, without the arguments at PyTorch's defaults.

        Args:
            code: the code to add to.
            dataset: the dataset, as source text.
            collate_fn: the name of a function; default None, PyTorch's own.
        """
        code.imports.append("from torch.utils.data import DataLoader")
        defaults = {name: p.default for name, p in inspect.signature(DataLoader.__init__).parameters.items()}
        defaults["multiprocessing_context"] = default_start_method()
        defaults["prefetch_factor"] = DEFAULT_PREFETCH_FACTOR
        changed = {
            name: value
            for name, value in self._arguments().items()
            if value is not None and value != defaults[name]
        }
        positional = [dataset] if collate_fn is None else [dataset, f"collate_fn={collate_fn}"]
        keywords = {"batch_size": self.batch_size, "shuffle": True, **changed}
        code.assign("loader", "DataLoader", *positional, keywords=keywords)

    def add_transfer(self, code: ExampleCode, chunk: Chunk) -> None:
        """Add the copy to a CUDA device: PyTorch's own `.to`, unless batches are prefetched."""
        if self.transfer == "prefetch":
            super().add_transfer(code, chunk)
            return
        option = ", non_blocking=True" if self.transfer == "non_blocking" else ""
        code.lines += [
            "for images, labels in loader:",
            f'    images, labels = images.to("cuda"{option}), labels.to("cuda"{option})',
        ]


def default_start_method() -> str:
    """Return this Python's start method of processes: fork, on Linux from Python 3.14 on forkserver."""
    # The first one in the list is the platform's default.
    return multiprocessing.get_all_start_methods()[0]


def return_batch(batch: Batch) -> Batch:
    """Return the batch unchanged: the `collate_fn` of a dataset that makes whole batches."""
    # A function at module level, so that it can be sent to spawned workers.
    return batch
