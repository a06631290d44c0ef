"""Words of a comparison: its answer in a sentence, its figures and its reasons, wherever they are shown."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.analysis.comparison.comparison import JUDGEMENTS, ComparedConfiguration, Comparison, Judgement
from bench.analysis.comparison.matching import AS_IT_IS
from bench.analysis.statistics import Estimate
from bench.report.remark import Remark
from bench.text import format_count, format_ratio, join_words

# A reason is listed with so many names.
MOST_NAMES = 5
# Ratios between these have three decimals.
FINE = (0.1, 2.0)


def describe_answer(comparison: Comparison) -> str:
    """Return the answer in a sentence or two, such as `1 of 9 configurations is slower`."""
    if comparison.obstacles:
        return f"A and B can't be compared: {comparison.obstacles[0]}."
    changed = comparison.select("slower") or comparison.select("faster")
    known = [(abs(math.log(one.ratio.median)), one) for one in changed if one.ratio is not None]
    most = max(known, key=lambda pair: pair[0])[1] if known else None
    change = "" if most is None or most.ratio is None else describe_change(comparison, most.ratio)
    if len(comparison.configurations) == 1:
        (one,) = comparison.configurations
        name = "The loader" if one.name == AS_IT_IS else one.name
        tail = f": B {change}" if change else ""
        return f"{name} is {_name_judgement(comparison, one.judgement)}{tail}."
    answer = f"{join_words(_count_judgements(comparison))}."
    return answer if most is None else f"{answer} {most.name} {change}."


def describe_change(comparison: Comparison, ratio: Estimate) -> str:
    """Return how B stands to A, such as `runs at 0.900 times A (90% interval 0.870–0.930)`."""
    verb = "reaches" if comparison.options.across_machines else "runs at"
    interval = format_interval(ratio)
    return f"{verb} {format_factor(ratio.median)} times A{f' (90% interval {interval})' if interval else ''}"


def describe_sides(comparison: Comparison) -> list[str]:
    """Return one line for each side: its letter and its name."""
    return [f"A  {comparison.name_a}", f"B  {comparison.name_b}"]


def describe_method(comparison: Comparison) -> str:
    """Return in a few sentences how to read the figures."""
    blocks = sorted({one.ratio.blocks for one in comparison.configurations if one.ratio is not None})
    span = f"{blocks[0]}–{blocks[-1]}" if len(blocks) > 1 else f"{blocks[0]}" if blocks else "0"
    design = (
        "both sides in each block, ratios inside a block"
        if comparison.options.paired
        else "sides without common blocks"
    )
    count = format_count(len(comparison.configurations), "comparison")
    return (
        f"B/A with a 90% interval: each end holds with 95% confidence. {span} blocks a side; {design}. "
        f"Judgements are corrected for {count} (Hochberg)."
    )


def list_remarks(comparison: Comparison) -> list[Remark]:
    """Return what to know beside the figures: obstacles, reasons of doubt, notices."""
    return [*_list_obstacles(comparison), *_list_doubts(comparison), *_list_notices(comparison)]


def format_margin(comparison: Comparison) -> str:
    """Return the margin as a percentage, such as `3%`."""
    return f"{100 * comparison.options.margin:.4g}%"


def format_factor(ratio: float) -> str:
    """Return B/A with three decimals near 1, such as `0.900`; far from it as any ratio."""
    return f"{ratio:.3f}" if FINE[0] < ratio < FINE[1] else format_ratio(ratio)


def format_interval(ratio: Estimate | None) -> str:
    """Return the interval of a ratio, such as `0.870–0.930`; empty where there is none."""
    if ratio is None or ratio.low is None or ratio.high is None:
        return ""
    return f"{format_factor(ratio.low)}–{format_factor(ratio.high)}"


def order_configurations(comparison: Comparison) -> list[ComparedConfiguration]:
    """Return the configurations, the worst judgement first; of one judgement, in A's order."""
    return [one for judgement in JUDGEMENTS for one in comparison.select(judgement)]


def _count_judgements(comparison: Comparison) -> list[str]:
    """Return how many configurations have each judgement, such as `1 of 9 configurations is slower`."""
    total = format_count(len(comparison.configurations), "configuration")
    parts: list[str] = []
    for judgement in JUDGEMENTS:
        if count := len(comparison.select(judgement)):
            of = f"{count}" if parts else f"{count} of {total}"
            verb = "is" if count == 1 else "are"
            parts.append(f"{of} {verb} {_name_judgement(comparison, judgement)}")
    return parts


def _name_judgement(comparison: Comparison, judgement: Judgement) -> str:
    return f"the same within {format_margin(comparison)}" if judgement == "same" else judgement


def _list_obstacles(comparison: Comparison) -> Iterator[Remark]:
    for text in comparison.obstacles:
        yield Remark("Not comparable", f"{text}.", "failure")


def _list_doubts(comparison: Comparison) -> Iterator[Remark]:
    reasons = dict.fromkeys(one.reason for one in comparison.select("undecided"))
    for reason in reasons:
        names = [one.name for one in comparison.select("undecided") if one.reason == reason]
        more = len(names) - MOST_NAMES
        listed = [*names[:MOST_NAMES], *([f"{more} more"] if more > 0 else [])]
        yield Remark("Undecided", f"{join_words(listed)}: {reason}.", "caution")


def _list_notices(comparison: Comparison) -> Iterator[Remark]:
    for text in comparison.notices:
        yield Remark("Note", text)
