"""Cautions of a tuning: what must be known before its figures are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuning import StageFacts
from bench.text import format_budget, format_count, format_duration

# A budget has time for enough trials if it has time for so many times the fewest.
TIMES_FEWEST = 2.0
# Spread of one trial above which a race needs so many blocks that a budget usually ends it.
NOISY = 0.05


def foresee_shortness(left_s: float, trial_s: float, audit_trials: float) -> str:
    """Return the notice that the budget has no time for an answer, before anything is raced; empty if it has.

    Args:
        left_s: seconds that are left of the budget; infinity without one.
        trial_s: seconds of a short trial of the present setting.
        audit_trials: time of an audit over that of a trial.
    """
    # A trial of the present setting and of another one, and the fewest fresh blocks of both.
    fewest = 2 * (1 + FEWEST_BLOCKS + audit_trials)
    if left_s >= fewest * trial_s:
        return ""
    fitting = format_count(max(0, int(left_s / trial_s)), "trial")
    budget = format_budget(TIMES_FEWEST * fewest * trial_s)
    return (
        f"The budget has time for about {fitting} of {format_duration(trial_s)}, too few for an answer. "
        f"--budget {budget} has time for enough."
    )


def list_cautions(
    outcome: Outcome,
    stages: Sequence[StageFacts],
    whole: int | None,
    left_out: Mapping[str, str],
    *,
    lacks_ceiling: bool = False,
) -> Iterator[str]:
    """Yield the cautions, one sentence each.

    Args:
        outcome: what was found.
        stages: the parts of the tuning.
        whole: number of batches of an epoch of the training; None where it isn't known.
        left_out: reasons why loader families or configurations weren't tried, by their names.
        lacks_ceiling: whether there was no time for the step alone; default False.
    """
    fresh = next((stage for stage in stages if stage.stage == "confirm"), None)
    if fresh is not None and outcome.is_confirmed and (not fresh.is_whole or fresh.far_batches):
        of = "of unknown length" if whole is None else f"of {whole:,} batches"
        if fresh.far_batches is None:
            had = f"epochs of {fresh.batches:,} batches"
        elif fresh.is_whole:
            had = f"epochs of {fresh.far_batches:,} batches for a far slower setting"
        else:
            own = f"{fresh.far_batches:,} for a far slower setting"
            had = f"epochs of {fresh.batches:,} batches, and of {own}"
        yield (
            f"Fresh blocks had {had}. Their rates are carried over to epochs {of}: what changes later in an "
            "epoch was not seen."
        )
    if outcome.noise is not None and outcome.noise > NOISY:
        yield (
            f"One trial varies by {outcome.noise:.0%}, so smaller differences take many blocks: a quiet "
            "machine or a longer --budget tells more."
        )
    if lacks_ceiling and outcome.is_confirmed:
        yield (
            "There was no time for the step alone, so it is unknown what a faster loader could still gain: a "
            "longer --budget tells."
        )
    for name, reason in left_out.items():
        yield f"{name} was not tried: {reason.rstrip('.')}."
