"""Explain what bounds a training, what would help, and by how much, from what was measured of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.analysis.evidence import Evidence
from bench.analysis.explanation.advice import find_advice
from bench.analysis.explanation.block_figures import BlockFigures, compute_figures
from bench.analysis.explanation.break_even import find_break_even
from bench.analysis.explanation.cautions import caution_of_unclear, list_cautions
from bench.analysis.explanation.diagnosis import diagnose
from bench.analysis.explanation.explanation import Explanation
from bench.analysis.explanation.facts import gather_facts
from bench.analysis.explanation.ladder import find_ladder
from bench.analysis.explanation.parts import find_closure, find_parts
from bench.analysis.explanation.startup import find_start_up
from bench.analysis.explanation.stragglers import find_slow_batches
from bench.analysis.replay.predictor import Predictor
from bench.analysis.statistics import Estimate, estimate


def explain(evidence: Evidence) -> Explanation:
    """Explain the speed of a configuration.

    Args:
        evidence: everything that was measured of it.

    Raises:
        ValueError: no block has an epoch of status `ok`.
    """
    setup = evidence.setup
    blocks = compute_figures(evidence)
    speeds = estimate([one.samples_per_s for one in blocks])
    if speeds is None:
        raise ValueError(f"{setup.name}: no epoch of status ok, so there is nothing to explain")
    parts, ladder = find_parts(setup, blocks), find_ladder(setup, blocks)
    closure, tracing_cost = find_closure(setup, blocks), _find_tracing_cost(blocks)
    predictor = Predictor(evidence)
    facts = gather_facts(setup, blocks, predictor, parts, ladder)
    diagnosis = diagnose(facts)
    changes = find_advice(facts, diagnosis)
    return Explanation(
        setup=setup,
        samples_per_s=speeds,
        wall_s=math.fsum(one.wall_s for one in blocks) / len(blocks),
        possible=_find_possible(evidence, blocks),
        diagnosis=diagnosis,
        parts=parts,
        closure=closure,
        ladder=ladder,
        advice=changes.worth,
        useless=changes.useless,
        break_even=find_break_even(predictor, changes.worth),
        slow_batches=find_slow_batches(facts),
        start_up=find_start_up(evidence, blocks),
        replay_error=predictor.error,
        tracing_cost=tracing_cost,
        cautions=(
            *list_cautions(facts, failures=evidence.failures, tracing_cost=tracing_cost, closure=closure),
            *caution_of_unclear(changes.unclear),
        ),
    )


def _find_possible(evidence: Evidence, blocks: Sequence[BlockFigures]) -> Estimate | None:
    """Return the throughput with an infinitely fast loader over the present one, paired inside each block."""
    if evidence.setup.step == "none":
        return None
    return estimate([one.batch_s / one.alone_wall_s for one in blocks if one.alone_wall_s])


def _find_tracing_cost(blocks: Sequence[BlockFigures]) -> float | None:
    """Return the wall time a batch of traced epochs over that of epochs as they are, minus 1."""
    ratios = [
        math.fsum(trace.wall_s for trace in one.traces) / batches / one.batch_s
        for one in blocks
        if (batches := sum(trace.batches for trace in one.traces))
    ]
    found = estimate(ratios)
    return None if found is None else found.median - 1
