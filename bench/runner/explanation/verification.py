"""Verification: make the changes that an explanation advises, and measure them beside the present one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bench.analysis.explanation.explanation import Advice, BreakEven, Explanation
from bench.analysis.intervals import from_cells
from bench.analysis.statistics import FEWEST_BLOCKS, Estimate
from bench.plan.configuration import Configuration
from bench.plan.plan import PlanError
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.sweep.conclusion import SweepConclusion
from bench.runner.explanation.changed_configuration import change_configuration
from bench.runner.explanation.explained_setup import ExplainedSetup
from bench.text import format_count, join_few
from bench.workloads.target.own_steps import name_length

VERIFICATION, CHECK = "verify", "check"


def verify_advice(explanation: Explanation, setup: ExplainedSetup, observer: SweepObserver) -> Explanation:
    """Measure each advice that options can make beside the present configuration, in the same blocks.

    Args:
        explanation: the explanation.
        setup: what was explained.
        observer: shows the progress.

    Returns:
        The explanation with the measured gains, and a caution for each change that couldn't be measured.

    Raises:
        The errors of `measure_sweep`.
    """
    changed: dict[int, Configuration] = {}
    cautions = []
    for place, advice in enumerate(explanation.advice):
        if not advice.knobs and advice.family == explanation.setup.family:
            # It is a change of the user's code.
            continue
        try:
            changed[place] = change_configuration(
                setup.configuration, setup.choice.offer, advice.family, advice.knobs
            )
        except PlanError as error:
            cautions.append(f"{advice.change} can't be measured: {error}.")
    if not changed:
        cautions.append("Nothing was verified: there is no advised change that an option makes here.")
        return replace(explanation, cautions=(*explanation.cautions, *cautions))
    configurations = list(dict.fromkeys([setup.configuration, *changed.values()]))
    if shortage := setup.find_shortage(_count_trials(explanation, changed)):
        cautions.append(f"Nothing was verified: {shortage}.")
        return replace(explanation, cautions=(*explanation.cautions, *cautions))
    conclusion = setup.measure(configurations, VERIFICATION, observer)
    lines = _read_lines(conclusion)
    filled = list(explanation.advice)
    for place, configuration in changed.items():
        number = configurations.index(configuration)
        actual = _read_estimate(lines, number, "ratio")
        filled[place] = replace(filled[place], actual=actual)
        if actual is None:
            cautions.append(f"{filled[place].change} has no measured gain: {_find_reason(lines, number)}.")
    cautions.extend(_list_weaknesses([filled[place] for place in changed], lines))
    return replace(
        explanation,
        advice=_sort(filled),
        cautions=(*explanation.cautions, *cautions, *_list_problems(conclusion)),
    )


def check_break_even(explanation: Explanation, setup: ExplainedSetup, observer: SweepObserver) -> Explanation:
    """Measure each configuration with a step as long as its break-even step time, and that step alone.

    Args:
        explanation: the explanation.
        setup: what was explained, an own loader.
        observer: shows the progress.

    Returns:
        The explanation with the shares of the step's own throughput that were reached.

    Raises:
        The errors of `measure_sweep`.
    """
    families = {advice.change: advice.family for advice in explanation.advice}
    checked: dict[int, Configuration] = {}
    cautions = []
    for place, point in enumerate(explanation.break_even):
        if not 0 < point.step_s < float("inf"):
            continue
        try:
            configuration = change_configuration(
                setup.configuration,
                setup.choice.offer,
                families.get(point.change, setup.configuration.spec.family),
                point.knobs,
            )
        except PlanError as error:
            cautions.append(f"{point.change} can't be checked: {error}.")
            continue
        checked[place] = replace(configuration, step=name_length(1e3 * point.step_s))
    if not checked:
        cautions.append("Nothing was checked: no break-even step time is known.")
        return replace(explanation, cautions=(*explanation.cautions, *cautions))
    configurations = list(dict.fromkeys(checked.values()))
    # Each has a step of its own, which is measured alone, too.
    if shortage := setup.find_shortage(2 * len(configurations)):
        cautions.append(f"Nothing was checked: {shortage}.")
        return replace(explanation, cautions=(*explanation.cautions, *cautions))
    conclusion = setup.measure(configurations, CHECK, observer, with_ceilings=True)
    lines = _read_lines(conclusion)
    points: list[BreakEven] = list(explanation.break_even)
    for place, configuration in checked.items():
        share = _read_estimate(lines, configurations.index(configuration), "step_share")
        points[place] = replace(points[place], checked=None if share is None else share.median)
    return replace(
        explanation,
        break_even=tuple(points),
        cautions=(*explanation.cautions, *cautions, *_list_problems(conclusion)),
    )


def _count_trials(explanation: Explanation, changed: Mapping[int, Configuration]) -> float:
    """Return how long a block is, in trials of the present configuration. A faster one takes less time."""
    gains = {changed[place]: explanation.advice[place].gain for place in changed}
    return 1 + sum(1.0 if gain is None else 1 / max(1.0, gain.median) for gain in gains.values())


def _sort(advice: list[Advice]) -> tuple[Advice, ...]:
    """Return the advice in the order of its gain: measured changes first, then those that are predicted."""

    def rank(one: Advice) -> tuple[bool, float]:
        found = one.actual or one.gain
        return one.actual is not None, found.median if found is not None else 0.0

    return tuple(sorted(advice, key=rank, reverse=True))


def _read_lines(conclusion: SweepConclusion) -> pd.DataFrame | None:
    """Return the summary by the configurations' numbers; None where nothing was measured."""
    return None if conclusion.results is None else conclusion.results.summary.set_index("configuration")


def _read_estimate(lines: pd.DataFrame | None, number: int, name: str) -> Estimate | None:
    if lines is None or number not in lines.index:
        return None
    return from_cells(lines.loc[number], name)


def _find_reason(lines: pd.DataFrame | None, number: int) -> str:
    if lines is None or number not in lines.index:
        return "it was not measured"
    line = lines.loc[number]
    return str(line["error"] or line["status"])


def _list_weaknesses(measured: Sequence[Advice], lines: pd.DataFrame | None) -> list[str]:
    """Return why measured gains can't be relied on, one sentence each: few blocks, and disturbed ones."""
    if lines is None or lines.empty:
        return []
    found = []
    few = [one.change for one in measured if one.actual is not None and one.actual.low is None]
    if few:
        named = f"gain of {few[0]} has" if len(few) == 1 else f"gains of {join_few(few)} have"
        found.append(f"The actual {named} fewer than {FEWEST_BLOCKS} blocks, and so no interval.")
    blocks, disturbed = int(lines["blocks"].max()), int(lines["disturbed_blocks"].max())
    if disturbed:
        counted = "the only block" if blocks == 1 else f"up to {disturbed} of {format_count(blocks, 'block')}"
        found.append(f"Other processes disturbed {counted} of the actual gains: see verify/runs.csv.")
    return found


def _list_problems(conclusion: SweepConclusion) -> list[str]:
    """Return what ended a sweep before its time, one sentence each."""
    found = [f"{conclusion.sweep.folder.name}: {problem}." for problem in conclusion.problems]
    if conclusion.outcome.interrupted:
        found.append(f"{conclusion.sweep.folder.name}: it was interrupted, so later blocks are missing.")
    return found
