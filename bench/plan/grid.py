"""Grid: the configurations that a request stands for on a machine, as a plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.plan.configuration import Configuration
from bench.plan.plan import Plan, PlanError
from bench.plan.request import Request
from loaders.registry import families
from loaders.spec.knobs import Value
from loaders.spec.loader_spec import LoaderSpec

TUTORIAL_FAMILY = "torch_dataloader"


@dataclass(frozen=True)
class Machine:
    """Facts of the machine that decide a plan.

    Attributes:
        cuda: whether there is a CUDA device.
        num_threads: threads that torch takes by default.
    """

    cuda: bool
    num_threads: int


def make_plan(request: Request, machine: Machine) -> Plan:
    """Turn a request into a plan for a machine.

    Raises:
        PlanError: the request names what doesn't exist, or nothing of it can run.
    """
    configurations: list[Configuration] = []
    dropped: dict[str, str] = {}
    unavailable: dict[int, str] = {}
    for configuration in _list_points(request, machine):
        reason = configuration.invalid()
        if reason is not None:
            dropped[str(configuration)] = reason
            continue
        cuda = configuration.device == "cuda"
        resolved = replace(configuration, spec=configuration.spec.resolve(cuda=cuda))
        if resolved in configurations:
            continue
        lacking = resolved.spec.unavailable()
        if cuda and not machine.cuda:
            lacking = "no CUDA device here (torch.cuda.is_available() is False)"
        if lacking is not None:
            unavailable[len(configurations)] = lacking
        configurations.append(resolved)
    if len(unavailable) == len(configurations):
        reasons = sorted({*dropped.values(), *unavailable.values()})
        raise PlanError(f"nothing to measure: {'; '.join(reasons)}")
    if request.aa_pairs:
        return _pair_twins(configurations, request.aa_pairs, dropped, unavailable)
    baselines = _find_baselines(configurations, machine)
    return Plan(tuple(configurations), baselines, tuple(dropped.items()), unavailable)


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


def _list_points(request: Request, machine: Machine) -> Iterator[Configuration]:
    """Yield every configuration that a request names, valid or not, in grid order."""
    default_device = "cuda" if machine.cuda else "cpu"
    consumers = itertools.product(
        request.device, request.step, request.loss, request.num_threads, request.cuda_graph
    )
    for device, step, loss, num_threads, cuda_graph in consumers:
        for spec in _list_specs(request):
            yield Configuration(
                spec=spec,
                device=default_device if device == "auto" else device,
                step=step,
                loss=None if step == "none" else loss,
                num_threads=num_threads or machine.num_threads,
                cuda_graph=cuda_graph,
            )


def _list_specs(request: Request) -> Iterator[LoaderSpec]:
    """Yield every loader that a request names, valid or not, in grid order."""
    known = families()
    given = dict(request.knobs or {})
    preset = request.effective_preset
    unasked = tuple(name for name in known if known[name].shown_unasked)
    named = request.family or ((TUTORIAL_FAMILY,) if preset is None else unasked)
    for name in named:
        if name not in known:
            raise PlanError(f"--family: {name!r} is not a loader family; allowed: {', '.join(known)}")
    declared = {knob for name in named for knob in known[name].declared_knobs()}
    for knob in given:
        if knob not in declared:
            raise PlanError(f"--{knob.replace('_', '-')}: no knob of {', '.join(named)}")
    # The tutorials' family comes first, since readers compare the others with it.
    for name in sorted(named, key=lambda name: name != TUTORIAL_FAMILY):
        family = known[name]
        own = {knob: values for knob, values in given.items() if knob in family.declared_knobs()}
        if preset == "quick":
            # By default, the quick preset varies the tutorials' loader and runs every other family once.
            vary = request.family is not None or name == TUTORIAL_FAMILY
            yield from _vary_one_at_a_time(family, own, vary=vary)
        elif preset == "full":
            yield from _multiply(family, {k.name: k.full for k in family.declared_knobs().values()} | own)
        else:
            yield from _multiply(family, own)


def _multiply(family: type[LoaderSpec], axes: Mapping[str, Sequence[Value]]) -> Iterator[LoaderSpec]:
    """Yield the factorial of the values of knobs."""
    axes = {knob: values for knob, values in axes.items() if values}
    for point in itertools.product(*axes.values()):
        yield family().with_knobs(dict(zip(axes, point, strict=True)))


def _vary_one_at_a_time(
    family: type[LoaderSpec], given: Mapping[str, tuple[Value, ...]], *, vary: bool
) -> Iterator[LoaderSpec]:
    """Yield a base loader, then loaders that differ from it in one knob each.

    Args:
        family: the family of the loaders.
        given: values of knobs that replace the preset's own.
        vary: whether knobs without given values take the preset's.
    """
    base = family()
    knobs = base.knobs()
    base = base.with_knobs({name: values[0] for name, values in given.items() if knobs[name] not in values})
    yield base
    for name, knob in family.declared_knobs().items():
        for value in given.get(name, knob.quick if vary else ()):
            yield base.with_knobs({name: value})


def _find_baselines(configurations: Sequence[Configuration], machine: Machine) -> tuple[int, ...]:
    """Find the baseline of each configuration.

    In each comparison it is the tutorials' own configuration where the grid holds it, else the first.
    """
    tutorial = families()[TUTORIAL_FAMILY]()

    def likeness(number: int) -> tuple[bool, bool, bool]:
        # The tutorials set no threads and use no CUDA graph. Of equals, max takes the first.
        configuration = configurations[number]
        same = configuration.spec == tutorial.resolve(cuda=configuration.device == "cuda")
        default = configuration.num_threads == machine.num_threads
        return same, same and default, same and not configuration.cuda_graph

    comparisons: dict[object, list[int]] = {}
    for number, configuration in enumerate(configurations):
        comparisons.setdefault(configuration.comparison, []).append(number)
    return tuple(max(comparisons[c.comparison], key=likeness) for c in configurations)
