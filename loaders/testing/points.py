"""Points of a family's grid: loaders with all values that its knobs take."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import format_value

S = TypeVar("S", bound=KnobSet)
# Enough for every switch, number and `none`; the words of a Choice come on top.
TEXTS = ("none", "on", "off", "3")
WORKERS = 2


def list_points(spec: S, **base: int) -> list[S]:
    """Return the loaders to test on a CPU: valid and available here, each once.

    They are the factorial of the full preset without workers and with two, as others differ only in their
    number, and beside a loader with two workers every value of every other knob.

    Args:
        spec: the family's loader; knobs outside of the factorial keep its values.
        **base: knobs of the loader beside which single values are tried.
    """
    found: dict[S, None] = {}
    for point in _make_points(spec, base):
        if point.invalid(cuda=False) is None and point.unavailable() is None:
            found[point.resolve(cuda=False)] = None
    return list(found)


def name_point(spec: KnobSet) -> str:
    """Return the name of a loader in the id of a test."""
    return "-".join([spec.family, *(f"{name}={format_value(value)}" for name, value in spec.knobs().items())])


def _make_points(spec: S, base: dict[str, int]) -> Iterator[S]:
    knobs = spec.declared_knobs()
    axes = {name: knob.full for name, knob in knobs.items() if knob.full}
    if "num_workers" in axes:
        axes["num_workers"] = tuple(count for count in axes["num_workers"] if count in (0, WORKERS))
    for values in itertools.product(*axes.values()):
        yield spec.with_knobs(dict(zip(axes, values, strict=True)))
    beside = spec.with_knobs({name: value for name, value in base.items() if name in knobs})
    if "num_workers" in knobs:
        beside = beside.with_knobs({"num_workers": WORKERS})
    for name, knob in knobs.items():
        for text in (*TEXTS, *getattr(knob.kind, "options", ())):
            # A spawned worker imports everything. One shows that all it needs can be pickled.
            fewer = {"num_workers": 1} if text == "spawn" else {}
            try:
                yield beside.with_knobs({name: knob.kind.parse(text), **fewer})
            except ValueError:
                continue
