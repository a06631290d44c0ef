"""OwnLoaderSpec: the knobs of a loader over a user's own data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from typing_extensions import Self

from loaders.device.pipeline import Pipeline, move_to_device
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Value, knob
from loaders.spec.loader_spec import BATCH_SIZE, TRANSFER
from loaders.spec.source_facts import SourceFacts

# The columns of a target function's parameters begin with this, as they may bear the name of a knob.
PARAM = "param."
UNKNOWN = SourceFacts("iterable", None)
Params = tuple[tuple[str, Value], ...]
# More samples in a batch change the training, so the presets keep the user's number.
OWN_BATCH_SIZE = replace(BATCH_SIZE, quick=(), full=())
# Prefetched copies gain nothing without page-locked memory, and the quick preset varies one knob at a time.
OWN_TRANSFER = replace(TRANSFER, quick=())


@dataclass(frozen=True)
class OwnLoaderSpec(KnobSet):
    """The knobs of a loader over a user's own data. None leaves a knob as the user has it.

    Attributes:
        facts: what is known of the user's loader or dataset.
        params: parameters of the function that makes it, each with its value.
        variants: what is known of it for each combination of their values; none for the first one alone.
        transfer: how batches are copied to a CUDA device: `blocking`, `non_blocking` or `prefetch`; default
            None is `non_blocking` if memory is pinned, else `blocking`.
    """

    # The order is that of the user's sampler.
    same_order_each_epoch: ClassVar[bool] = True

    facts: SourceFacts = UNKNOWN
    params: Params = ()
    variants: tuple[tuple[Params, SourceFacts], ...] = ()
    transfer: str | None = knob(OWN_TRANSFER, None)

    @classmethod
    @abstractmethod
    def refuse(cls, facts: SourceFacts) -> str | None:
        """Return why this family can't serve a source, or None if it can.

        Args:
            facts: what is known of the user's loader or dataset.
        """

    @classmethod
    def leave_out(cls, facts: SourceFacts) -> str | None:
        """Return why a sweep doesn't measure this family unless it is named, where a user should know it.

        Args:
            facts: what is known of the user's loader or dataset.
        """
        del facts
        return None

    @property
    def files_key(self) -> object:
        """Loaders with the same key need the same files: those over the same data."""
        return self.family, self.params

    def knobs(self) -> dict[str, Value]:
        """Return the value of each knob and of each parameter by its name."""
        return {**super().knobs(), **{f"{PARAM}{name}": value for name, value in self.params}}

    def with_knobs(self, values: Mapping[str, Value]) -> Self:
        """Return a copy with these values of knobs and parameters."""
        params = {name.removeprefix(PARAM): value for name, value in values.items() if name.startswith(PARAM)}
        knobs = {name: value for name, value in values.items() if not name.startswith(PARAM)}
        kept = tuple((name, params.pop(name, value)) for name, value in self.params)
        combined = (*kept, *params.items())
        facts = dict(self.variants).get(combined, self.facts)
        return replace(super().with_knobs(knobs), params=combined, facts=facts)

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy in which `none` is replaced by the value that the user's loader has."""
        if not cuda or self.facts.kind == "script":
            return self
        pinned = "non_blocking" if self.knobs().get("pin_memory") else "blocking"
        return replace(self, transfer=self.transfer or pinned)

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None if they can."""
        if self.transfer is not None and not cuda:
            return f"transfer={self.transfer} needs a CUDA device to feed"
        if self.transfer is not None and self.facts.kind == "script":
            return f"transfer={self.transfer}: a script copies its batches itself"
        return None

    def typical_samples_per_s(self) -> float:
        """Return 2,000: nobody knows before the first trial."""
        return 2_000

    @abstractmethod
    def build(self, source: Any) -> Iterable[Any]:
        """Return a loader whose batches lie in the host's memory.

        Args:
            source: the user's DataLoader or other iterable of batches, made by this process.
        """

    def pipeline(self, source: Any, *, device: str) -> Pipeline:
        """Return a loader whose batches arrive on the device.

        Args:
            source: the user's DataLoader or other iterable of batches, made by this process.
            device: `cpu` or `cuda`.
        """
        loader = self.build(source)
        if device == "cpu":
            return Pipeline(loader)
        return move_to_device(loader, device, self.transfer or "blocking")

    @abstractmethod
    def describe_changes(self) -> list[str]:
        """Return the arguments that differ from the user's own, as source text; none for the baseline."""
