"""What a configuration that was explained takes to be measured again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from bench.plan.offer import Offer
from bench.runner.explanation.explained_setup import ExplainedSetup, KnownChoice
from tests.bench.report.sweeps import plan_sweep


def test_a_budget_has_time_for_a_block_or_lacks_it() -> None:
    """Without a budget there is always time."""
    sweep = plan_sweep("--num-workers", "0", "--budget", "10")
    choice = KnownChoice(SimpleNamespace(), Offer.for_pictures(), 60_000)
    setup = ExplainedSetup(sweep, choice, trial_s=4.0)
    assert setup.find_shortage(2.5) == ""
    assert setup.find_shortage(3) == "a block takes about 12 s, and the budget has 10 s left"
    unlimited = replace(sweep, options=replace(sweep.options, budget_s=None))
    assert replace(setup, sweep=unlimited).find_shortage(1000) == ""
