"""Ceilings: what no loader can beat, measured in the same sweep as the loaders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bench.plan.ceiling_loaders import (
    PICTURE_KNOBS,
    BusCeiling,
    CeilingSpec,
    OwnStepCeiling,
    ReadCeiling,
    StepCeiling,
    find_most_bytes,
)
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan
from loaders.spec.knobs import format_value
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.own_loader_spec import OwnLoaderSpec

# An epoch of a ceiling of pictures is short, and the median of several is steadier.
CEILING_EPOCHS = 6


def find_ceilings(plan: Plan) -> dict[Configuration, frozenset[int]]:
    """Find the ceilings of the configurations that can run here.

    Returns:
        The numbers of the configurations below each ceiling.
    """
    bounded: dict[Configuration, frozenset[int]] = {}
    # One bound for all, as the available memory varies.
    most_bytes = find_most_bytes()
    for number, configuration in enumerate(plan.configurations):
        if number not in plan.unavailable:
            for ceiling in _list_ceilings(configuration, most_bytes):
                if plan.only_step_ceilings and not isinstance(ceiling.spec, StepCeiling | OwnStepCeiling):
                    continue
                bounded[ceiling] = bounded.get(ceiling, frozenset()) | {number}
    return bounded


def list_ceiling_knobs(ceilings: Iterable[Configuration]) -> list[str]:
    """Return the columns that tell ceilings apart, beside those that every file of rows has.

    Args:
        ceilings: the ceilings of a sweep.
    """
    knobs: dict[str, None] = {}
    for ceiling in ceilings:
        pictures = isinstance(ceiling.spec, CeilingSpec)
        knobs.update(dict.fromkeys(PICTURE_KNOBS if pictures else ceiling.spec.knobs()))
    return list(knobs)


def count_ceiling_epochs(ceiling: Configuration, epochs: int) -> int:
    """Return the fewest epochs of a trial of a ceiling.

    Args:
        ceiling: the ceiling.
        epochs: fewest epochs of a trial of a configuration.
    """
    # A user's own step may take minutes an epoch.
    return CEILING_EPOCHS if isinstance(ceiling.spec, CeilingSpec) else epochs


def find_captured_bytes(ceilings: Iterable[Configuration]) -> int | None:
    """Return the most bytes of captured batches that a trial holds; None where no ceiling captures any."""
    bounds = [ceiling.spec.most_bytes for ceiling in ceilings if isinstance(ceiling.spec, OwnStepCeiling)]
    return max(bounds, default=None)


def _list_ceilings(configuration: Configuration, most_bytes: int) -> Iterator[Configuration]:
    device, spec, threads = configuration.device, configuration.spec, configuration.num_threads
    if isinstance(spec, OwnLoaderSpec) and configuration.step != "none":
        yield replace(configuration, spec=OwnStepCeiling.below(spec, most_bytes))
    if not isinstance(spec, LoaderSpec):
        return
    knobs = spec.knobs()
    # A loader that works on the device reads nothing from the host's memory.
    if device == "cpu" or "transfer" in knobs:
        yield Configuration(ReadCeiling(spec.batch_size), device, "none", None, threads)
    if configuration.step != "none":
        yield replace(configuration, spec=StepCeiling(spec.batch_size, spec.resize))
    if device == "cuda" and "transfer" in knobs:
        bus = BusCeiling(spec.batch_size, spec.resize, scale_on=format_value(knobs.get("scale_on", "")))
        yield Configuration(bus, device, "none", None, threads)
