"""Facts of the machines, versions and data of several results folders, and which of them differ."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bench.analysis.comparison.side import Side
from bench.text import join_few, join_words

# Facts of a machine that its speed depends on. Free memory and load vary by themselves.
MACHINE = ("id", "architecture", "cpu", "cores", "cores_usable")
GPU = ("name", "memory_bytes", "count", "power_limit_w")
# Facts that may explain a difference, but are often what is compared.
VERSIONS = ("python", "torch", "torchvision", "numpy", "pillow", "cuda", "loaderbench")
# Names of data sets. Every other name is that of a target, whose digest is that of its code.
DATA = re.compile(r"fashion-mnist|idx-[0-9a-f]{8}|synthetic:\d+")


def find_changes(sides: Mapping[str, Side], part: str, names: Sequence[str] = ()) -> list[str]:
    """Return the facts of a part of environment.json that differ, such as `torch: 2.13 in A, 2.14 in B`.

    Args:
        sides: two sides or more, by the mark of each.
        part: name of the part.
        names: facts of it that count; default all.

    Returns:
        One text a fact; none where a side has no environment.
    """
    if any(side.environment is None for side in sides.values()):
        return []
    facts = {mark: read_part(side, part) for mark, side in sides.items()}
    if len({bool(values) for values in facts.values()}) > 1:
        return [f"{part}: {_join({mark: _describe(part, values) for mark, values in facts.items()})}"]
    label = "" if part == "versions" else f"{part} "
    known = names or list(dict.fromkeys(name for values in facts.values() for name in values))
    values_of = {name: {mark: _name(values.get(name)) for mark, values in facts.items()} for name in known}
    return [
        f"{label}{name}: {_join(values)}"
        for name, values in values_of.items()
        if len(set(values.values())) > 1
    ]


def find_data_changes(sides: Mapping[str, Side]) -> list[str]:
    """Return the differences of what was trained on.

    Args:
        sides: two sides or more with rows, by the mark of each.
    """
    names = {mark: list_datasets(side) for mark, side in sides.items()}
    first = next(iter(sides.values()))
    if len({tuple(found) for found in names.values()}) > 1:
        return [f"dataset: {', '.join(f'{mark} {join_few(found)}' for mark, found in names.items())}"]
    digests = {mark: str(read_part(side, "dataset").get("sha256") or "") for mark, side in sides.items()}
    if all(digests.values()) and len(set(digests.values())) > 1 and not is_target(first):
        texts = {mark: f"{digest[:8]}…" for mark, digest in digests.items()}
        return [f"files of the dataset {join_few(list_datasets(first))}: SHA-256 {_join(texts)}"]
    return []


def list_datasets(side: Side) -> list[str]:
    """Return the names of the data that a side trained on."""
    return [] if side.runs is None else sorted({str(name) for name in side.runs["dataset"]})


def is_target(side: Side) -> bool:
    """Return whether a side measured a user's own loader or script."""
    return any(not DATA.fullmatch(name) for name in list_datasets(side)[:1])


def read_part(side: Side, part: str) -> Mapping[str, Any]:
    """Return a part of a side's environment.json; an empty one where there is none."""
    values = (side.environment or {}).get(part)
    return values if isinstance(values, Mapping) else {}


def _join(texts: Mapping[str, str]) -> str:
    """Return values with the marks of the sides that have them, such as `2.13 in A and C, 2.14 in B`."""
    marks: dict[str, list[str]] = {}
    for mark, text in texts.items():
        marks.setdefault(text, []).append(mark)
    return ", ".join(f"{text} in {join_words(found)}" for text, found in marks.items())


def _name(value: Any) -> str:
    if value is None:
        return "unknown"
    # 2 and 2.0 cores are the same.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _describe(part: str, facts: Mapping[str, Any]) -> str:
    return str(facts.get("name", f"recorded {part}")) if facts else "none"
