"""The changes that are advised, measured; with sweeps that measure nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bench.analysis.explanation.explanation import Advice, BreakEven
from bench.analysis.intervals import to_cells
from bench.analysis.statistics import Estimate
from bench.plan.configuration import Configuration
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.sweep.outcome import SweepOutcome
from bench.runner.explanation.verification import check_break_even, verify_advice
from tests.bench.report.explain.explanations import about, fetch_bound
from tests.bench.runner.explanation.test_changed_configuration import OFFER, PRESENT


@dataclass
class FakeSetup:
    """A setup whose sweeps find these figures.

    Attributes:
        found: estimate of each configuration by its number, and the reason where there is none.
        measured: names of the sweeps, each with its configurations.
        blocks: number of their blocks.
        disturbed: number of the disturbed ones.
        shortage: why the budget has no time for a block.
        asked: lengths of the blocks that it was asked of, in trials.
    """

    found: Sequence[Estimate | str]
    outcome: SweepOutcome = field(default_factory=SweepOutcome)
    measured: list[tuple[str, Sequence[Configuration], bool]] = field(default_factory=list)
    blocks: int = 5
    disturbed: int = 0
    shortage: str = ""
    asked: list[float] = field(default_factory=list)
    configuration: Configuration = PRESENT
    choice: Any = field(default_factory=lambda: SimpleNamespace(offer=OFFER))

    def find_shortage(self, trials: float) -> str:
        self.asked.append(trials)
        return self.shortage

    def measure(self, configurations, name, observer, *, with_ceilings=False) -> Any:
        self.measured.append((name, configurations, with_ceilings))
        lines = [
            {
                "configuration": number,
                "blocks": self.blocks,
                "disturbed_blocks": self.disturbed,
                **to_cells("ratio", one if isinstance(one, Estimate) else None),
                **to_cells("step_share", one if isinstance(one, Estimate) else None),
                "status": "ok" if isinstance(one, Estimate) else "failed",
                "error": one if isinstance(one, str) else "",
            }
            for number, one in enumerate(self.found)
        ]
        results = SimpleNamespace(summary=pd.DataFrame(lines))
        sweep = SimpleNamespace(folder=Path("out") / name)
        return SimpleNamespace(results=results, sweep=sweep, outcome=self.outcome, problems=())


def make_advice(change: str, gain: float, family: str = "dataloader", **knobs: Any) -> Advice:
    return Advice(change, "workers", about(gain), family, knobs)


MORE = make_advice("4 workers instead of 2", 1.8, num_workers=4)
THREADS = make_advice("one thread instead of 2", 1.2, num_threads=1)
CODE = make_advice("a faster Resize", 1.5)
BAD = make_advice("pinned memory", 1.1, pin_memory=True)


def explain(*advice: Advice, break_even: Sequence[BreakEven] = ()) -> Any:
    setup = replace(fetch_bound().setup, family="dataloader")
    return replace(fetch_bound(), setup=setup, advice=advice, break_even=tuple(break_even), cautions=())


def test_each_change_is_measured_beside_the_present_configuration() -> None:
    """In one sweep; a change of the user's code is not made. What was measured comes first."""
    setup = FakeSetup([about(1.0), about(1.05), about(1.3)])
    found = verify_advice(explain(MORE, CODE, THREADS), setup, SweepObserver())
    ((name, configurations, with_ceilings),) = setup.measured
    assert (name, with_ceilings) == ("verify", False)
    assert configurations[0] == PRESENT
    assert [one.spec.knobs()["num_workers"] for one in configurations] == [2, 4, 2]
    assert [one.num_threads for one in configurations] == [2, 2, 1]
    assert {one.change: one.actual for one in found.advice} == {
        MORE.change: about(1.05), CODE.change: None, THREADS.change: about(1.3),
    }  # fmt: skip
    assert [one.change for one in found.advice] == [THREADS.change, MORE.change, CODE.change]
    assert [one.gain for one in found.advice] == [about(1.2), about(1.8), about(1.5)]
    assert found.cautions == ()


