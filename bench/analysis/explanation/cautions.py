"""Cautions: what limits what can be said of a configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from bench.analysis.explanation.explanation import Advice
from bench.analysis.explanation.facts import Facts
from bench.analysis.explanation.losses import find_loader_share
from bench.analysis.explanation.words import format_workers
from bench.analysis.statistics import FEWEST_BLOCKS
from bench.records.rung_time import FETCH
from bench.text import format_count, format_ratio, format_share, format_time, join_few

# Shorter epochs, in batches a worker, reach less of the rate of a long one: the queue fills and drains.
FEWEST_ROUNDS = 8
# A trace that slows epochs down by more than this tells shares only.
TRACING_MATTERS = 0.02
# Parts that were measured apart sum to the wall time within this share.
CLOSES = 0.02
# What the step alone would save, and what the parts of an epoch say that it would, differ by more than noise.
DISAGREE = 0.15
# A fetch takes this many times as long in the training as on the ladder, whose batches are repeated, where a
# cache serves the repetitions. The times of both differ by less where workers share the cores.
CACHED = 3.0
# A stage below this share of a batch's loading is no matter.
LEAST_STAGE = 0.2


def list_cautions(
    facts: Facts, *, failures: Mapping[str, str], tracing_cost: float | None, closure: float | None
) -> Iterator[str]:
    """Yield one sentence for each thing that limits what can be said.

    Args:
        facts: means of what was measured.
        failures: one line for each look that failed, by its name.
        tracing_cost: wall time of traced epochs over that of epochs as they are, minus 1; None if unknown.
        closure: sum of the parts over the wall time; None if unknown.
    """
    setup = facts.setup
    for look, line in failures.items():
        yield f"{look[:1].upper()}{look[1:]} failed: {line.rstrip('.')}."
    blocks = len(facts.blocks)
    if blocks < FEWEST_BLOCKS:
        be = "is" if blocks == 1 else "are"
        yield f"There {be} {format_count(blocks, 'block')}, too few for intervals."
    fewest = FEWEST_ROUNDS * setup.num_workers
    if facts.epoch_batches < fewest:
        yield (
            f"An epoch of {format_count(round(facts.epoch_batches), 'batch')} is short for "
            f"{format_workers(setup.num_workers)}: below {fewest} batches start and end weigh more."
        )
    elif facts.measured_batches < fewest:
        yield (
            f"The measured epochs have {format_count(round(facts.measured_batches), 'batch')}; "
            f"{format_workers(setup.num_workers)} need{'s' * (setup.num_workers == 1)} {fewest} to reach "
            "full speed."
        )
    if tracing_cost is not None and tracing_cost > TRACING_MATTERS:
        yield (
            f"Traced epochs were {tracing_cost:.0%} longer than others, so trust shares, not times, inside "
            "the loading."
        )
    if closure is not None and abs(closure - 1) > CLOSES:
        yield f"The parts, measured apart, sum to {closure:.1%} of the epoch."
    yield from _list_cached(facts)
    possible = facts.find_mean(lambda one: one.batch_s / one.alone_wall_s if one.alone_wall_s else None)
    if facts.has_step and possible and abs(1 - 1 / possible - find_loader_share(facts)) > DISAGREE:
        yield (
            f"The step alone would be {format_ratio(possible)} times as fast as the training, and a loader "
            f"that costs {format_share(find_loader_share(facts))} doesn't explain it: the step takes longer "
            "beside the loading, or the machine changed in between."
        )
    error = facts.predictor.error
    if error is not None and not facts.predictor.is_trusted:
        tried = facts.predictor.has_tried
        only = "only changes near to one that was tried have a gain" if tried else "no gain is predicted"
        yield f"A replay misses the measured speed by {abs(error):.0%}, so {only}."
    elif error is None and setup.has_dataloader:
        yield "The loading wasn't seen from the inside, so no gain is predicted."
    disturbed = [one for one in facts.blocks if one.disturbed]
    if disturbed:
        worst = max(disturbed, key=lambda one: one.other_share or 0.0).disturbed
        were = "was" if len(disturbed) == 1 else "were"
        counted = "The only block" if blocks == 1 else f"{len(disturbed)} of {format_count(blocks, 'block')}"
        yield f"{counted} {were} disturbed{', at worst' * (len(disturbed) > 1)}: {worst}."


def _list_cached(facts: Facts) -> Iterator[str]:
    """Yield a sentence where samples that are read again come from a cache."""
    alone_s = facts.rungs.get(FETCH)
    traced_s = math.fsum(stage.batch_s for stage in facts.stages if stage.stage == FETCH)
    # Where nobody knows how long the loading waits for cores, a slow fetch may be busy cores.
    if alone_s is None or facts.delayed_share is None or traced_s < LEAST_STAGE * facts.load_s:
        return
    working_s = traced_s * (1 - facts.delayed_share)
    if working_s > CACHED * max(alone_s, 0.0):
        yield (
            f"The fetch of a batch takes {format_time(traced_s)} in the training and "
            f"{format_time(max(alone_s, 0.0))} alone. The ladder reads the same samples again, so the "
            "dataset or the system may keep them in a cache: trust the time in the training."
        )


def caution_of_unclear(changes: Sequence[Advice]) -> Iterator[str]:
    """Yield one sentence on changes that may gain, but of which blocks disagree.

    Args:
        changes: the changes, with a predicted gain each.
    """
    named = [f"{one.change} (×{format_ratio(one.gain.median)})" for one in changes if one.gain is not None]
    if named:
        yield f"Blocks disagree on the gain of {join_few(named)}: more blocks would tell."
