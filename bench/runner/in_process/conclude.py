"""Conclude a tuning inside a training: the settings that are shown to be faster, or why there are none."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from datetime import date

from bench.analysis.tuning.confirming import BLOCKS
from bench.analysis.tuning.longer_budget import (
    MOST_TIMES,
    estimate_longer_s,
    find_times_for_bound,
    find_times_for_gain,
)
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuner import FEWEST_RACE_BLOCKS
from bench.runner.in_process.in_process_lab import SPARE_SHARE, InProcessLab
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.settings_grid import find_changes, name_changes
from bench.runner.in_process.tuning_order import TuningOrder
from bench.text import format_count, format_ratio, format_share
from loaders.spec.source_facts import DataLoaderSettings

# Gain below which there is nothing to gain.
REGRET = 0.03
# Share of a budget that goes by before the first trial.
PREPARED_SHARE = 0.1
# Budgets are named in steps of so many seconds up to a minute, and in longer ones above it.
SHORT_STEP_S, MINUTE_S, LONG_STEP_S = 5, 60, 30


def conclude(
    settings: Sequence[DataLoaderSettings], outcome: Outcome, order: TuningOrder, lab: InProcessLab
) -> Remembered:
    """Return the settings that fresh blocks have shown to be faster; none where they haven't.

    Args:
        settings: the settings, the present ones first.
        outcome: what the tuning has found.
        order: what was asked for.
        lab: has run the trials.
    """
    seconds = time.monotonic() - order.budget.began_s
    tried = sum(fate.end != "unseen" for fate in outcome.fates.values())
    budget_s, today = order.budget.seconds, _read_date()
    confirmed = outcome.confirmed.get(outcome.chosen)
    if outcome.verdict == "gain" and confirmed is not None:
        gain = confirmed.gain
        if gain.low is not None and gain.high is not None and gain.low > 1:
            changes = find_changes(settings[outcome.chosen], settings[0])
            found = (gain.median, gain.low, gain.high)
            return Remembered("gain", changes, found, tried, seconds, budget_s, today)
    reason = explain_failures(lab.problems, len(settings) - 1)
    if not reason and outcome.verdict == "nothing":
        return Remembered("nothing", {}, None, tried, seconds, budget_s, today)
    lacks_time = not reason
    reason = reason or f"undecided after {seconds:.0f} s: {_explain_doubt(settings, outcome, order, lab)}"
    return Remembered("undecided", {}, None, tried, seconds, budget_s, today, reason, lacks_time=lacks_time)


def give_up(order: TuningOrder, reason: str, *, lacks_time: bool = False) -> Remembered:
    """Return the result of a tuning that can't be made.

    Args:
        order: what was asked for.
        reason: why, in one line.
        lacks_time: whether that is a lack of time; default False.
    """
    seconds = time.monotonic() - order.budget.began_s
    return Remembered(
        "undecided", {}, None, 0, seconds, order.budget.seconds, _read_date(), reason, lacks_time=lacks_time
    )


def explain_shortness(order: TuningOrder, trial_s: float, fewest: int) -> str:
    """Return why no trial is begun: the budget has no time for enough of them.

    Args:
        order: what was asked for.
        trial_s: seconds of a trial.
        fewest: fewest trials that may give an answer.
    """
    left_s = max(0.0, order.budget.find_left_s())
    trials = format_count(int(left_s / trial_s), "trial")
    needed_s = _add_beside(order, fewest * trial_s)
    return (
        f"{order.budget.seconds:g} s have time for {trials} of {trial_s:.2g} s, and an answer takes "
        f"{fewest:,} or more{_name_budget(order, needed_s, 'would do', math.inf)}"
    )


def explain_failures(problems: Mapping[int, str], others: int) -> str:
    """Return why there is no result: the given settings have failed, or all others. Else an empty text.

    Args:
        problems: why settings failed, by their numbers.
        others: number of settings beside the given ones.
    """
    if 0 in problems:
        return f"it failed after some trials: {problems[0]}"
    if len(problems) == others:
        first, *more = dict.fromkeys(problems.values())
        return f"all other settings failed: {first}" + (", and the like" if more else "")
    return ""


def _explain_doubt(
    settings: Sequence[DataLoaderSettings], outcome: Outcome, order: TuningOrder, lab: InProcessLab
) -> str:
    """Return what is known although nothing is shown, and which budget may show it."""
    tried = format_count(sum(fate.end != "unseen" for fate in outcome.fates.values()), "setting")
    leader = outcome.leader
    name = name_changes(find_changes(settings[leader], settings[0]))
    gain = outcome.confirmed[leader].gain if leader in outcome.confirmed else None
    if leader and gain is not None and gain.low is not None and gain.high is not None:
        needed_s = order.budget.seconds * find_times_for_gain(gain, REGRET)
        longer = _name_budget(order, needed_s, "may decide it")
        ratios = [format_ratio(ratio) for ratio in (gain.median, gain.low, gain.high)]
        found = f"{name} is {ratios[0]} times as fast as given ({ratios[1]} to {ratios[2]})"
        return f"of {tried}, {found}{longer}"
    bound = outcome.regret_bound
    if not leader and bound is not None and bound < 1:
        needed_s = order.budget.seconds * find_times_for_bound(bound, REGRET)
        longer = _name_budget(order, needed_s, "may decide it")
        return f"none of {tried} is shown to be faster, but one may be by up to {format_share(bound)}{longer}"
    needed_s = _add_beside(order, _estimate_trials_s(lab, len(settings), leader))
    longer = _name_budget(order, needed_s, "has more", math.inf)
    if leader:
        return f"of {tried}, {name} looks the fastest, but there was no time to measure it anew{longer}"
    return f"there was time for {format_count(lab.trials, 'trial')} only{longer}"


def _estimate_trials_s(lab: InProcessLab, count: int, leader: int) -> float:
    """Return the seconds of a screen, a race and fresh blocks of the present settings and another one."""
    rival = leader or min(range(1, count), key=lambda number: lab.estimate_s("race", number))
    pair_s = lab.estimate_s("race", 0) + lab.estimate_s("race", rival)
    screen_s = sum(lab.estimate_s("screen", number) for number in range(count))
    return screen_s + (FEWEST_RACE_BLOCKS + BLOCKS) * pair_s


def _add_beside(order: TuningOrder, trials_s: float) -> float:
    """Return the budget that leaves time for trials beside what is spent already, about."""
    return (trials_s + PREPARED_SHARE * order.budget.seconds) / (1 - SPARE_SHARE)


def _name_budget(order: TuningOrder, seconds: float, verb: str, most_times: float = MOST_TIMES) -> str:
    """Return the end of a line that names a longer budget; empty where it would be far too long."""
    if (longer_s := estimate_longer_s(seconds, order.budget.seconds, most_times)) is None:
        return ""
    if longer_s < SHORT_STEP_S:
        return f"; budget_s={longer_s:.1g} {verb}"
    step_s = SHORT_STEP_S if longer_s <= MINUTE_S else LONG_STEP_S
    return f"; budget_s={math.ceil(longer_s / step_s) * step_s} {verb}"


def _read_date() -> str:
    return date.today().isoformat()
