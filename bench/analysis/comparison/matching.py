"""Matching: which configuration of A is which of B, and their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis.comparison.side import IDENTITY, MeasuredConfiguration
from bench.analysis.naming import make_labels

# Name of the user's own loader of which no option changes anything.
AS_IT_IS = "as it is"


@dataclass(frozen=True)
class Pair:
    """A configuration that both sides hold.

    Attributes:
        name: name that tells it from all others of both sides.
        a: the configuration in A.
        b: the configuration in B.
    """

    name: str
    a: MeasuredConfiguration
    b: MeasuredConfiguration


@dataclass(frozen=True)
class Matching:
    """Configurations of two sides.

    Attributes:
        pairs: configurations that both hold, in A's order.
        only_a: names of those that only A holds.
        only_b: names of those that only B holds.
    """

    pairs: tuple[Pair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def match_configurations(a: Sequence[MeasuredConfiguration], b: Sequence[MeasuredConfiguration]) -> Matching:
    """Match the configurations of two sides by what they are, not by their numbers.

    Two sweeps may number the same configuration differently. A sweep may hold one several times, as an A/A
    check does. The n-th of A is then matched with the n-th of B.
    """
    names = _make_names([*a, *b])
    names_a, names_b = names[: len(a)], names[len(a) :]
    places_b = {one.key: place for place, one in enumerate(b)}
    pairs = [
        Pair(name, one, b[places_b[one.key]])
        for name, one in zip(names_a, a, strict=True)
        if one.key in places_b
    ]
    keys_a = {one.key for one in a}
    return Matching(
        pairs=tuple(pairs),
        only_a=tuple(name for name, one in zip(names_a, a, strict=True) if one.key not in places_b),
        only_b=tuple(name for name, one in zip(names_b, b, strict=True) if one.key not in keys_a),
    )


def find_different_values(
    a: Sequence[MeasuredConfiguration], b: Sequence[MeasuredConfiguration]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the columns of which two sides have no value in common, with the values of both.

    They tell why no configuration of A is one of B. A knob that is absent counts as `none`.
    """
    names = dict.fromkeys(name for one in (*a, *b) for name in one.identity)
    found = {}
    for name in names:
        of_a, of_b = (dict.fromkeys(one.identity.get(name, "") for one in side) for side in (a, b))
        if not of_a.keys() & of_b.keys():
            found[name] = ([value or "none" for value in of_a], [value or "none" for value in of_b])
    return found


def name_asked(asked: Mapping[str, str]) -> str:
    """Return the name of a configuration of which only the options of a command are known.

    Args:
        asked: values of these options, by column.
    """
    return " ".join(f"{name}={value}" for name, value in asked.items()) or AS_IT_IS


def _make_names(configurations: Sequence[MeasuredConfiguration]) -> list[str]:
    if not configurations:
        return []
    seen = dict.fromkeys(name for one in configurations for name in one.identity)
    # `make_labels` takes the columns between the device and the threads for knobs.
    knobs = [name for name in seen if name not in (*IDENTITY, "num_threads")]
    columns = ["family", "device", *knobs, "num_threads", "step", "loss", "cuda_graph"]
    cells = pd.DataFrame(
        [{name: one.identity.get(name, "") for name in columns} for one in configurations], columns=columns
    )
    return [
        f"{label} ({one.twin + 1})" if one.twin else str(label).strip() or name_asked(one.identity)
        for label, one in zip(make_labels(cells), configurations, strict=True)
    ]
