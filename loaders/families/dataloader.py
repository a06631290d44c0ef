"""A user's own DataLoader, or a DataLoader over a user's own dataset, whose knobs are varied."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from torch.utils.data import DataLoader
from typing_extensions import Self

from loaders.spec.dataloader_spec import (
    DEFAULT_PREFETCH_FACTOR,
    IN_ORDER,
    MULTIPROCESSING_CONTEXT,
    NUM_WORKERS,
    PERSISTENT_WORKERS,
    PIN_MEMORY,
    PREFETCH_FACTOR,
    default_start_method,
)
from loaders.spec.knobs import knob
from loaders.spec.own_loader_spec import OWN_BATCH_SIZE, OwnLoaderSpec
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.spec.turn_knobs import copy_with


@dataclass(frozen=True)
class OwnDataLoader(OwnLoaderSpec):
    """A user's DataLoader with some of its arguments changed; None leaves an argument as it is.

    Its dataset, sampler, collate function, worker_init_fn, generator and drop_last are kept.

    Attributes:
        batch_size: samples in a batch.
        num_workers: worker processes; 0 loads in the training process.
        pin_memory: whether batches lie in page-locked memory.
        prefetch_factor: batches that each worker loads ahead.
        persistent_workers: whether workers stay between epochs.
        multiprocessing_context: start method of workers.
        in_order: whether batches come in the sampler's order.
    """

    batch_size: int | None = knob(OWN_BATCH_SIZE, None)
    num_workers: int | None = knob(NUM_WORKERS, None)
    pin_memory: bool | None = knob(PIN_MEMORY, None)
    prefetch_factor: int | None = knob(PREFETCH_FACTOR, None)
    persistent_workers: bool | None = knob(PERSISTENT_WORKERS, None)
    multiprocessing_context: str | None = knob(MULTIPROCESSING_CONTEXT, None)
    in_order: bool | None = knob(IN_ORDER, None)

    @classmethod
    def refuse(cls, facts: SourceFacts) -> str | None:
        """Return why there is no DataLoader to vary, or None."""
        return None if facts.settings else "the target is no Dataset, and no DataLoader that can be set"

    @property
    def theirs(self) -> DataLoaderSettings:
        """The settings that the user's DataLoader has."""
        return self.facts.settings or DataLoaderSettings()

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy with the values of the user's DataLoader, and of PyTorch, for `none`."""
        values = {f.name: getattr(self, f.name) for f in fields(DataLoaderSettings)}
        known = {
            name: getattr(self.theirs, name) if value is None else value for name, value in values.items()
        }
        if not known["num_workers"]:
            # They need workers. Where the user's own DataLoader has them, they go with its workers.
            without = {"prefetch_factor": None, "persistent_workers": False, "in_order": True}
            without["multiprocessing_context"] = None
            for name, value in without.items():
                known[name] = value if values[name] is None else values[name]
        else:
            known["prefetch_factor"] = known["prefetch_factor"] or DEFAULT_PREFETCH_FACTOR
            known["multiprocessing_context"] = known["multiprocessing_context"] or default_start_method()
        if not cuda:
            # PyTorch only warns of page-locked memory without a GPU, and delivers ordinary memory.
            known["pin_memory"] = bool(values["pin_memory"])
        resolved = replace(self, **known)
        return super(OwnDataLoader, resolved).resolve(cuda=cuda)

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None."""
        workers = self.theirs.num_workers if self.num_workers is None else self.num_workers
        if not workers:
            for name, off in (
                ("prefetch_factor", None), ("persistent_workers", False), ("multiprocessing_context", None),
            ):  # fmt: skip
                value = getattr(self, name)
                if value is not None and value != off:
                    return f"{name}={'on' if value is True else value} needs workers, num_workers is 0"
            if self.in_order is False:
                return "in_order=off needs workers, num_workers is 0"
        if self.multiprocessing_context not in (None, *multiprocessing.get_all_start_methods()):
            return f"multiprocessing_context={self.multiprocessing_context} does not exist on this platform"
        if self.pin_memory and not cuda:
            return "pin_memory=on needs a CUDA device to feed"
        if self.batch_size not in (None, self.theirs.batch_size) and self.facts.has_own_batches:
            return "batch_size: the batches are not made by PyTorch's BatchSampler"
        return super().invalid(cuda=cuda)

    def unavailable(self) -> str | None:
        """Return why workers can't be started, or None."""
        resolved = self.resolve()
        if resolved.num_workers and resolved.multiprocessing_context != "fork" and self.facts.pickle_error:
            return (
                f"workers by {resolved.multiprocessing_context} get the DataLoader's parts pickled: "
                f"{self.facts.pickle_error}"
            )
        return None

    def build(self, source: Any) -> Iterable[Any]:
        """Return the user's DataLoader with these settings."""
        return self.build_dataloader(source)

    def build_dataloader(self, source: DataLoader[Any]) -> DataLoader[Any]:
        """Return a copy of the user's DataLoader with these settings."""
        resolved = self.resolve(cuda=bool(self.pin_memory))
        settings = {f.name: getattr(resolved, f.name) for f in fields(DataLoaderSettings)}
        return copy_with(source, DataLoaderSettings(**settings))

    def describe_changes(self) -> list[str]:
        """Return the arguments of DataLoader that differ from the user's own, as source text."""
        usual = self.with_knobs(dict.fromkeys((f.name for f in fields(DataLoaderSettings)), None)).resolve()
        resolved = self.resolve()
        names = [f.name for f in fields(DataLoaderSettings)]
        changed = [name for name in names if getattr(resolved, name) != getattr(usual, name)]
        if not resolved.num_workers or not usual.num_workers:
            # They follow from the number of workers, unless they differ from PyTorch's own.
            defaults = {
                "prefetch_factor": (None, DEFAULT_PREFETCH_FACTOR),
                "multiprocessing_context": (None, default_start_method()),
            }
            changed = [name for name in changed if getattr(resolved, name) not in defaults.get(name, ())]
        params = [f"{name}={value!r}" for name, value in self.params]
        return [*params, *(f"{name}={getattr(resolved, name)!r}" for name in changed)]
