"""Findings of a tuning beside its answer: the tie set, what is guaranteed, what is left, and cautions."""

from __future__ import annotations

from collections.abc import Iterator

from bench.analysis.tuning.tuning import StageFacts, Tuning
from bench.report.busy_words import describe_busy
from bench.report.explain.wording import explain_no_interval, format_factor, format_interval
from bench.report.remark import Remark
from bench.report.tune.answer import is_optimistic
from bench.report.tune.words import (
    INTERVAL,
    STOPS,
    YOURS,
    count_processes,
    find_fate,
    format_bound,
    format_percent,
    list_names,
    name_kept,
    name_setting,
    select_ends,
)
from bench.text import format_count, format_duration, format_share, join_few, join_words, printable

LONGER_FOR_FRESH = "fresh blocks need a longer --budget"
SOURCE = "e-values; Vovk & Wang, Annals of Statistics 49(3), 2021"


def list_findings(tuning: Tuning) -> list[Remark]:
    """Return what was found beside the answer, one remark a subject."""
    found = (
        describe_tie_set(tuning),
        describe_guarantee(tuning),
        describe_ceiling(tuning),
        describe_gpu(tuning),
        describe_candidates(tuning),
        describe_time(tuning),
        describe_whole_grid(tuning),
    )
    return [remark for remark in found if remark is not None]


def describe_tie_set(tuning: Tuning) -> Remark | None:
    """Describe the settings that can't be told from the fastest, and the cheapest of them."""
    outcome = tuning.outcome
    tied = list(outcome.tied)
    if not tied or outcome.raced < 2:
        return None
    if len(tied) == 1:
        left = name_setting(tuning, tied[0])
        return Remark("Tie set", f"of {outcome.raced:,} raced, only {left} is left.")
    of = f"{len(tied):,} of {outcome.raced:,} raced can't be told from the fastest"
    return Remark("Tie set", f"{of}: {list_names(tuning, tied)}. {_describe_cheapest(tuning)}")


def _describe_cheapest(tuning: Tuning) -> str:
    outcome = tuning.outcome
    if outcome.cheapest == outcome.leader:
        return "No cheaper one is as fast as the leader."
    cheapest, leader = tuning.candidates[outcome.cheapest], tuning.candidates[outcome.leader]
    words = f"The cheapest is {name_setting(tuning, outcome.cheapest)}"
    if cheapest.processes < leader.processes:
        than = f"{leader.processes:,} for {name_setting(tuning, outcome.leader)}"
        return f"{words}: it needs {count_processes(cheapest)} instead of {than}."
    return f"{words}; the leader is {name_setting(tuning, outcome.leader)}."


def describe_guarantee(tuning: Tuning) -> Remark | None:
    """Describe what holds with which confidence, and what isn't guaranteed; None without a race."""
    outcome = tuning.outcome
    if outcome.raced < 2 or not outcome.race_blocks:
        return None
    bound = format_bound(outcome.regret_bound)
    leader = name_setting(tuning, outcome.leader)
    limit = f", and exceeds {leader} by at most {bound}" if bound else ""
    held = (
        f"with {format_percent(tuning.confidence)} confidence the fastest of the {outcome.raced:,} raced is "
        f"in the tie set{limit}, whenever the race stopped ({SOURCE})."
    )
    left = (
        (len(select_ends(tuning, "screened")), "that the screen left out"),
        (len(select_ends(tuning, "capped", "failed")), "that failed or were ended early"),
    )
    parts = [f"the {number:,} {how}" for number, how in left if number]
    outside = f", nor anything about {join_words(parts)}" if parts else ""
    return Remark("Guarantee", f"{held} Not guaranteed: that each one that was dropped is slower{outside}.")


def describe_ceiling(tuning: Tuning) -> Remark | None:
    """Describe how much an infinitely fast loader would still gain; None where nobody knows."""
    if (share := tuning.ceiling_share) is None or share.median <= 0:
        return None
    interval = format_interval(share, format_share, name=INTERVAL) or explain_no_interval(share)
    chosen = name_setting(tuning, tuning.outcome.chosen)
    words = f"{chosen} reaches {format_share(share.median)} of what the step alone does{interval}"
    if share.median >= 1:
        return Remark("Ceiling", f"{words}: no loader would gain more.")
    rest = format_factor(1 / share.median)
    return Remark("Ceiling", f"{words}: an infinitely fast loader would be {rest} times as fast at most.")


def describe_gpu(tuning: Tuning) -> Remark | None:
    """Describe for how much of an epoch the GPU computes; None without one, or without fresh blocks."""
    if tuning.busy is None:
        return None
    present = tuning.present_busy if tuning.outcome.chosen else None
    return Remark("GPU", describe_busy(tuning.gpu, tuning.busy, present, YOURS))


