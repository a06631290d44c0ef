"""Changes in words: their conditions, those not worth making, why there are none, and break-even steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.analysis.explanation.explanation import Advice, BreakEven, Cause, Explanation
from bench.report.explain.answer import (
    describe_possible,
    explain_small_rest,
    has_nothing_to_gain,
    is_ceiling_disturbed,
)
from bench.report.explain.wording import NO_STEP, explain_no_interval, find_step_s, format_factor
from bench.report.remark import Remark
from bench.text import capitalise, format_share, format_time, join_few, printable

MOST_CHANGES = 3


def list_changes(explanation: Explanation) -> Sequence[Advice]:
    """Return the changes worth making that a report shows, the most gainful first."""
    return explanation.advice[:MOST_CHANGES]


def title_changes(explanation: Explanation) -> str:
    """Return the title of the changes worth making, with the basis of their gains where it is one.

    It says so where too few blocks give no gain an interval.
    """
    changes = list_changes(explanation)
    basis = find_common_basis(changes)
    gains = [gain for one in changes for gain in (one.gain, one.actual) if gain is not None]
    bare = {explain_no_interval(gain) for gain in gains}
    # One that all of them share.
    few = bare.pop() if len(bare) == 1 else ""
    return f"Worth changing{f', predicted by {basis}' if basis else ''}{few}"


def describe_advice(advice: Advice, explanation: Explanation) -> str:
    """Return the options that make a change, its condition and the basis of its gain; empty for none."""
    knobs = describe_knobs(advice.knobs)
    # Some changes are said by the option itself.
    settings = [knobs] if knobs and knobs != printable(advice.change) else []
    if advice.family != explanation.setup.family:
        settings.insert(0, f"family={printable(advice.family)}")
    sentences = [", ".join(settings), printable(advice.note)]
    if advice.basis and not find_common_basis(list_changes(explanation)):
        sentences.append(f"Predicted by {printable(advice.basis)}")
    return " ".join(sentence.rstrip(".") + "." for sentence in sentences if sentence)


def describe_useless(explanation: Explanation) -> Remark | None:
    """Return the changes that aren't worth making; None for none."""
    if not explanation.useless:
        return None
    return Remark(
        "Not worth changing", f"{join_few(_name_useless(advice) for advice in explanation.useless)}."
    )


def describe_break_even(explanation: Explanation) -> Remark | None:
    """Return from which step time on the loader no longer matters; None where it isn't known."""
    if not explanation.break_even:
        return None
    now = find_step_s(explanation)
    beside = "" if now is None else f" The step takes {format_time(now)} now."
    *firsts, last = (_describe_point(point) for point in explanation.break_even)
    points = f"{', '.join(firsts)} or {last}" if firsts else last
    return Remark(
        "Break-even",
        f"the loader no longer matters where the step of a batch takes {points} or longer.{beside}",
    )


def describe_knobs(knobs: Mapping[str, object]) -> str:
    """Return the options that make a change, such as `num_workers=8`; empty for none."""
    return printable(", ".join(f"{name}={value}" for name, value in knobs.items()))


def title_without_changes(explanation: Explanation) -> str:
    """Return the title that stands in place of changes."""
    return "Nothing to gain" if has_nothing_to_gain(explanation) else "No change is known that gains"


def explain_no_changes(explanation: Explanation) -> str:
    """Return why no change is advised."""
    possible = describe_possible(explanation)
    if explanation.diagnosis.cause is Cause.STARVED:
        return "While others take the cores, no gain can be predicted. Measure again without them."
    if has_nothing_to_gain(explanation):
        return f"Keep the loader as it is: {possible}{explain_small_rest(explanation)}."
    if is_ceiling_disturbed(explanation):
        return f"{capitalise(possible)}. Measure again with less beside it."
    if possible:
        return f"{capitalise(possible)}, but no change that was looked at comes nearer to it."
    if explanation.diagnosis.cause is Cause.UNDECIDED:
        return "Without a cause there is no change to advise."
    if explanation.setup.step == NO_STEP:
        return "Whether another loader would gain depends on the step, and none was measured."
    return (
        "The step alone wasn't measured: the parts of an epoch tell the most that a faster loader would save."
    )


def find_common_basis(changes: Sequence[Advice]) -> str:
    """Return how all gains were predicted; empty where they differ or nobody says."""
    found = {printable(advice.basis) for advice in changes if advice.gain is not None}
    return found.pop() if len(found) == 1 else ""


def _name_useless(advice: Advice) -> str:
    gain = "" if advice.gain is None else f" (×{format_factor(advice.gain.median)})"
    return f"{printable(advice.change)}{gain}"


def _describe_point(point: BreakEven) -> str:
    checked = "" if point.checked is None else f"; checked: {format_share(point.checked)} of the step's rate"
    return f"{format_time(point.step_s)} ({printable(point.change)}{checked})"
