"""The quick preset: what it compares, and which of it matters most where time is short."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.search_space import OF_TRAINING
from loaders.spec.knobs import Knob, Value
from loaders.spec.loader_spec import LoaderSpec

# More workers than that seldom gain anything, and take seconds to start.
MOST_WORKERS = 16
# Beside a GPU each trial takes seconds to start CUDA, so two minutes hold some ten runs in three blocks.
# Other batch sizes and resizes would be other work, with ceilings of their own.
ON_CUDA = ("num_workers", "pin_memory")
# With data in memory, memory_map is tensor_slice. A stream shuffles less.
NOT_ON_CUDA = ("memory_map", "stream")
# Its batches lie on the device, so graphs take all of the host's work away.
GRAPHED = "device_resident"


def serves_pictures(offer: Offer) -> bool:
    """Return whether an offer is that of pictures, for which the preset ends within two minutes.

    Args:
        offer: the loaders that serve the workload.
    """
    return isinstance(offer.specs[offer.baseline], LoaderSpec)


def list_quick_values(
    declared: Mapping[str, Knob], cores: float, *, on_cuda: bool
) -> dict[str, tuple[Value, ...]]:
    """Return the values of each knob that the preset tries, in the order in which it tries them.

    Args:
        declared: the knobs of a family.
        cores: cores that the processes may use.
        on_cuda: whether the batches go to a CUDA device in a sweep of pictures.
    """
    values = {name: knob.quick for name, knob in declared.items()}
    most = min(math.floor(cores), MOST_WORKERS)
    known = [value for value in values.get("num_workers", ()) if isinstance(value, int)]
    if known and most > max(known):
        values["num_workers"] = (most,) if on_cuda else (*known, most)
    return {name: values.get(name, ()) for name in ON_CUDA} if on_cuda else values


def combine_values(axes: Mapping[str, tuple[Value, ...]]) -> dict[str, Value]:
    """Return the settings that are usually advised for a DataLoader beside a GPU, all at once.

    Args:
        axes: values of each knob that the preset tries one at a time. The last one of each is taken.
    """
    return {name: values[-1] for name, values in axes.items() if values}


def list_left_out(offer: Offer) -> dict[str, str]:
    """Return the families that the preset leaves out beside a GPU, each with the reason.

    Args:
        offer: the loaders that serve the workload.
    """
    names = [name for name in NOT_ON_CUDA if name in offer.unasked]
    reason = f"there is no time for them in two minutes on a GPU; --family {','.join(names)} measures them"
    return dict.fromkeys(names, reason)


def order_by_importance(configurations: Sequence[Configuration], baselines: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of configurations, the one that a reader misses most first.

    The baselines come first, then the other families, the fastest first, then variations of the baselines'
    families and CUDA graphs. Other work than that of the baselines has few rivals, and comes last.

    Args:
        configurations: the configurations of a plan.
        baselines: the number of each one's baseline.
    """
    references = set(baselines)
    families = {configurations[number].spec.family for number in references}
    work = {_find_work(configurations[number]) for number in references}

    def place(number: int) -> tuple[bool, bool, bool, bool, float]:
        one = configurations[number]
        is_other, varies = _find_work(one) not in work, one.spec.family in families
        rate = 0.0 if varies else one.spec.typical_samples_per_s()
        return number not in references, is_other, one.cuda_graph, varies, -rate

    return tuple(sorted(range(len(configurations)), key=place))


def _find_work(configuration: Configuration) -> tuple[Value, ...]:
    """Return the settings that change the training."""
    knobs = configuration.spec.knobs()
    return tuple(knobs.get(name) for name in OF_TRAINING)
