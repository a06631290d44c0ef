"""The first lines of a sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.plan.configuration import Configuration
from bench.plan.schedule import ScheduledRun
from bench.report.sweep.opening import describe_baselines, print_start
from bench.runner.environment_record import describe_settings
from bench.workloads.script.script_file import SCRIPT_STEP
from loaders.families.dataloader import OwnDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.report.printing import capture
from tests.bench.report.sweeps import plan_sweep


def start(*arguments: str, dataset: str | None = "mine") -> list[str]:
    sweep = plan_sweep(*arguments)
    return capture(lambda c: print_start(c, sweep, 1000, dataset), width=500).splitlines()


def test_automatic_choices_are_one_line() -> None:
    """Every choice that the user left to the sweep is named."""
    choices, _ = start()
    assert (
        choices == "Chosen: device=cpu (no GPU), dataset=mine, preset=quick, num_threads=2, epochs=2 or more"
    )


def test_given_values_are_no_choices() -> None:
    """Nothing is chosen where all is given."""
    given = ("--device", "cpu", "--dataset", "synthetic", "--num-threads", "1", "--epochs", "3")
    (amount,) = start(*given, "--num-workers", "0,2")
    assert amount.startswith("2 configurations × 3 blocks × 3 epochs of 1,000 samples (mine): about ")


def test_data_that_are_not_known_yet_are_not_named() -> None:
    """A dry run looks for no data."""
    choices, amount = start(dataset=None)
    assert "dataset" not in choices
    assert "of 1,000 samples: about" in amount


def test_the_bounds_of_the_duration_are_told() -> None:
    """The budget, and the blocks that a precision may take."""
    assert start()[-1].endswith(" on two cores, 1 min 35 s at most")
    assert start("--num-workers", "0")[-1].endswith(" on two cores")
    precise = start("--num-workers", "0", "--precision", "2.5%")[-1]
    assert precise.endswith(" on two cores, then more of the fastest until ±2.5%, 5 min 0 s at most")


@pytest.mark.parametrize(("step", "bounded"), [("12ms", "step alone"), (SCRIPT_STEP, "loop")])
def test_the_memory_of_captured_batches_is_told(step, bounded) -> None:
    """The bound of it, where a user's own step or the loop of their script has a ceiling."""
    spec = OwnStepCeiling((("batch_size", 4),), 3 << 20)
    run = ScheduledRun(Configuration(spec, "cpu", step, None, 1), 0, 0, 2, frozenset({0}))
    sweep = plan_sweep("--num-workers", "0")
    options = replace(sweep.options, request=replace(sweep.options.request, step=(step,)))
    sweep = replace(sweep, options=options, runs=(run,))
    lines = capture(lambda c: print_start(c, sweep, 1000, "mine"), width=500).splitlines()
    assert lines[-1] == (
        f"The ceiling is your {bounded} on batches that are in memory already, 3 MiB of them at most"
    )
    assert describe_settings(sweep)["captured_bytes_at_most"] == 3 << 20
    assert describe_settings(plan_sweep("--num-workers", "0"))["captured_bytes_at_most"] is None


def test_a_baseline_that_is_not_the_users_own_is_told() -> None:
    """Their number of workers may not be among the values that they named."""
    theirs = OwnDataLoader(SourceFacts("dataloader", DataLoaderSettings(batch_size=4, num_workers=1)))

    def describe(*workers: int) -> list[str]:
        sweep = plan_sweep("--num-workers", "0,2")
        configurations = tuple(
            Configuration(theirs.with_knobs({"num_workers": number}), "cpu", "none", None, 1)
            for number in workers
        )
        plan = replace(sweep.plan, configurations=configurations, baselines=(0,) * len(workers))
        return describe_baselines(replace(sweep, plan=plan))

    assert describe(1, 0) == []
    assert describe(0, 2) == ["num_workers=0"]
