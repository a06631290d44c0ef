"""Ladder: what each stage costs, as differences of epochs that were cut short at different stages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.block_figures import BlockFigures
from bench.analysis.explanation.explanation import Rung
from bench.analysis.explanation.means import estimate_mean
from bench.records.rung_time import (
    COLLATE,
    FETCH,
    LOADER,
    ORDER,
    PINNED,
    TRANSFER,
    TRANSFORM,
    TRANSPORT,
    RungTime,
)

# A rung's kind and its place on the ladder.
Step = tuple[str, int]
# Rungs of one process, each of which holds all below it.
IN_ONE_PROCESS = (ORDER, FETCH, TRANSFORM, COLLATE)


def find_ladder(setup: LoaderSetup, blocks: Sequence[BlockFigures]) -> tuple[Rung, ...]:
    """Return what each stage adds to a batch.

    The stages of one process are differences to the next lower rung, taken inside each block. So a rung that
    could not be cut adds its stage to the next one. `DataLoader` is what the DataLoader adds without
    workers. With workers, its stages run beside each other, so `transport` is the time of its own rung, and
    there is no difference to those of one process.

    Args:
        setup: the configuration.
        blocks: the figures of each block.
    """
    times = {figures.block: _average_passes(figures.rungs) for figures in blocks}
    names = _name_rungs(setup, blocks)
    has_step = any(figures.alone_s for figures in blocks) and setup.step != "none"
    samples = _count_samples(setup, blocks)
    ladder = []
    for step in sorted(names, key=lambda step: step[1]):
        values = [
            found for by_step in times.values() if (found := _subtract_lower(step, by_step)) is not None
        ]
        if not values or (step[0] == LOADER and setup.num_workers):
            continue
        in_worker = bool(setup.num_workers) and step[0] in (FETCH, TRANSFORM, COLLATE)
        # The pinning thread receives batches beside the training loop.
        is_overlapped = in_worker or (setup.pin_memory and step[0] in (TRANSPORT, PINNED))
        ladder.append(
            _make_rung(
                names[step],
                values,
                samples,
                "worker" if in_worker else "training",
                is_overlapped and has_step,
            )
        )
    alone = [figures.alone_s for figures in blocks if figures.alone_s]
    if has_step and alone:
        ladder.append(_make_rung(("step", "step"), alone, samples, "training", False))
    return tuple(ladder)


def _average_passes(rungs: Sequence[RungTime]) -> dict[Step, float]:
    """Return the seconds a batch of each rung of one block, over all its passes."""
    sums: dict[Step, tuple[float, int]] = {}
    for rung in rungs:
        wall_s, batches = sums.get((rung.rung, rung.place), (0.0, 0))
        sums[rung.rung, rung.place] = (wall_s + rung.wall_s, batches + rung.batches)
    return {step: wall_s / batches for step, (wall_s, batches) in sums.items() if batches}


def _subtract_lower(step: Step, times: Mapping[Step, float]) -> float | None:
    """Return the seconds that a rung adds to the next lower one; None where one of them is missing."""
    if step not in times:
        return None
    kind, place = step
    if kind in (ORDER, TRANSPORT):
        return times[step]
    if kind in (PINNED, TRANSFER):
        below = [PINNED, LOADER] if kind == TRANSFER else [LOADER]
        lower = [other for name in below for other in times if other[0] == name]
        return times[step] - times[lower[0]] if lower else None
    lower = [other for other in times if other[0] in IN_ONE_PROCESS and other[1] < place]
    return times[step] - times[max(lower, key=lambda other: other[1])] if lower else times[step]


def _name_rungs(setup: LoaderSetup, blocks: Sequence[BlockFigures]) -> dict[Step, tuple[str, str]]:
    """Return the name and the kind of the stage of each rung."""
    stages = {(rung.rung, rung.place): rung.stage for figures in blocks for rung in figures.rungs}
    kinds = {LOADER: "DataLoader" if setup.has_dataloader else LOADER, PINNED: "pinning"}
    return {
        step: (stage, TRANSFORM) if step[0] == TRANSFORM else (kinds.get(step[0], step[0]),) * 2
        for step, stage in stages.items()
    }


def _count_samples(setup: LoaderSetup, blocks: Sequence[BlockFigures]) -> float:
    """Return the samples of a batch."""
    if setup.batch_size:
        return setup.batch_size
    return math.fsum(figures.samples for figures in blocks) / math.fsum(figures.batches for figures in blocks)


def _make_rung(
    names: tuple[str, str], values: Sequence[float], samples: float, place: str, is_overlapped: bool
) -> Rung:
    found = estimate_mean(values)
    return Rung(names[0], found, found.median / samples, place, is_overlapped, names[1])
