"""Stages in words: what each costs alone, the slowest batches, and the time to the first batch."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.explanation.explanation import Explanation, Rung, SlowBatch
from bench.report.explain.slow_samples import name_slow
from bench.report.explain.wording import FORK, count_samples, find_cost_s, name_piece
from bench.report.remark import Remark
from bench.text import (
    TimeUnit,
    choose_unit,
    format_bytes,
    format_count,
    format_time,
    join_words,
    printable,
)

# Stages that one line can name; the smallest others are summed up.
MOST_STAGES = 6
# Causes of start-up below this share of it aren't named.
LEAST_CAUSE = 0.02
# The first two causes of start-up, with workers and without.
START_UP_WORDS = ("starting workers", "imports in workers")
START_UP_WORDS_ALONE = ("making the iterator", "drawing the indices")


def describe_ladder(explanation: Explanation) -> Remark | None:
    """Return what each stage costs for a sample, by itself; None without a ladder."""
    if not explanation.ladder:
        return None
    samples = count_samples(explanation)
    unit = choose_unit(rung.sample_s for rung in explanation.ladder)
    ranked = sorted(explanation.ladder, key=lambda rung: -rung.sample_s)
    # One more takes no more room than the words for it.
    most = len(ranked) if len(ranked) <= MOST_STAGES + 1 else MOST_STAGES
    named = {id(rung) for rung in ranked[:most]}
    stages = []
    for rung in explanation.ladder:
        if id(rung) not in named:
            continue
        stages.append(f"{printable(rung.name)} {_format_cost(rung, unit, samples)}")
    if rest := [rung for rung in ranked if id(rung) not in named]:
        # No stage costs less than nothing: a difference below 0 is noise between two rungs.
        total = sum(max(0.0, rung.sample_s) for rung in rest)
        stages.append(f"{format_count(len(rest), 'other stage')} {unit.format(total)}")
    return Remark(f"Each stage alone, {unit.name}/{name_piece(explanation)}", f"{', '.join(stages)}.")


def _format_cost(rung: Rung, unit: TimeUnit, samples: float) -> str:
    """Return what a stage costs a sample, with half the length of its interval."""
    low, high = rung.batch_s.low, rung.batch_s.high
    reach = "" if low is None or high is None else f" ±{unit.format_reach((high - low) / 2 / samples)}"
    return f"{unit.format(find_cost_s(rung))}{reach}"


def describe_stragglers(explanation: Explanation) -> Remark | None:
    """Return the slowest batches with the indices of their samples; None where there are none."""
    slow = explanation.slow_batches
    if not slow:
        return None
    worst = max(slow, key=lambda batch: batch.load_s)
    usual = f"{format_time(worst.load_s)} to load, a typical batch {format_time(worst.typical_s)}"
    waited = format_time(sum(batch.wait_s for batch in slow))
    return Remark(
        "Stragglers",
        f"{name_slow(slow)}; the slowest took {usual}. The training waited {waited} for "
        f"{'it' if len(slow) == 1 else 'them'}{_describe_queue(slow)}.",
    )


def describe_start_up(explanation: Explanation) -> Remark | None:
    """Return the time to the first batch by cause; None where it isn't known."""
    found = explanation.start_up
    if found is None:
        return None
    setup = explanation.setup
    # Without workers the loop itself makes the iterator, and draws the indices before it fetches them.
    first, second = START_UP_WORDS if setup.num_workers else START_UP_WORDS_ALONE
    causes = {
        first: found.starting_s,
        second: found.importing_s,
        "loading the batch": found.fetching_s,
        "handing it on": found.handing_s,
    }
    unit = choose_unit([found.first_s])
    named = [
        f"{name} {unit.format(seconds)}"
        for name, seconds in causes.items()
        if seconds >= LEAST_CAUSE * found.first_s > 0
    ]
    details = f" ({join_words(named)})" if named else ""
    pickled = ""
    if setup.num_workers and setup.multiprocessing_context != FORK and found.pickled_bytes is not None:
        taken = f", {format_time(found.pickling_s)} for all" if found.pickling_s else ""
        pickled = f" Pickled for each worker: {format_bytes(found.pickled_bytes)}{taken}."
    end = (
        f", and {format_time(found.teardown_s)} at its end"
        if found.teardown_s >= LEAST_CAUSE * found.first_s
        else ""
    )
    return Remark(
        "Start-up",
        f"{format_time(found.first_s)} to the first batch{details}; "
        f"each later epoch pays {format_time(found.each_epoch_s)} again{end}.{pickled}",
    )


def _describe_queue(slow: Sequence[SlowBatch]) -> str:
    """Return whose delay the waits were, as a clause; empty where each was the batch's own."""
    others = sum(1 for batch in slow if not batch.is_own)
    if not others:
        return ""
    if others == len(slow):
        return ", held up by earlier batches in the queue"
    return f"; earlier batches in the queue caused {others} of {len(slow)} waits"
