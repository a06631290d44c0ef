"""Ceilings: what no loader can beat, measured in the same sweep as the loaders."""

from __future__ import annotations

from collections.abc import Iterator

from bench.plan.ceiling_loaders import BusCeiling, ReadCeiling, StepCeiling
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan
from loaders.spec.knobs import format_value
from loaders.spec.loader_spec import LoaderSpec

# An epoch of a ceiling is short, and the median of several is steadier.
CEILING_EPOCHS = 6


def find_ceilings(plan: Plan) -> dict[Configuration, frozenset[int]]:
    """Find the ceilings of the configurations that can run here.

    Returns:
        The numbers of the configurations below each ceiling.
    """
    bounded: dict[Configuration, frozenset[int]] = {}
    for number, configuration in enumerate(plan.configurations):
        if number not in plan.unavailable:
            for ceiling in _list_ceilings(configuration):
                bounded[ceiling] = bounded.get(ceiling, frozenset()) | {number}
    return bounded


def _list_ceilings(configuration: Configuration) -> Iterator[Configuration]:
    device, spec, threads = configuration.device, configuration.spec, configuration.num_threads
    if not isinstance(spec, LoaderSpec):
        return
    knobs = spec.knobs()
    # A loader that works on the device reads nothing from the host's memory.
    if device == "cpu" or "transfer" in knobs:
        yield Configuration(ReadCeiling(spec.batch_size), device, "none", None, threads)
    if configuration.step != "none":
        alone = StepCeiling(spec.batch_size, spec.resize)
        step = configuration.step, configuration.loss
        yield Configuration(alone, device, *step, threads, configuration.cuda_graph)
    if device == "cuda" and "transfer" in knobs:
        bus = BusCeiling(spec.batch_size, spec.resize, scale_on=format_value(knobs.get("scale_on", "")))
        yield Configuration(bus, device, "none", None, threads)
