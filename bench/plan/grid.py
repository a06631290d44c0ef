"""Grid: the configurations that a request stands for on a machine, as a plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import Plan, PlanError
from bench.plan.points import check_names, multiply, resolve_points
from bench.plan.request import Request
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Value
from model.step_spec import STEPS

# The steps that train the model of pictures, and so have a loss.
TRAINING_STEPS = tuple(step for step in STEPS if step != "none")


@dataclass(frozen=True)
class Machine:
    """Facts of the machine that decide a plan.

    Attributes:
        cuda: whether there is a CUDA device.
        num_threads: threads that torch takes by default.
    """

    cuda: bool
    num_threads: int


def make_plan(request: Request, machine: Machine, offer: Offer | None = None) -> Plan:
    """Turn a request into a plan for a machine.

    Args:
        request: the configurations that are asked for.
        machine: facts of the machine.
        offer: the loaders that serve the workload; default None, those of pictures.

    Raises:
        PlanError: the request names what doesn't exist, or nothing of it can run.
    """
    dropped: dict[str, str] = {}
    offer = offer or Offer.for_pictures()
    if request.family is None and request.effective_preset is not None:
        dropped.update({name: f"{name}: {reason}" for name, reason in offer.left_out.items()})
    points = resolve_points(_list_points(request, machine, offer), cuda=machine.cuda)
    configurations, unavailable = points.configurations, points.unavailable
    dropped.update(points.dropped)
    if len(unavailable) == len(configurations):
        reasons = sorted({*dropped.values(), *unavailable.values()})
        raise PlanError(f"nothing to measure: {'; '.join(reasons)}")
    if request.aa_pairs:
        return _pair_twins(configurations, request.aa_pairs, dropped, unavailable)
    baselines = _find_baselines(configurations, machine, offer)
    return Plan(configurations, baselines, tuple(dropped.items()), unavailable)


def _pair_twins(
    configurations: Sequence[Configuration],
    pairs: int,
    dropped: Mapping[str, str],
    unavailable: Iterable[int],
) -> Plan:
    """Make a plan of pairs of equal configurations. Each second one is compared with the one before it."""
    single = [c for number, c in enumerate(configurations) if number not in set(unavailable)]
    twins = [configuration for configuration in single for _ in range(2 * pairs)]
    baselines = [number - number % 2 for number in range(len(twins))]
    return Plan(tuple(twins), tuple(baselines), tuple(dropped.items()), {})


def _list_points(request: Request, machine: Machine, offer: Offer) -> Iterator[Configuration]:
    """Yield every configuration that a request names, valid or not, in grid order."""
    default_device = "cuda" if machine.cuda else "cpu"
    consumers = itertools.product(
        request.device, request.step, request.loss, request.num_threads, request.cuda_graph
    )
    for device, step, loss, num_threads, cuda_graph in consumers:
        for spec in _list_specs(request, offer):
            yield Configuration(
                spec=spec,
                device=default_device if device == "auto" else device,
                step=step,
                loss=loss if step in TRAINING_STEPS else None,
                num_threads=num_threads or machine.num_threads,
                cuda_graph=cuda_graph,
            )


def _list_specs(request: Request, offer: Offer) -> Iterator[KnobSet]:
    """Yield every loader that a request names, valid or not, in grid order."""
    known = offer.specs
    given = dict(request.knobs or {})
    preset = request.effective_preset
    named = request.family or ((offer.baseline,) if preset is None else tuple(offer.unasked))
    check_names(named, given, offer)
    # The baseline's family comes first, since readers compare the others with it.
    for name in sorted(named, key=lambda name: name != offer.baseline):
        base = known[name]
        knobs = base.declared_knobs()
        own = {knob: values for knob, values in given.items() if knob in base.knobs()}
        if preset == "quick":
            # By default, the quick preset varies the baseline's family and runs every other one once.
            vary = request.family is not None or name == offer.baseline
            yield from _vary_one_at_a_time(base, own, vary=vary)
        elif preset == "full":
            yield from multiply(base, {k.name: k.full for k in knobs.values()} | own)
        else:
            yield from multiply(base, own)


def _vary_one_at_a_time(
    base: KnobSet, given: Mapping[str, tuple[Value, ...]], *, vary: bool
) -> Iterator[KnobSet]:
    """Yield a base loader, then loaders that differ from it in one knob each.

    Args:
        base: loader of the family at its defaults.
        given: values of knobs that replace the preset's own.
        vary: whether knobs without given values take the preset's.
    """
    declared = base.declared_knobs()
    knobs = base.knobs()
    base = base.with_knobs({name: values[0] for name, values in given.items() if knobs[name] not in values})
    yield base
    for name in knobs:
        for value in given.get(name, declared[name].quick if vary and name in declared else ()):
            yield base.with_knobs({name: value})


def _find_baselines(
    configurations: Sequence[Configuration], machine: Machine, offer: Offer
) -> tuple[int, ...]:
    """Find the baseline of each configuration.

    In each comparison it is the offer's own baseline where the grid holds it, else the first.
    """
    baseline = offer.specs[offer.baseline]

    def likeness(number: int) -> tuple[bool, bool, bool]:
        # The tutorials set no threads and use no CUDA graph. Of equals, max takes the first.
        configuration = configurations[number]
        same = configuration.spec == baseline.resolve(cuda=configuration.device == "cuda")
        default = configuration.num_threads == machine.num_threads
        return same, same and default, same and not configuration.cuda_graph

    comparisons: dict[object, list[int]] = {}
    for number, configuration in enumerate(configurations):
        comparisons.setdefault(configuration.comparison, []).append(number)
    return tuple(max(comparisons[c.comparison], key=likeness) for c in configurations)
