"""What no loader can beat: the step alone, rows read in stored order, the bus. Measured as loaders are.

They are no family: they deliver nothing to train on, and stand in `ceilings.csv`, not among the runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.plan.ceiling_loaders import BusCeiling, ReadCeiling, StepCeiling
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan
from loaders.spec.knobs import format_value

# A ceiling is quickly measured, and one epoch of it is short: the median of some is steadier.
CEILING_EPOCHS = 6


def find_ceilings(plan: Plan) -> dict[Configuration, frozenset[int]]:
    """What bounds the configurations that can run, each with the numbers of those that it bounds."""
    bounded: dict[Configuration, frozenset[int]] = {}
    for number, configuration in enumerate(plan.configurations):
        if number not in plan.unavailable:
            for ceiling in _ceilings_of(configuration):
                bounded[ceiling] = bounded.get(ceiling, frozenset()) | {number}
    return bounded


def _ceilings_of(configuration: Configuration) -> Iterator[Configuration]:
    device, spec, threads = configuration.device, configuration.spec, configuration.num_threads
    knobs = spec.knobs()
    # What lies on the device is read there, and not by a loader of the host.
    if device == "cpu" or "transfer" in knobs:
        yield Configuration(ReadCeiling(spec.batch_size), device, "none", None, threads)
    if configuration.step != "none":
        alone = StepCeiling(spec.batch_size, spec.resize, device=device)
        step = configuration.step, configuration.loss
        yield Configuration(alone, device, *step, threads, configuration.cuda_graph)
    if device == "cuda" and "transfer" in knobs:
        bus = BusCeiling(
            spec.batch_size, spec.resize, device=device, scale_on=format_value(knobs.get("scale_on", ""))
        )
        yield Configuration(bus, device, "none", None, threads)