def describe_candidates(tuning: Tuning) -> Remark | None:
    """Count the candidates by what became of them; None where there is one alone."""
    if len(tuning.candidates) < 2 and not tuning.infeasible:
        return None
    counted = (
        (select_ends(tuning, "tied"), name_kept(tuning)),
        (select_ends(tuning, "slower"), "slower in the race"),
        (select_ends(tuning, "screened"), "slower in the screen"),
        (select_ends(tuning, "capped"), "far slower and ended early"),
        (select_ends(tuning, "failed"), "failed"),
        (select_ends(tuning, "unseen"), "not tried"),
    )
    parts = [f"{len(numbers):,} {words}" for numbers, words in counted if numbers]
    left_out = sum(len(one.names) for one in tuning.infeasible)
    unfit = f" {left_out:,} more would not fit into this machine." if left_out else ""
    return Remark("Candidates", f"{len(tuning.candidates):,}: {join_words(parts)}.{unfit}")


def describe_time(tuning: Tuning) -> Remark | None:
    """Describe where the tuning's time went, and why the race ended; None where nothing was timed."""
    stages = [stage for stage in tuning.stages if stage.stage != "exhaustive"]
    if not stages:
        return None
    parts = join_words([_describe_stage(stage) for stage in stages])
    blocks, outcome = format_count(tuning.outcome.race_blocks, "block"), tuning.outcome
    ended = f" The race ended after {blocks}, since {STOPS[outcome.stop]}." if outcome.race_blocks else ""
    noise = f" Trials of one setting differ by {format_percent(outcome.noise)}." if outcome.noise else ""
    return Remark("Time", f"{format_duration(tuning.seconds)}: {parts}.{ended}{noise}")


def _describe_stage(stage: StageFacts) -> str:
    trials = format_count(stage.trials, "trial")
    if stage.is_whole:
        length = " of whole epochs"
    else:
        length = "" if stage.batches is None else f" of {format_count(stage.batches, 'batch')}"
    if stage.far_batches is not None:
        length += f", of {format_count(stage.far_batches, 'batch')} for far slower settings"
    return f"{printable(stage.stage)} {format_duration(stage.seconds)} ({trials}{length})"


def describe_whole_grid(tuning: Tuning) -> Remark | None:
    """Describe the regret and the time saved, by the whole grid; None where it wasn't measured."""
    if (grid := tuning.exhaustive) is None:
        return None
    size = f"{format_count(grid.configurations, 'setting')} in {format_count(grid.blocks, 'block')}"
    best, chosen = name_setting(tuning, grid.best), name_setting(tuning, tuning.outcome.chosen)
    if grid.best == tuning.outcome.chosen:
        regret = format_percent(max(grid.regret, 0.0))
        found = f"its fastest is {chosen}, as chosen, with a regret of {regret}"
    elif grid.regret > 0:
        found = f"its fastest, {best}, exceeds {chosen} by {format_percent(grid.regret)}, the regret"
    else:
        found = f"its fastest, {best}, is no faster than {chosen} where it is judged"
    gain = f"×{format_factor(grid.present_gain)} of {YOURS}"
    time = f"the tuning took {format_share(grid.time_share)} of that"
    return Remark(
        "Whole grid",
        f"{size} took {format_duration(grid.seconds)}, {time}; {found}, and runs at {gain}. One half of the "
        "blocks chooses the fastest, the other one judges it.",
    )


def list_cautions(tuning: Tuning) -> list[Remark]:
    """Return what a reader must know before using the figures."""
    return [*_list_own_cautions(tuning), *(Remark("Caution", text, "caution") for text in tuning.cautions)]


def _list_own_cautions(tuning: Tuning) -> Iterator[Remark]:
    if tuning.problem:
        text = f"{printable(tuning.problem).rstrip('.')}. Only what was measured until then is judged."
        yield Remark("Ended early", text, "caution")
    elif tuning.interrupted:
        yield Remark("Interrupted", "only what was measured until then is judged.", "caution")
    if is_optimistic(tuning):
        fresh = "there was no time for fresh blocks" if tuning.ended_early else LONGER_FOR_FRESH
        raced = find_fate(tuning, tuning.outcome.leader).race_ratio is not None
        stage = "race" if raced else "screen"
        text = f"the {stage}'s figures chose the setting, which inflates them; {fresh}."
        yield Remark("Optimistic", text, "caution")
    if unseen := select_ends(tuning, "unseen"):
        longer = "" if tuning.ended_early else "; a longer --budget tries them"
        yield Remark("Not tried", f"{list_names(tuning, unseen)}{longer}.", "caution")
    for problem, numbers in _group_failures(tuning).items():
        yield Remark("Failed", f"{list_names(tuning, numbers)}: {problem}.", "failure")
    for one in tuning.infeasible:
        yield Remark(
            "Doesn't fit", f"{join_few(map(printable, one.names))}: {printable(one.reason).rstrip('.')}."
        )


def _group_failures(tuning: Tuning) -> dict[str, list[int]]:
    """Return the candidates that failed, by their errors."""
    found: dict[str, list[int]] = {}
    for number in select_ends(tuning, "failed"):
        problem = printable(find_fate(tuning, number).problem).rstrip(".") or "no reason is known"
        found.setdefault(problem, []).append(number)
    return found
