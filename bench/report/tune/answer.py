"""The answer of a tuning in one sentence: the setting and its gain, or that there is nothing to gain."""

from __future__ import annotations

from bench.analysis.tuning.longer_budget import estimate_budget_s
from bench.analysis.tuning.tuning import Tuning
from bench.report.explain.wording import format_factor
from bench.report.tune.words import (
    YOURS,
    describe_confirmed,
    find_fate,
    format_bound,
    format_percent,
    name_setting,
    select_ends,
)
from bench.text import format_budget, format_count, format_limit

# How a gain is shown where the fresh blocks don't do it.
TOGETHER = "all its blocks together, those of the race too,"


def answer_in_a_sentence(tuning: Tuning) -> str:
    """Return the setting to use and its gain, that there is nothing to gain, or that neither is shown.

    The sentence is plain text without markup.
    """
    if tuning.outcome.verdict == "gain":
        return f"{_describe_gain(tuning)}."
    if tuning.outcome.verdict == "nothing":
        return f"Nothing to gain: {_describe_nothing(tuning)}."
    doubt = _describe_doubt(tuning)
    gain = tuning.outcome.loading_gain
    if gain is not None and gain <= tuning.regret:
        doubt = f"{_describe_waits(gain)}; {doubt}"
    return f"Undecided: {doubt}; {describe_remedy(tuning)}."


def describe_remedy(tuning: Tuning) -> str:
    """Return what an undecided tuning would need."""
    if tuning.problem:
        return "it ended too early"
    if tuning.interrupted:
        return "it was interrupted too early"
    budget_s = estimate_budget_s(tuning)
    # A small gain beside much noise takes longer than anybody waits.
    named = "a longer --budget" if budget_s is None else f"--budget {format_budget(budget_s)}"
    return f"{named} may decide it"


def is_optimistic(tuning: Tuning) -> bool:
    """Return True if a setting was chosen whose gain no fresh blocks have measured."""
    return tuning.outcome.leader != 0 and not tuning.outcome.is_confirmed


def _describe_gain(tuning: Tuning) -> str:
    chosen, gain = tuning.outcome.chosen, tuning.gain
    setting = name_setting(tuning, chosen)
    if gain is None:
        return f"{setting}: {_describe_selected(tuning, chosen)}; {TOGETHER} show that it is faster"
    found = f"{setting}: {describe_confirmed(tuning, chosen)}"
    if gain.low is not None and gain.low > 1:
        return found
    return f"{found}; {TOGETHER} show that it is faster, these alone don't"


def _describe_selected(tuning: Tuning, number: int) -> str:
    """Return the ratio of the race or the screen as a clause, which says that it is optimistic."""
    fate = find_fate(tuning, number)
    ratio, stage = (fate.race_ratio, "race") if fate.race_ratio is not None else (fate.screen_ratio, "screen")
    if ratio is None:
        return f"no ratio to {YOURS} is known"
    return (
        f"about {format_factor(ratio)} times the samples a second of {YOURS}, selected and optimistic, since "
        f"the figure is that of the {stage} that chose it"
    )


def _describe_nothing(tuning: Tuning) -> str:
    if len(tuning.candidates) < 2:
        return f"there is no other setting to try than {YOURS}"
    outcome = tuning.outcome
    if outcome.by_waits and outcome.loading_gain is not None:
        return f"{_describe_waits(outcome.loading_gain)}; {_describe_others(tuning)}"
    raced = max(outcome.raced - 1, 0)
    if not raced:
        return f"no setting beside {YOURS} was fast enough for the race"
    leader, more = outcome.leader, f"faster by more than {format_percent(tuning.regret)}"
    if leader and (found := describe_confirmed(tuning, leader)):
        name = name_setting(tuning, leader)
        return f"the fastest of {outcome.raced:,} raced, {name}, has {found}, and so is not {more}"
    # Those that failed or were ended early have left outside of the guarantee.
    judged = len([number for number in select_ends(tuning, "tied", "slower") if number])
    if not judged:
        return f"no setting beside {YOURS} got through the race: others failed or were far slower"
    of = (
        "the other setting that was raced is not"
        if judged == 1
        else f"none of the {judged:,} others raced is"
    )
    claim = f"{of} faster than {YOURS} by more than {format_percent(tuning.regret)}"
    if not leader and (bound := format_bound(outcome.regret_bound)):
        blocks = format_count(outcome.race_blocks, "block")
        confidence = format_percent(tuning.confidence)
        return f"{claim}; with {confidence} confidence by at most {bound}, after {blocks} of a race"
    return claim


def _describe_waits(gain: float) -> str:
    """Return what faster loading gains at most, and what that assumes."""
    return (
        f"while the step takes as long, faster loading gains at most {format_limit(gain)}, since your loop "
        "waits no longer for its data"
    )


def _describe_others(tuning: Tuning) -> str:
    """Return what was seen of the other settings, which may make the step itself faster."""
    leader = tuning.outcome.leader
    if leader:
        found = describe_confirmed(tuning, leader) or _describe_selected(tuning, leader)
        return f"the fastest other setting, {name_setting(tuning, leader)}, has {found}"
    return "no other setting was faster where it was tried"


def _describe_doubt(tuning: Tuning) -> str:
    outcome, regret = tuning.outcome, format_percent(tuning.regret)
    leader = outcome.leader
    if leader and (found := describe_confirmed(tuning, leader)):
        return (
            f"{name_setting(tuning, leader)} has {found}, which neither shows a gain nor rules out one of "
            f"more than {regret}"
        )
    if leader:
        selected = _describe_selected(tuning, leader)
        return f"the fastest so far is {name_setting(tuning, leader)}, {selected}"
    bound = format_bound(outcome.regret_bound)
    limit = f"up to {bound}" if bound else f"more than {regret}"
    return f"no setting is shown to be faster than {YOURS}, and a gain of {limit} is not ruled out"
