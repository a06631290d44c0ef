"""SearchSpace: the configurations that a tuning chooses from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.plan.axes import LOADING, SpaceFacts, list_axes, list_thread_counts, sort_values
from bench.plan.configuration import Configuration
from bench.plan.infeasible import Infeasible
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.points import check_names, multiply, resolve_points
from bench.plan.request import Request
from bench.plan.worker_knobs import OF_WORKERS, reset_worker_knobs
from bench.text import format_limit, join_words
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Value
from loaders.spec.own_loader_spec import PARAM, OwnLoaderSpec

# Knobs that change the training: every configuration has the present one's value, unless several are given.
OF_TRAINING = ("batch_size", "resize")


@dataclass(frozen=True)
class SearchSpace:
    """The configurations that a tuning chooses from.

    Attributes:
        configurations: the configurations that fit into the machine; the present one comes first.
        infeasible: those that were left out since they don't fit.
        axes: the values of each knob that were multiplied, as text, for the report.
        left_out: reasons why loader families, or configurations, aren't tried here, by their names; default
            none.
    """

    configurations: tuple[Configuration, ...]
    infeasible: tuple[Infeasible, ...]
    axes: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str] = field(default_factory=dict)


def request_present(request: Request, offer: Offer) -> Request:
    """Return the request for the one configuration that the user has, as `make_plan` takes it.

    Of a knob that changes the training, and of a parameter, it has the user's own value where that is among
    those that are given, else the first of them. Every other knob is as the user has it.

    Args:
        request: what a tuning was asked for.
        offer: loaders that serve the workload.

    Raises:
        PlanError: the request names what doesn't exist.
    """
    families = _list_families(request, offer)
    check_names(families, request.knobs or {}, offer)
    baseline = offer.specs[offer.baseline]
    # A user's own loader is what they have. Pictures have no loader yet.
    is_own = isinstance(baseline, OwnLoaderSpec)
    family = offer.baseline if is_own or offer.baseline in families else families[0]
    own = offer.specs[family].resolve().knobs()
    knobs = {
        name: (own[name],) if own.get(name) in values and name in own else values[:1]
        for name, values in (request.knobs or {}).items()
        if name.startswith(PARAM) or (name in OF_TRAINING and name in own)
    }
    return Request(
        family=(family,),
        knobs=knobs,
        device=request.device[:1],
        step=request.step[:1],
        loss=request.loss[:1],
        cuda_graph=(False,) if False in request.graphs else (True,),
        single=True,
    )


def make_space(request: Request, offer: Offer, present: Configuration, facts: SpaceFacts) -> SearchSpace:
    """Return the full factorial of the knobs' values, without what can't exist here, the present one first.

    Args:
        request: what the tuning was asked for. Values of a knob are the only ones that are tried of it; the
            present configuration may have another.
        offer: loaders that serve the workload.
        present: the configuration that the user has, as `make_plan` makes it of `request_present`.
        facts: facts of the machine and of the loading.

    Raises:
        PlanError: the request names what doesn't exist, or there is nothing but the present configuration.
    """
    families = _list_families(request, offer)
    check_names(families, request.knobs or {}, offer)
    named = sorted(families, key=lambda name: name != present.spec.family)
    points = resolve_points(
        itertools.chain([present], *(_list_points(name, request, offer, present, facts) for name in named)),
        cuda=facts.cuda,
    )
    found = tuple(one for number, one in enumerate(points.configurations) if number not in points.unavailable)
    left_out = dict(offer.left_out) if request.family is None else {}
    if request.family is None:
        left_out.update({name: _describe_partial(name) for name in _list_partial(offer)})
    left_out.update(_group_unavailable(points.configurations, points.unavailable))
    if facts.hidden_gain is not None and (untried := _list_untried(request, present)):
        left_out["Faster loading"] = _describe_hidden(facts.hidden_gain, untried)
    if found[:1] != points.configurations[:1]:
        raise PlanError(
            f"nothing to tune: {points.unavailable.get(0) or next(iter(points.dropped.values()))}"
        )
    if len(found) < 2:
        reasons = sorted({*points.dropped.values(), *left_out.values()})
        raise PlanError("; ".join([f"nothing to tune: there is only {present}", *reasons]))
    return SearchSpace(found, (), _list_values(found), left_out)


def _list_families(request: Request, offer: Offer) -> tuple[str, ...]:
    """Return the families that are tried: those that were named, or those that don't change the training."""
    if request.family is not None:
        return request.family
    partial = _list_partial(offer)
    return tuple(name for name in offer.unasked if name not in partial)


