"""Obstacles: facts that forbid the comparison of two sides, and facts to know before reading it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.analysis.comparison.facts import (
    GPU,
    MACHINE,
    VERSIONS,
    find_changes,
    find_data_changes,
    is_target,
    read_part,
)
from bench.analysis.comparison.matching import Matching, Pair, find_different_values
from bench.analysis.comparison.side import MeasuredConfiguration, Side
from bench.analysis.throughputs import find_phase, find_sound
from bench.text import format_count, join_few, join_words

# An epoch of another length shares its start-up among more samples or fewer.
SAMPLES = 0.1


def find_obstacles(a: Side, b: Side, *, across_machines: bool) -> list[str]:
    """Return the facts because of which two sides can't be compared, each in one line.

    Args:
        a: the old side.
        b: the new side.
        across_machines: whether ratios to the baseline are compared, which two machines can have.
    """
    sides = {"A": a, "B": b}
    found = [line for mark, side in sides.items() for line in describe_nothing(mark, side)]
    if found:
        return found
    found += find_data_changes(sides)
    if not across_machines:
        machine = find_changes(sides, "machine", MACHINE) + find_changes(sides, "gpu", GPU)
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
    sides = {"A": a, "B": b}
    unknown = [mark for mark, side in sides.items() if side.environment is None]
    found = []
    if unknown:
        verb = "has" if len(unknown) == 1 else "have"
        found.append(
            f"{join_words(unknown)} {verb} no environment.json that can be read, so the machine isn't known."
        )
    if across_machines:
        machines = find_changes(sides, "machine", MACHINE) + find_changes(sides, "gpu", GPU)
        found += [f"The machines differ: {'; '.join(machines)}."] if machines else []
    versions = find_changes(sides, "versions", VERSIONS)
    if changes := versions + find_changes(sides, "torch") + find_changes(sides, "variables"):
        found.append(f"More than the code may make a difference: {'; '.join(changes)}.")
    if is_target(a) and read_part(a, "dataset").get("sha256") != read_part(b, "dataset").get("sha256"):
        found.append("The code of the target differs between A and B.")
    for mark, side in sides.items():
        resumed = side.runs is not None and (side.runs["resumed_with"] != "").any()
        if resumed:
            found.append(f"{mark} was resumed on another machine or with other versions.")
    for mark, names in (("A", matching.only_a), ("B", matching.only_b)):
        if names:
            found.append(f"Only {mark} holds {join_few(names)}.")
    return found


def describe_nothing(mark: str, side: Side) -> Iterable[str]:
    """Yield why nothing was measured on a side."""
    if side.runs is None:
        yield f"nothing was measured in {mark}"
        return
    if not find_sound(side.runs):
        bad = side.runs[side.runs["status"] != "ok"]
        count = format_count(side.runs["configuration"].nunique(), "configuration")
        error = str(bad["error"].iloc[0])
        yield f"nothing was measured in {mark}: {bad['status'].iloc[0]} in each of {count}: {error}"