def test_a_change_that_cannot_be_measured_is_a_caution() -> None:
    """Before the sweep or in it."""
    setup = FakeSetup([about(1.0), "out of memory"], SweepOutcome(interrupted=True))
    found = verify_advice(explain(MORE, BAD), setup, SweepObserver())
    assert [one.actual for one in found.advice] == [None, None]
    assert found.cautions == (
        "pinned memory can't be measured: pin_memory=on needs a CUDA device to feed.",
        "4 workers instead of 2 has no measured gain: out of memory.",
        "verify: it was interrupted, so later blocks are missing.",
    )


def test_gains_of_few_or_disturbed_blocks_are_a_caution() -> None:
    """The figures stand beside predictions, and may differ from them for this reason alone."""
    few = Estimate(0.95, None, None, 1)
    setup = FakeSetup([Estimate(1.0, None, None, 1), few], blocks=1, disturbed=1)
    assert verify_advice(explain(MORE), setup, SweepObserver()).cautions == (
        "The actual gain of 4 workers instead of 2 has fewer than 3 blocks, and so no interval.",
        "Other processes disturbed the only block of the actual gains: see verify/runs.csv.",
    )
    # The budget may have left blocks of one change out.
    setup = FakeSetup([about(1.0), about(1.8), few])
    assert verify_advice(explain(MORE, THREADS), setup, SweepObserver()).cautions == (
        "The actual gain of one thread instead of 2 has fewer than 3 blocks, and so no interval.",
    )


def test_a_block_that_the_budget_has_no_time_for_is_not_begun() -> None:
    """A faster change takes less of it. A check has the step alone beside each configuration."""
    setup = FakeSetup([], shortage="a block takes about 12 s, and the budget has 5 s left")
    found = verify_advice(explain(MORE, CODE, THREADS), setup, SweepObserver())
    assert found.cautions == (f"Nothing was verified: {setup.shortage}.",)
    points = [BreakEven("as it is", 0.0125), BreakEven(MORE.change, 0.006, {"num_workers": 4})]
    checked = check_break_even(explain(MORE, break_even=points), setup, SweepObserver())
    assert checked.cautions == (f"Nothing was checked: {setup.shortage}.",)
    assert setup.asked == [pytest.approx(1 + 1 / 1.8 + 1 / 1.2), 4]
    assert setup.measured == []


@pytest.mark.parametrize("advice", [(), (CODE,), (BAD,)])
def test_without_a_change_nothing_is_measured(advice) -> None:
    """The explanation stays as it is, and says so."""
    setup = FakeSetup([])
    found = verify_advice(explain(*advice), setup, SweepObserver())
    assert setup.measured == []
    assert found.advice == advice
    assert len(found.cautions) == 1 + advice.count(BAD)
    assert found.cautions[-1] == "Nothing was verified: there is no advised change that an option makes here."
    checked = check_break_even(explain(break_even=[BreakEven("never", float("inf"))]), setup, SweepObserver())
    assert checked.cautions == ("Nothing was checked: no break-even step time is known.",)
    assert setup.measured == []


def test_break_even_steps_are_run() -> None:
    """Each beside its own step alone."""
    points = [
        BreakEven("as it is", 0.0125), BreakEven(MORE.change, 0.006, {"num_workers": 4}),
        BreakEven("never", float("inf")),
    ]  # fmt: skip
    setup = FakeSetup([about(0.97), "failed at once"])
    found = check_break_even(explain(MORE, break_even=points), setup, SweepObserver())
    ((name, configurations, with_ceilings),) = setup.measured
    assert (name, with_ceilings) == ("check", True)
    assert [(one.step, one.spec.knobs()["num_workers"]) for one in configurations] == [
        ("12.5ms", 2),
        ("6ms", 4),
    ]
    assert [point.checked for point in found.break_even] == [0.97, None, None]
