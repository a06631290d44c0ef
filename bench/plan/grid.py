"""The plan of a sweep: which configurations are measured, which can't be, and what each is compared with."""

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
    """What the plan must know of the machine: whether CUDA is there, and torch's default threads."""

    cuda: bool
    num_threads: int


def make_plan(request: Request, machine: Machine) -> Plan:
    """Turn a request into a plan for this machine; PlanError where nothing of it can be run."""
    configurations: list[Configuration] = []
    dropped: dict[str, str] = {}
    unavailable: dict[int, str] = {}
    for configuration in _points(request, machine):
        reason = configuration.invalid()
        resolved = replace(
            configuration, spec=configuration.spec.resolve(cuda=configuration.device == "cuda")
        )
        if reason is not None:
            dropped[str(configuration)] = reason
        elif resolved not in configurations:
            lacking = configuration.spec.unavailable()
            if configuration.device == "cuda" and not machine.cuda:
                lacking = "no CUDA device here (torch.cuda.is_available() is False)"
            if lacking is not None:
                unavailable[len(configurations)] = lacking
            configurations.append(resolved)
    if len(unavailable) == len(configurations):
        reasons = sorted({*dropped.values(), *unavailable.values()})
        raise PlanError(f"nothing to measure: {'; '.join(reasons)}")
    if request.aa_pairs:
        return _twins(configurations, request.aa_pairs, dropped, unavailable)
    baselines = _baselines(configurations, machine)
    return Plan(tuple(configurations), baselines, tuple(dropped.items()), unavailable)


def _twins(
    configurations: Sequence[Configuration],
    pairs: int,
    dropped: Mapping[str, str],
    unavailable: Iterable[int],
) -> Plan:
    """Pairs of the same configuration, side by side: each second one is compared with the one before it."""
    alone = [c for number, c in enumerate(configurations) if number not in set(unavailable)]
    twins = [configuration for configuration in alone for _ in range(2 * pairs)]
    baselines = [number - number % 2 for number in range(len(twins))]
    return Plan(tuple(twins), tuple(baselines), tuple(dropped.items()), {})


def _points(request: Request, machine: Machine) -> Iterator[Configuration]:
    """Every configuration that the request names, valid or not, in grid order."""
    default_device = "cuda" if machine.cuda else "cpu"
    consumers = itertools.product(
        request.device, request.step, request.loss, request.num_threads, request.cuda_graph
    )
    for device, step, loss, num_threads, cuda_graph in consumers:
        for spec in _specs(request):
            yield Configuration(
                spec=spec,
                device=default_device if device == "auto" else device,
                step=step,
                loss=None if step == "none" else loss,
                num_threads=num_threads or machine.num_threads,
                cuda_graph=cuda_graph,
            )


def _specs(request: Request) -> Iterator[LoaderSpec]:
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
    # The tutorials' family first, since a grid's first configuration is the one that others are read against.
    for name in sorted(named, key=lambda name: name != TUTORIAL_FAMILY):
        family = known[name]
        own = {knob: values for knob, values in given.items() if knob in family.declared_knobs()}
        if preset == "quick":
            # Unasked, the quick preset varies the tutorials' loader and shows every other family once.
            vary = request.family is not None or name == TUTORIAL_FAMILY
            yield from _one_at_a_time(family, own, vary=vary)
        elif preset == "full":
            yield from _factorial(family, {k.name: k.full for k in family.declared_knobs().values()} | own)
        else:
            yield from _factorial(family, own)


def _factorial(family: type[LoaderSpec], axes: Mapping[str, Sequence[Value]]) -> Iterator[LoaderSpec]:
    axes = {knob: values for knob, values in axes.items() if values}
    for point in itertools.product(*axes.values()):
        yield family().with_knobs(dict(zip(axes, point, strict=True)))


def _one_at_a_time(
    family: type[LoaderSpec], given: Mapping[str, tuple[Value, ...]], *, vary: bool
) -> Iterator[LoaderSpec]:
    """The base, and beside it one knob at a time; a given list replaces what the preset varies."""
    base = family()
    knobs = base.knobs()
    base = base.with_knobs({name: values[0] for name, values in given.items() if knobs[name] not in values})
    yield base
    for name, knob in family.declared_knobs().items():
        for value in given.get(name, knob.quick if vary else ()):
            yield base.with_knobs({name: value})


def _baselines(configurations: Sequence[Configuration], machine: Machine) -> tuple[int, ...]:
    """The tutorials' own configuration where the grid holds it, else the first: for each comparison."""
    tutorial = families()[TUTORIAL_FAMILY]()

    def likeness(number: int) -> tuple[bool, bool, bool]:
        # The tutorials set no threads and capture no graph; of equals, max takes the first.
        configuration = configurations[number]
        same = configuration.spec == tutorial.resolve(cuda=configuration.device == "cuda")
        default = configuration.num_threads == machine.num_threads
        return same, same and default, same and not configuration.cuda_graph

    comparisons: dict[object, list[int]] = {}
    for number, configuration in enumerate(configurations):
        comparisons.setdefault(configuration.comparison, []).append(number)
    return tuple(max(comparisons[c.comparison], key=likeness) for c in configurations)
