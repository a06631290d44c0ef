"""KnobSet: the knobs of one loader, whatever it loads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from typing_extensions import Self

from loaders.spec.family_name import name_family
from loaders.spec.knobs import Knob, Value


@dataclass(frozen=True)
class KnobSet(ABC):
    """The knobs of one loader: one family, one subclass, one file of `loaders/families/`.

    Attributes:
        shown_unasked: class attribute: whether a sweep that names no family measures this one; False for a
            family that fills a disk with files.
        same_order_each_epoch: class attribute: whether a shuffled loader may deliver the same order in every
            epoch; default False. The audit fails a family that does so without declaring it.
        shuffles_fully: class attribute: whether a shuffled loader shuffles all samples alike; default True. A
            tuning leaves out a family that shuffles less, unless it is named.
        late_modules: class attribute: modules that take long to import and that the family imports when its
            loader is built; default none. The server that trials are forked from imports them beforehand.
        needs_torchvision: class attribute: whether the loaders need torchvision; default False. Then a sweep
            begins with a look whether it fits this torch.
    """

    shown_unasked: ClassVar[bool] = True
    same_order_each_epoch: ClassVar[bool] = False
    shuffles_fully: ClassVar[bool] = True
    late_modules: ClassVar[tuple[str, ...]] = ()
    needs_torchvision: ClassVar[bool] = False

    @property
    def family(self) -> str:
        """The family's name: that of its file, or of its entry point in another package."""
        return name_family(type(self))

    @property
    def files_key(self) -> object:
        """Loaders with the same key need the same files beside the data, whatever their knobs are."""
        return self.family

    @property
    def preparation_s(self) -> float:
        """About how long it takes to make what the loader needs beside the data, once for all of its trials.

        In seconds; 0 where that is short or not known.
        """
        return 0.0

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Return the family's knobs by name, in the order of their declaration."""
        return {f.name: f.metadata["knob"] for f in fields(cls) if "knob" in f.metadata}

    def knobs(self) -> dict[str, Value]:
        """Return the value of each knob by its name."""
        return {name: getattr(self, name) for name in self.declared_knobs()}

    def with_knobs(self, values: Mapping[str, Value]) -> Self:
        """Return a copy with these values of knobs."""
        return replace(self, **values)

    @abstractmethod
    def resolve(self, *, cuda: bool = False) -> Self:
        """Return a copy in which `none` is replaced by the value that is taken for it.

        Args:
            cuda: whether the batches go to a CUDA device; default False.
        """

    @abstractmethod
    def invalid(self, *, cuda: bool) -> str | None:
        """Return why these values can't be combined, or None if they can.

        Args:
            cuda: whether the batches go to a CUDA device.
        """

    def unavailable(self) -> str | None:
        """Return what this machine lacks for this loader, with the cure, or None."""
        return None

    def machine_notice(self) -> str | None:
        """Return one line that a user should know about this loader on this machine, or None.

        For example, why it is slower here than it could be, with the cure.
        """
        return None

    @abstractmethod
    def typical_samples_per_s(self) -> float:
        """Return about how many samples a second this loader delivers on two cores.

        It is only used to estimate how long a sweep takes.
        """
