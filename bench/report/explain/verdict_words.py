"""The verdict of an explanation in words: the cause, its evidence, the speed, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.analysis.explanation.explanation import Cause, Explanation
from bench.report.explain.answer import describe_possible, name_cause
from bench.report.explain.wording import NO_STEP, format_interval
from bench.report.remark import Remark
from bench.text import capitalise, format_count, format_rate, format_share, printable

# Causes that no other loader can remove.
NO_LOSS = (Cause.STEP, Cause.BALANCED, Cause.UNDECIDED)


@dataclass(frozen=True)
class VerdictText:
    """The cause that bounds a training, in words.

    Attributes:
        title: the cause, as a title.
        is_sure: whether the evidence tells it from every other cause.
        sureness: the same in words; empty where no cause is named.
        evidence: sentences with figures.
    """

    title: str
    is_sure: bool
    sureness: str
    evidence: str


def describe_verdict(explanation: Explanation) -> VerdictText:
    """Return the cause that bounds a training, with its evidence."""
    diagnosis = explanation.diagnosis
    name = name_cause(diagnosis)
    sureness = "sure" if diagnosis.is_sure else "likely, not sure"
    sentences = [printable(diagnosis.evidence)]
    if diagnosis.loss is not None and diagnosis.cause not in NO_LOSS:
        sentences.append(f"Without this an epoch would be {format_share(diagnosis.loss)} shorter.")
    if diagnosis.second is not None:
        sentences.append(f"Next after it: {diagnosis.second.value}.")
    return VerdictText(
        title=capitalise(name),
        is_sure=diagnosis.is_sure,
        sureness="" if diagnosis.cause is Cause.UNDECIDED else sureness,
        evidence=" ".join(filter(None, sentences)),
    )


def describe_speed(explanation: Explanation) -> str:
    """Return the present throughput, and how much there is to gain at all, as a sentence."""
    rate = explanation.samples_per_s
    interval = format_interval(rate, format_rate, name="95% interval")
    possible = describe_possible(explanation)
    if not possible and explanation.setup.step == NO_STEP:
        possible = "the loader ran alone, so nobody knows how much of it a training can use"
    few = (
        ""
        if rate.low is not None
        else f", from {format_count(rate.blocks, 'block')} and so without an interval"
    )
    speed = f"Now: {format_rate(rate.median)} samples/s{interval}{few}"
    return f"{speed}; {possible}." if possible else f"{speed}."


def list_cautions(explanation: Explanation) -> list[Remark]:
    """List what limits what can be said."""
    return [Remark("Caution", printable(caution), "caution") for caution in explanation.cautions]


def describe_fit(explanation: Explanation) -> Remark | None:
    """Return how well the parts and the replay agree with what was measured; None where nobody knows."""
    checks = []
    if explanation.closure is not None:
        checks.append(f"the parts sum to {explanation.closure:.1%} of the measured time")
    if explanation.replay_error is not None:
        checks.append(f"the replay is off by {explanation.replay_error:+.1%}")
    if explanation.tracing_cost is not None:
        checks.append(f"tracing costs {explanation.tracing_cost:+.1%}")
    return Remark("How well it fits", f"{', '.join(checks)}.") if checks else None
