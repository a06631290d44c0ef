"""Explain what bounds a training, what would help, and by how much, from what was measured of it."""

from __future__ import annotations

import math

from bench.analysis.evidence import Evidence
from bench.analysis.explanation.block_figures import BlockFigures, compute_figures
from bench.analysis.explanation.explanation import Cause, Diagnosis, Explanation
from bench.analysis.explanation.parts import find_closure, find_parts
from bench.analysis.statistics import estimate


def explain(evidence: Evidence) -> Explanation:
    """Explain the speed of a configuration.

    Args:
        evidence: everything that was measured of it.

    Raises:
        ValueError: no block has an epoch of status `ok`.
    """
    setup = evidence.setup
    blocks = compute_figures(evidence)
    speeds = estimate([figures.samples_per_s for figures in blocks])
    if speeds is None:
        raise ValueError(f"{setup.name}: no epoch of status ok, so there is nothing to explain")
    return Explanation(
        setup=setup,
        samples_per_s=speeds,
        wall_s=math.fsum(figures.wall_s for figures in blocks) / len(blocks),
        possible=estimate([one.batch_s / one.alone_s for one in blocks if one.alone_s]),
        diagnosis=Diagnosis(Cause.UNDECIDED, "", False, "The diagnosis isn't written yet."),
        parts=find_parts(setup, blocks),
        closure=find_closure(setup, blocks),
        ladder=(),
        tracing_cost=_find_tracing_cost(blocks),
    )


def _find_tracing_cost(blocks: tuple[BlockFigures, ...]) -> float | None:
    """Return the wall time a batch of traced epochs over that of epochs as they are, minus 1."""
    ratios = [
        math.fsum(trace.wall_s for trace in one.traces) / sum(trace.batches for trace in one.traces) / one.batch_s
        for one in blocks
        if sum(trace.batches for trace in one.traces)
    ]
    found = estimate(ratios)
    return None if found is None else found.median - 1
