"""Obstacles: facts that forbid the comparison of two sides, and facts to know before reading it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.analysis.comparison.matching import Matching, Pair, find_different_values
from bench.analysis.comparison.side import MeasuredConfiguration, Side
from bench.analysis.throughputs import find_phase, find_sound
from bench.text import format_count, join_few, join_words

# Facts of a machine that its speed depends on. Free memory and load vary by themselves.
MACHINE = ("id", "architecture", "cpu", "cores", "cores_usable")
GPU = ("name", "memory_bytes", "count", "power_limit_w")
# Facts that may explain a difference, but are often what is compared.
VERSIONS = ("python", "torch", "torchvision", "numpy", "pillow", "cuda", "loaderbench")
# An epoch of another length shares its start-up among more samples or fewer.
SAMPLES = 0.1
# Names of data sets. Every other name is that of a target, whose digest is that of its code.
DATA = re.compile(r"fashion-mnist|idx-[0-9a-f]{8}|synthetic:\d+")


def find_obstacles(a: Side, b: Side, *, across_machines: bool) -> list[str]:
    """Return the facts because of which two sides can't be compared, each in one line.

    Args:
        a: the old side.
        b: the new side.
        across_machines: whether ratios to the baseline are compared, which two machines can have.
    """
    found = [line for mark, side in (("A", a), ("B", b)) for line in _describe_nothing(mark, side)]
    if found:
        return found
    found += _describe_data(a, b)
    if not across_machines:
        machine = _find_changes(a, b, "machine", MACHINE) + _find_changes(a, b, "gpu", GPU)
        found += [f"{line}; --across-machines compares the ratios to the baseline" for line in machine[:1]]
        found += machine[1:]
    phases = [find_phase(side.runs) for side in (a, b) if side.runs is not None]
    if phases[0] != phases[1]:
        found.append(f"epochs: A has {phases[0]} ones, B {phases[1]} ones; measure both with --epochs 2")
    return found


def describe_no_match(a: Sequence[MeasuredConfiguration], b: Sequence[MeasuredConfiguration]) -> str:
    """Return the line that says why no configuration of A is one of B."""
    values = find_different_values(a, b)
    if not values:
        return "no configuration is in both A and B"
    texts = [
        f"{name} is {join_few(of_a)} in A, {join_few(of_b)} in B" for name, (of_a, of_b) in values.items()
    ]
    return f"no configuration is in both A and B: {'; '.join(texts)}"


def find_difference(pair: Pair, *, as_ratios: bool) -> str:
    """Return in a few words why one configuration can't be compared; empty where it can.

    Args:
        pair: the configuration on both sides.
        as_ratios: whether its ratios to the baseline are compared.
    """
    for mark, one in (("A", pair.a), ("B", pair.b)):
        if one.cells["status"] != "ok":
            return f"{one.cells['status']} in {mark}: {one.cells['error']}".rstrip(": ")
    if as_ratios and pair.a.baseline != pair.b.baseline:
        return "its baseline is another configuration in B than in A"
    if as_ratios and not (pair.a.values and pair.b.values):
        return "its baseline failed"
    if pair.a.work != pair.b.work:
        return f"samples are {pair.a.work} in A, {pair.b.work} in B"
    if pair.a.samples and pair.b.samples and abs(pair.b.samples / pair.a.samples - 1) > SAMPLES:
        return f"an epoch has {pair.a.samples:,.0f} samples in A, {pair.b.samples:,.0f} in B"
    return ""


def find_notices(a: Side, b: Side, matching: Matching, *, across_machines: bool) -> list[str]:
    """Return the facts to know before reading a comparison, each in one line."""
    unknown = [mark for mark, side in (("A", a), ("B", b)) if side.environment is None]
    found = []
    if unknown:
        verb = "has" if len(unknown) == 1 else "have"
        found.append(
            f"{join_words(unknown)} {verb} no environment.json that can be read, so the machine isn't known."
        )
    if across_machines:
        machines = _find_changes(a, b, "machine", MACHINE) + _find_changes(a, b, "gpu", GPU)
        found += [f"The machines differ: {'; '.join(machines)}."] if machines else []
    versions = _find_changes(a, b, "versions", VERSIONS)
    if changes := versions + _find_changes(a, b, "torch") + _find_changes(a, b, "variables"):
        found.append(f"More than the code may make a difference: {'; '.join(changes)}.")
    if _is_target(a) and _read(a, "dataset").get("sha256") != _read(b, "dataset").get("sha256"):
        found.append("The code of the target differs between A and B.")
    for mark, side in (("A", a), ("B", b)):
        resumed = side.runs is not None and (side.runs["resumed_with"] != "").any()
        if resumed:
            found.append(f"{mark} was resumed on another machine or with other versions.")
    for mark, names in (("A", matching.only_a), ("B", matching.only_b)):
        if names:
            found.append(f"Only {mark} holds {join_few(names)}.")
    return found


def _describe_nothing(mark: str, side: Side) -> Iterable[str]:
    """Yield why nothing was measured on a side."""
    if side.runs is None:
        yield f"nothing was measured in {mark}"
        return
    if not find_sound(side.runs):
        bad = side.runs[side.runs["status"] != "ok"]
        count = format_count(side.runs["configuration"].nunique(), "configuration")
        error = str(bad["error"].iloc[0])
        yield f"nothing was measured in {mark}: {bad['status'].iloc[0]} in each of {count}: {error}"


def _describe_data(a: Side, b: Side) -> list[str]:
    """Return the differences of what was trained on."""
    names = [sorted(set(side.runs["dataset"])) if side.runs is not None else [] for side in (a, b)]
    if names[0] != names[1]:
        return [f"dataset: A {join_few(names[0])}, B {join_few(names[1])}"]
    digests = [str(_read(side, "dataset").get("sha256") or "") for side in (a, b)]
    if all(digests) and digests[0] != digests[1] and not _is_target(a):
        return [f"files of the dataset {names[0][0]}: SHA-256 {digests[0][:8]}… in A, {digests[1][:8]}… in B"]
    return []


def _is_target(side: Side) -> bool:
    """Return whether a side measured a user's own loader or script."""
    return side.runs is not None and not DATA.fullmatch(str(side.runs["dataset"].iloc[0]))


def _read(side: Side, part: str) -> Mapping[str, Any]:
    values = (side.environment or {}).get(part)
    return values if isinstance(values, Mapping) else {}


def _find_changes(a: Side, b: Side, part: str, names: Sequence[str] = ()) -> list[str]:
    """Return the facts of a part of environment.json that differ; none where a side has no environment.

    Args:
        a: the old side.
        b: the new side.
        part: name of the part.
        names: facts of it that count; default all.
    """
    if a.environment is None or b.environment is None:
        return []
    old, new = _read(a, part), _read(b, part)
    if bool(old) != bool(new):
        return [f"{part}: {_describe(part, old)} in A, {_describe(part, new)} in B"]
    label = "" if part == "versions" else f"{part} "
    return [
        f"{label}{name}: {_name(old.get(name))} in A, {_name(new.get(name))} in B"
        for name in names or dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]


def _name(value: Any) -> str:
    return "unknown" if value is None else str(value)


def _describe(part: str, facts: Mapping[str, Any]) -> str:
    return str(facts.get("name", f"recorded {part}")) if facts else "none"
