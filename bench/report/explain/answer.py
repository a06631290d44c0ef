"""The answer of an explanation in one sentence: what bounds the training, and how much there is to gain."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Advice, Cause, Diagnosis, Explanation
from bench.analysis.possible_gain import ALL
from bench.analysis.ties import INDIFFERENT
from bench.analysis.warnings import NOISE_OVER_CEILING
from bench.report.explain.wording import (
    explain_no_interval,
    format_factor,
    format_interval,
    name_subject,
)
from bench.text import printable

# Predicates of causes that are no adjectives.
HAS = {
    Cause.FEW_WORKERS: "too few workers",
    Cause.MANY_WORKERS: "too many workers or threads",
}
IS = {Cause.STRAGGLERS: "held up by stragglers", Cause.BALANCED: "balanced between loading and step"}


def answer_in_a_sentence(explanation: Explanation) -> str:
    """Return what bounds the training, and the change that gains most or how much there is to gain.

    The sentence is plain text without markup.
    """
    return f"{_describe_bound(explanation)}; {_describe_best(explanation)}."


def name_cause(diagnosis: Diagnosis) -> str:
    """Return the cause, with the name of the transform, or `order` for the sampler, where it is the cause."""
    stage = printable(diagnosis.stage)
    return f"{diagnosis.cause.value} ({stage})" if stage else diagnosis.cause.value


def has_nothing_to_gain(explanation: Explanation) -> bool:
    """Return whether not even an infinitely fast loader would gain anything worth a change.

    It gains less than 5%, or the step surely bounds the training and no change that was looked at gains.
    """
    possible, diagnosis = explanation.possible, explanation.diagnosis
    if possible is None or explanation.advice or is_ceiling_disturbed(explanation):
        return False
    is_bound_by_step = diagnosis.is_sure and diagnosis.cause in (Cause.STEP, Cause.BALANCED)
    return possible.median <= 1 / ALL or is_bound_by_step


def is_ceiling_disturbed(explanation: Explanation) -> bool:
    """Return whether the step alone was slower than the training, by more than noise between processes."""
    possible = explanation.possible
    return possible is not None and possible.median < 1 / NOISE_OVER_CEILING


def describe_possible(explanation: Explanation) -> str:
    """Return how much an infinitely fast loader would gain, as a clause; empty where nobody knows."""
    if (possible := explanation.possible) is None:
        return ""
    if is_ceiling_disturbed(explanation):
        return (
            "the step alone was slower than the training, so it doesn't tell what a faster loader would gain"
        )
    if possible.median <= 1 + INDIFFERENT / 2:
        return "an infinitely fast loader would gain nothing"
    ratio = format_factor(possible.median)
    interval = format_interval(possible, format_factor, name="95% interval")
    return f"an infinitely fast loader would make it {ratio} times as fast{interval}"


def explain_small_rest(explanation: Explanation) -> str:
    """Return why a gain of an infinitely fast loader is none in practice; empty where it is nearly none."""
    possible = explanation.possible
    if possible is None or possible.median <= 1 / ALL:
        return ""
    return ", and no change that was looked at is known to gain 3%"


def _describe_bound(explanation: Explanation) -> str:
    diagnosis, subject = explanation.diagnosis, name_subject(explanation.setup)
    if diagnosis.cause is Cause.UNDECIDED:
        return f"What bounds {subject} is undecided"
    subject = subject.capitalize()
    if (words := HAS.get(diagnosis.cause)) is not None:
        return f"{subject} {'has' if diagnosis.is_sure else 'probably has'} {words}"
    words = IS.get(diagnosis.cause, name_cause(diagnosis))
    return f"{subject} {'is' if diagnosis.is_sure else 'is probably'} {words}"


def _describe_best(explanation: Explanation) -> str:
    """Return the clause on the first change, or on why there is none."""
    if explanation.advice:
        return _describe_change(explanation.advice[0])
    if explanation.diagnosis.cause is Cause.STARVED:
        return "measure again without them before you change anything"
    possible = describe_possible(explanation)
    if possible and explanation.possible is not None:
        possible += explain_no_interval(explanation.possible)
    if has_nothing_to_gain(explanation):
        return f"there is nothing to gain: {possible}{explain_small_rest(explanation)}"
    if is_ceiling_disturbed(explanation):
        return possible
    if possible:
        return f"{possible}, but no change is known that gains"
    return "no change is known that gains"


def _describe_change(advice: Advice) -> str:
    change, found = printable(advice.change), advice.actual or advice.gain
    if found is None:
        return f"{change} may help, by an amount that can't be predicted"
    verb = "would make" if advice.actual is None else "made"
    interval = format_interval(found, format_factor, name="95% interval") or explain_no_interval(found)
    return f"{change} {verb} it {format_factor(found.median)} times as fast{interval}"
