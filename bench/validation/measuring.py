"""Measuring: run the trial of each validation case, as a sweep would."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path

from rich.console import Console

from bench.process.forkserver import prepare_context
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.validation import fixed_cost_kernels
from bench.validation.judging import CaseResult, judge_case
from bench.validation.keeping import Failure, attempt
from bench.validation.own_case import OWN_MODULES
from bench.validation.tables import mark_result
from bench.validation.validation_case import ValidationCase

LIMITS = TrialLimits(timeout_s=60.0)


def measure_cases(cases: Sequence[ValidationCase], console: Console) -> Iterator[CaseResult]:
    """Measure the cases one after another, print a line for each, and yield its result.

    A case that can't be measured has its cause as its problem, and the others are measured.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = prepare_context((fixed_cost_kernels.__name__, *OWN_MODULES))
        for place, case in enumerate(cases, start=1):
            title = f"{place:>{len(str(len(cases)))}}/{len(cases)} {case.name}"
            # Rarely refreshed: each refresh takes milliseconds from what is measured.
            with console.status(title, refresh_per_second=2):
                found = attempt(case.name, partial(_measure_case, case, context, Path(folder) / "log"))
            result = CaseResult(case, problem=found.cause) if isinstance(found, Failure) else found
            console.print(f"{title}: {mark_result(result)}")
            yield result


def _measure_case(case: ValidationCase, context: BaseContext, log: Path) -> CaseResult:
    """Measure a case, and once more where it was wrong and disturbed from outside."""
    trial = case.trial()
    result = judge_case(case, list(TrialRunner(context, LIMITS, log).run(trial)))
    if result.right or not result.disturbed:
        return result
    again = judge_case(case, list(TrialRunner(context, LIMITS, log).run(trial)))
    return replace(again, repeated=True)
