"""Request: the configurations that a user asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loaders.spec.knobs import Value

PRESETS = ("quick", "full")


@dataclass(frozen=True)
class Request:
    """The configurations that a user asks for.

    Attributes:
        family: names of loader families; None for the preset's own choice.
        preset: `quick` or `full`; None for the factorial of the given knobs.
        knobs: values of each loader knob that was given.
        device: `cpu`, `cuda`, or `auto` for CUDA where there is one.
        step: `analytic`, `autograd`, or `none` for the loader alone.
        loss: losses of the train step.
        num_threads: threads of torch in the training process; None for torch's own number.
        cuda_graph: whether CUDA graphs hold the step; None for the preset's own choice.
        aa_pairs: pairs of twins of each configuration, for an A/A check; None for no check.
        single: whether one configuration is asked for: the baseline's, with the given knobs; default False.
    """

    family: tuple[str, ...] | None = None
    preset: str | None = None
    knobs: Mapping[str, tuple[Value, ...]] | None = None
    device: tuple[str, ...] = ("auto",)
    step: tuple[str, ...] = ("analytic",)
    loss: tuple[str, ...] = ("cross_entropy",)
    num_threads: tuple[int | None, ...] = (None,)
    cuda_graph: tuple[bool, ...] | None = None
    aa_pairs: int | None = None
    single: bool = False

    @property
    def effective_preset(self) -> str | None:
        """The preset; `quick` if neither it, knobs nor a single configuration were asked for; else None."""
        return self.preset or (None if self.knobs or self.aa_pairs or self.single else "quick")

    @property
    def graphs(self) -> tuple[bool, ...]:
        """The values of `cuda_graph` that were asked for; without graphs where none was."""
        return (False,) if self.cuda_graph is None else self.cuda_graph
