"""LadderTimes: what the ladder tells of the stages inside a worker."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.records.rung_time import COLLATE, FETCH, ORDER, TRANSFORM, TRANSPORT, RungTime

INSIDE = (ORDER, FETCH, TRANSFORM, COLLATE)
# A stage below this share of the ladder is told apart from its neighbours by noise alone.
LEAST_SHARE = 0.02


@dataclass(frozen=True)
class LadderTimes:
    """Seconds a batch in one process, and on the way from workers.

    Attributes:
        cpu_shares: share of CPU time in the time of each stage, by `fetch`, `transform 1`, `collate`; empty
            where a rung is missing.
        wait_s: seconds of a batch in which one process alone doesn't compute; None if unknown.
        transport_s: seconds of a batch on its way from a worker; None if unknown.
        order_s: seconds of the sampler to name the samples of a batch; default 0.
    """

    cpu_shares: dict[str, float] = field(default_factory=dict)
    wait_s: float | None = None
    transport_s: float | None = None
    order_s: float = 0.0


def read_ladder(rungs: Iterable[RungTime], transforms: int) -> LadderTimes:
    """Read the rungs of all blocks.

    Args:
        rungs: the rungs.
        transforms: number of transforms that the traces know.
    """
    passes: dict[tuple[int, str], list[RungTime]] = {}
    for rung in rungs:
        if rung.batches:
            passes.setdefault((rung.place, rung.rung), []).append(rung)
    typical = {
        key: (
            statistics.median(rung.batch_s for rung in found),
            statistics.median(rung.cpu_s / rung.batches for rung in found),
        )
        for key, found in passes.items()
    }
    inside = [(name, *typical[place, name]) for place, name in sorted(typical) if name in INSIDE]
    top = next(((wall_s, cpu_s) for name, wall_s, cpu_s in inside if name == COLLATE), None)
    way = next((times for (_, name), times in typical.items() if name == TRANSPORT), None)
    return LadderTimes(
        cpu_shares=_find_cpu_shares(inside, transforms),
        wait_s=None if top is None else max(0.0, top[0] - top[1]),
        transport_s=None if way is None else way[0],
        order_s=next((wall_s for name, wall_s, _ in inside if name == ORDER), 0.0),
    )


def _find_cpu_shares(inside: list[tuple[str, float, float]], transforms: int) -> dict[str, float]:
    """Return the share of CPU time of each stage, by the differences of neighbouring rungs."""
    names = [name for name, _, _ in inside]
    if names not in ([*head, *[TRANSFORM] * transforms, COLLATE] for head in ([ORDER, FETCH], [FETCH])):
        return {}
    top_s, top_cpu_s = inside[-1][1:]
    if top_s <= 0:
        return {}
    shares: dict[str, float] = {}
    below_s = below_cpu_s = 0.0
    count = 0
    for name, wall_s, cpu_s in inside:
        count += name == TRANSFORM
        more_s, more_cpu_s = wall_s - below_s, cpu_s - below_cpu_s
        below_s, below_cpu_s = wall_s, cpu_s
        known = more_s > LEAST_SHARE * top_s
        share = more_cpu_s / more_s if known else top_cpu_s / top_s
        if name == ORDER:
            continue
        shares[f"{name} {count}" if name == TRANSFORM else name] = min(1.0, max(0.0, share))
    return shares