def _list_partial(offer: Offer) -> list[str]:
    """Return the families of a sweep that shuffle less than a uniform shuffle."""
    return [name for name in offer.unasked if not offer.specs[name].shuffles_fully]


def _describe_partial(name: str) -> str:
    return f"it shuffles within a buffer, which changes the training; --family {name} tunes it"


def _list_points(
    family: str, request: Request, offer: Offer, present: Configuration, facts: SpaceFacts
) -> Iterator[Configuration]:
    """Yield the configurations of one family, possible or not."""
    if family != present.spec.family:
        # It may leave more of the cores to the step.
        facts = replace(facts, hidden_gain=None)
    base = offer.specs[family]
    given = {name: values for name, values in (request.knobs or {}).items() if name in base.knobs()}
    theirs = present.spec.knobs()
    same = {
        name: theirs[name] for name in OF_TRAINING if base.knobs().get(name) is not None and name in theirs
    }
    base = base.with_knobs(same)
    if request.num_threads == (None,):
        threads = list_thread_counts(present, facts)
    else:
        threads = tuple(number or facts.num_threads for number in request.num_threads)
    axes = {**list_axes(base, facts, cuda=present.device == "cuda"), **given}
    for num_threads, cuda_graph in itertools.product(threads, request.graphs):
        for spec in _multiply_with_workers(base, axes):
            yield replace(present, spec=spec, num_threads=num_threads, cuda_graph=cuda_graph)


def _multiply_with_workers(base: KnobSet, axes: Mapping[str, tuple[Value, ...]]) -> Iterator[KnobSet]:
    """Yield the factorial. Knobs that need workers, or threads of a ring, are varied only beside them."""
    of_workers = reset_worker_knobs(base)
    for name, following in (("num_workers", of_workers), ("loader_threads", {"prefetch_batches": None})):
        if 0 in axes.get(name, ()):
            without = {knob: values for knob, values in axes.items() if knob not in following}
            alone = base.with_knobs(of_workers) if name == "num_workers" else base
            yield from multiply(alone, {**without, name: (0,)})
            axes = {**axes, name: tuple(number for number in axes[name] if number != 0)}
            if not axes[name]:
                return
    yield from multiply(base, axes)


def _list_untried(request: Request, present: Configuration) -> list[str]:
    """Return the knobs of the loading that have no other values since the step hides it."""
    declared = present.spec.declared_knobs()
    return [
        name for name in ("num_workers", *LOADING) if name in declared and name not in (request.knobs or {})
    ]


def _describe_hidden(gain: float, untried: Sequence[str]) -> str:
    """Return why nothing is tried that only loads faster, and how to try it."""
    options = join_words([f"--{name.replace('_', '-')}" for name in untried])
    return (
        f"while the step takes as long, it gains at most {format_limit(gain)}, since the loop waits no "
        f"longer for its data; values that are given to {options} are tried"
    )


def _list_values(configurations: tuple[Configuration, ...]) -> dict[str, tuple[str, ...]]:
    """Return the values of each setting in which configurations differ."""
    cells = [configuration.cells() for configuration in configurations]
    names = dict.fromkeys(name for one in cells for name in one)
    # Without workers, knobs that need them have no value.
    absent = {name: ("", "none") if name in OF_WORKERS else ("",) for name in names}
    values = {
        name: sort_values(one[name] for one in cells if one.get(name, "") not in absent[name])
        for name in names
    }
    return {name: texts for name, texts in values.items() if len(texts) > 1}


def _group_unavailable(
    configurations: tuple[Configuration, ...], unavailable: Mapping[int, str]
) -> dict[str, str]:
    """Return why configurations can't run here, each reason once, beside the family that has it."""
    found: dict[str, str] = {}
    for number, reason in unavailable.items():
        if reason not in found.values():
            family = configurations[number].spec.family
            found[family if family not in found else f"{family} ({len(found) + 1})"] = reason
    return found
