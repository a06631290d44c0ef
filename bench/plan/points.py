"""Points: configurations that were named, without those that can't exist and without repetitions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from loaders.registry import families, own_families
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Value


@dataclass(frozen=True)
class Points:
    """Configurations that were named, resolved, each one once.

    Attributes:
        configurations: the configurations, in the order in which they were named.
        dropped: reasons why named configurations can't exist, by their names.
        unavailable: reasons why configurations can't run on this machine, by their numbers.
    """

    configurations: tuple[Configuration, ...]
    dropped: Mapping[str, str]
    unavailable: Mapping[int, str]


def resolve_points(named: Iterable[Configuration], *, cuda: bool) -> Points:
    """Resolve configurations, and sort out those that can't exist, can't run here, or were there before.

    Args:
        named: the configurations.
        cuda: whether there is a CUDA device.
    """
    configurations: list[Configuration] = []
    dropped: dict[str, str] = {}
    unavailable: dict[int, str] = {}
    for configuration in named:
        reason = configuration.invalid()
        if reason is not None:
            dropped[str(configuration)] = reason
            continue
        on_cuda = configuration.device == "cuda"
        resolved = replace(configuration, spec=configuration.spec.resolve(cuda=on_cuda))
        if resolved in configurations:
            continue
        lacking = resolved.spec.unavailable()
        if on_cuda and not cuda:
            lacking = "no CUDA device here (torch.cuda.is_available() is False)"
        if lacking is not None:
            unavailable[len(configurations)] = lacking
        configurations.append(resolved)
    return Points(tuple(configurations), dropped, unavailable)


def check_names(named: Sequence[str], knobs: Iterable[str], offer: Offer) -> None:
    """Check that families serve the workload, and that any of them has each knob.

    Args:
        named: names of the families.
        knobs: names of the knobs.
        offer: loaders that serve the workload.

    Raises:
        PlanError: one of them doesn't.
    """
    known = offer.specs
    for name in named:
        if name in offer.refused:
            raise PlanError(f"--family: {name} can't serve this: {offer.refused[name]}")
        if name not in known:
            known_elsewhere = name in families() or name in own_families()
            reason = "serves other data" if known_elsewhere else "is not a loader family"
            raise PlanError(f"--family: {name!r} {reason}; allowed: {', '.join(known)}")
    declared = {knob for name in named for knob in known[name].knobs()}
    for knob in knobs:
        if knob not in declared:
            raise PlanError(f"--{knob.replace('_', '-')}: no knob of {', '.join(named)}")


def multiply(base: KnobSet, axes: Mapping[str, Sequence[Value]]) -> Iterator[KnobSet]:
    """Yield the factorial of the values of knobs.

    Args:
        base: loader whose other knobs stay.
        axes: values of each knob; a knob without a value stays, too.
    """
    axes = {knob: values for knob, values in axes.items() if values}
    for point in itertools.product(*axes.values()):
        yield base.with_knobs(dict(zip(axes, point, strict=True)))
