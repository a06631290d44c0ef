"""Words and figures that the screen, the page, the charts and the answer of a tuning share."""

from __future__ import annotations

from bench.analysis.explanation.words import format_cores
from bench.analysis.tuning.outcome import End, Fate, Stop
from bench.analysis.tuning.tuning import Candidate, Tuning
from bench.report.explain.wording import (
    NO_STEP,
    explain_no_interval,
    format_factor,
    format_interval,
    name_device,
)
from bench.text import format_count, join_few, printable

YOURS = "what you have"
# What became of a candidate, in a table and in a legend.
ENDS: dict[End, str] = {
    "tied": "in the tie set",
    "slower": "slower",
    "capped": "far slower",
    "failed": "failed",
    "screened": "slower in the screen",
    "unseen": "not tried",
}
# What became of the ones that the screen kept, where the budget had no time to race them.
NOT_RACED = "not raced"
# Why the race ended.
STOPS: dict[Stop, str] = {
    "one left": "only one was left",
    "regret": "the bound on the regret was small enough",
    "budget": "the budget ended",
    "blocks": "it had the most blocks that a race has",
    "failed": "the present setting failed",
    "interrupted": "it was interrupted",
    "data": "the data changed or couldn't be read",
    "storage": "the results couldn't be written",
    "none": "fewer than two were left for it",
}
INTERVAL = "95% interval"
# A bound on a gain beyond this factor tells nothing.
LARGEST_BOUND = 9.995


def name_setting(tuning: Tuning, number: int) -> str:
    """Return what a candidate sets, such as `num_workers=2 num_threads=1`; the present one is the user's.

    Only the parts of its name are in it that the present one's name doesn't have. Names leave out settings
    that follow from others.
    """
    if number == 0:
        return YOURS
    name, present = (printable(tuning.candidates[one].name).split(" ") for one in (number, 0))
    return " ".join([part for part in name if part not in present] or name)


def name_row(tuning: Tuning, number: int) -> str:
    """Return the name of a candidate in a table or a chart."""
    name = printable(tuning.candidates[number].name)
    return f"{name} (yours)" if number == 0 else name


def find_fate(tuning: Tuning, number: int) -> Fate:
    """Return how far a candidate got; one that nothing is known of was not tried."""
    return tuning.outcome.fates.get(number, Fate("unseen"))


def name_end(tuning: Tuning, number: int) -> str:
    """Return what became of a candidate in short, such as `slower`."""
    end = find_fate(tuning, number).end
    return name_kept(tuning) if end == "tied" else ENDS[end]


def name_kept(tuning: Tuning) -> str:
    """Return what became of the candidates that were left at the end. Only a race makes a tie set of them."""
    return ENDS["tied"] if tuning.outcome.tied else NOT_RACED


def describe_end(tuning: Tuning, number: int) -> str:
    """Return what became of a candidate and after how many blocks, such as `slower, after 5 blocks`."""
    fate = find_fate(tuning, number)
    words = name_end(tuning, number)
    if fate.problem:
        return f"{words}: {printable(fate.problem)}"
    left = fate.blocks and fate.end in ("slower", "capped")
    return f"{words}, after {format_count(fate.blocks, 'block')}" if left else words


def select_ends(tuning: Tuning, *ends: End) -> list[int]:
    """Return the numbers of the candidates that came to one of some ends."""
    return [number for number in range(len(tuning.candidates)) if find_fate(tuning, number).end in ends]


def list_raced(tuning: Tuning) -> list[int]:
    """Return the numbers of the candidates that ran a block of the race, the present one among them."""
    return [number for number in range(len(tuning.candidates)) if find_fate(tuning, number).blocks]


def order_candidates(tuning: Tuning) -> list[int]:
    """Return the numbers of all candidates: a chosen one, the tie set, and the others, the fastest first."""
    outcome = tuning.outcome
    firsts = dict.fromkeys([*([outcome.chosen] if outcome.chosen else []), *outcome.tied])

    def place(number: int) -> tuple[bool, float]:
        fate = find_fate(tuning, number)
        # Ratios of the screen don't compare with those of the race.
        ratio = fate.race_ratio if fate.race_ratio is not None else fate.screen_ratio
        return fate.race_ratio is None, -(ratio if ratio is not None else 0.0)

    others = (number for number in range(len(tuning.candidates)) if number not in firsts)
    return [*firsts, *sorted(others, key=place)]


def format_ratio_to_present(ratio: float | None) -> str:
    """Return a ratio to the present configuration, such as `×1.52`; empty where it is unknown."""
    return "" if ratio is None else f"×{format_factor(ratio)}"


def describe_confirmed(tuning: Tuning, number: int) -> str:
    """Return a candidate's gain in fresh blocks as a clause, with its interval; empty where there is none."""
    if (confirmed := tuning.outcome.confirmed.get(number)) is None:
        return ""
    gain = confirmed.gain
    interval = format_interval(gain, format_factor, name=INTERVAL) or explain_no_interval(gain)
    blocks = format_count(gain.blocks, "fresh block")
    return f"{format_factor(gain.median)} times the samples a second of {YOURS}{interval}, in {blocks}"


def format_percent(share: float) -> str:
    """Return a share in percent with one decimal where it is small, such as `2.1%` or `34%`."""
    percent = 100 * share
    return f"{percent:.0f}%" if abs(percent) >= 9.95 else f"{percent:.1f}%".replace(".0%", "%")


def format_bound(bound: float | None) -> str:
    """Return a bound on a regret, such as `2.1%`; empty where nothing is known."""
    return "" if bound is None or bound >= LARGEST_BOUND else format_percent(bound)


def count_processes(candidate: Candidate) -> str:
    """Return the number of a candidate's processes, such as `1 process`."""
    return format_count(candidate.processes, "process")


def list_names(tuning: Tuning, numbers: list[int]) -> str:
    """Return some settings in a row; of many the first ones."""
    return join_few(name_setting(tuning, number) for number in numbers)


def describe_setup(tuning: Tuning) -> str:
    """Return what was tuned, in one line."""
    step = "no step" if tuning.step == NO_STEP else f"step {tuning.step}"
    parts = [
        format_count(len(tuning.candidates), "candidate"),
        step,
        name_device(tuning.device, tuning.gpu),
        format_cores(tuning.cores),
    ]
    return printable(", ".join(parts))


def list_code(tuning: Tuning) -> tuple[str, ...]:
    """Return the lines to paste; none where nothing is to be changed."""
    return tuning.code if tuning.outcome.chosen else ()
