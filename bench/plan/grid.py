"""Grid: the configurations that a request stands for on a machine, as a plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import Plan, PlanError
from bench.plan.points import check_names, multiply, resolve_points
from bench.plan.quick_preset import (
    GRAPHED,
    combine_values,
    list_left_out,
    list_quick_values,
    order_by_importance,
    serves_pictures,
)
from bench.plan.request import Request
from bench.plan.worker_knobs import reset_worker_knobs
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
        cores: cores that the processes may use; default 1.
    """

    cuda: bool
    num_threads: int
    cores: float = 1.0

    def choose_device(self, name: str) -> str:
        """Return `cpu` or `cuda` for the name of a device, which may be `auto`."""
        return ("cuda" if self.cuda else "cpu") if name == "auto" else name


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
    quick = request.effective_preset == "quick" and not request.aa_pairs
    if request.family is None and request.effective_preset is not None:
        dropped.update({name: f"{name}: {reason}" for name, reason in offer.left_out.items()})
    short = _is_short(request, machine, offer)
    if short:
        dropped.update(list_left_out(offer))
    points = resolve_points(_list_points(request, machine, offer, short=short), cuda=machine.cuda)
    configurations, unavailable = points.configurations, points.unavailable
    dropped.update(points.dropped)
    if len(unavailable) == len(configurations):
        reasons = sorted({*dropped.values(), *unavailable.values()})
        raise PlanError(f"nothing to measure: {'; '.join(reasons)}")
    if request.aa_pairs:
        return _pair_twins(configurations, request.aa_pairs, dropped, unavailable)
    baselines = _find_baselines(configurations, machine, offer)
    importance = order_by_importance(configurations, baselines) if quick and serves_pictures(offer) else ()
    return Plan(
        configurations, baselines, tuple(dropped.items()), unavailable, importance, only_step_ceilings=short
    )


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


def _is_short(request: Request, machine: Machine, offer: Offer) -> bool:
    """Return whether a GPU leaves the quick preset the time for a few configurations only."""
    devices = {machine.choose_device(name) for name in request.device}
    unasked = request.effective_preset == "quick" and request.family is None
    return unasked and devices == {"cuda"} and serves_pictures(offer)


def _list_points(request: Request, machine: Machine, offer: Offer, *, short: bool) -> Iterator[Configuration]:
    """Yield every configuration that a request names, valid or not, in grid order."""
    consumers = itertools.product(
        request.device, request.step, request.loss, request.num_threads, request.graphs
    )
    for device, step, loss, num_threads, cuda_graph in consumers:
        for spec in _keep_without_workers(list(_list_specs(request, machine, offer, short=short))):
            configuration = Configuration(
                spec=spec,
                device=machine.choose_device(device),
                step=step,
                loss=loss if step in TRAINING_STEPS else None,
                num_threads=num_threads or machine.num_threads,
                cuda_graph=cuda_graph,
            )
            yield configuration
            if short and request.cuda_graph is None and spec.family == GRAPHED and step == "analytic":
                yield replace(configuration, cuda_graph=True)


def _list_specs(request: Request, machine: Machine, offer: Offer, *, short: bool) -> Iterator[KnobSet]:
    """Yield every loader that a request names, valid or not, in grid order.

    Args:
        request: the configurations that are asked for.
        machine: facts of the machine.
        offer: loaders that serve the workload.
        short: whether the quick preset takes the few that it has time for on a GPU.
    """
    known = offer.specs
    given = dict(request.knobs or {})
    preset = request.effective_preset
    left_out = list_left_out(offer) if short else {}
    unasked = tuple(name for name in offer.unasked if name not in left_out)
    named = request.family or ((offer.baseline,) if preset is None else unasked)
    check_names(named, given, offer)
    # The baseline's family comes first, since readers compare the others with it.
    for name in sorted(named, key=lambda name: name != offer.baseline):
        base = known[name]
        knobs = base.declared_knobs()
        own = {knob: values for knob, values in given.items() if knob in base.knobs()}
        if preset == "quick":
            # By default, the quick preset varies the baseline's family and runs every other one once.
            vary = request.family is not None or name == offer.baseline
            values = list_quick_values(knobs, machine.cores, on_cuda=short) if vary else {}
            yield from _vary_one_at_a_time(base, values | own, own)
            if vary and short:
                yield base.with_knobs(combine_values(values | own))
        elif preset == "full":
            yield from multiply(base, {k.name: k.full for k in knobs.values()} | own)
        else:
            yield from multiply(base, own)


def _keep_without_workers(specs: Sequence[KnobSet]) -> Iterator[KnobSet]:
    """Yield loaders, and each one without workers also without the values of knobs that need workers.

    Where all of these values need workers, loading without any would otherwise be missing beside the others.

    Args:
        specs: the loaders that were named. Loading without workers alone stays as it was named.
    """
    with_workers = {spec.family for spec in specs if spec.knobs().get("num_workers")}
    for spec in specs:
        yield spec
        if spec.knobs().get("num_workers") == 0 and spec.family in with_workers:
            yield spec.with_knobs(reset_worker_knobs(spec))


def _vary_one_at_a_time(
    base: KnobSet, axes: Mapping[str, tuple[Value, ...]], given: Mapping[str, tuple[Value, ...]]
) -> Iterator[KnobSet]:
    """Yield a base loader, then loaders that differ from it in one knob each.

    Args:
        base: loader of the family at its defaults.
        axes: values of the knobs to vary.
        given: those of them that were asked for. The base has one of them.
    """
    knobs = base.knobs()
    base = base.with_knobs({name: values[0] for name, values in given.items() if knobs[name] not in values})
    yield base
    for name, values in axes.items():
        for value in values:
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
