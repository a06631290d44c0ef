"""Request: what a user asks to be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loaders.spec.knobs import Value

PRESETS = ("quick", "full")


@dataclass(frozen=True)
class Request:
    """What was asked for.

    knobs: the values of each loader knob that was given. preset: `quick`, `full`, or None for the factorial
    of the given knobs, which is the quick preset where none was given. family: names, or None for the
    preset's own choice. aa_pairs: measure each configuration that often under two names.
    """

    family: tuple[str, ...] | None = None
    preset: str | None = None
    knobs: Mapping[str, tuple[Value, ...]] | None = None
    device: tuple[str, ...] = ("auto",)
    step: tuple[str, ...] = ("analytic",)
    loss: tuple[str, ...] = ("cross_entropy",)
    num_threads: tuple[int | None, ...] = (None,)
    cuda_graph: tuple[bool, ...] = (False,)
    aa_pairs: int | None = None

    @property
    def effective_preset(self) -> str | None:
        """The preset that was asked for, or quick where nothing was, or None for the given knobs alone."""
        return self.preset or (None if self.knobs or self.aa_pairs else "quick")
