"""Tests of what is made ready before a part of a tuning begins."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.process.running_clock import read_running_s
from bench.runner.tuning import stages
from bench.runner.tuning.stages import StageSetup
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts

FACTS = SourceFacts("dataloader", DataLoaderSettings(8), map_style=True)
SPECS = (OwnDataLoader(facts=FACTS), InMemory(facts=FACTS), InMemory(facts=FACTS, copy=True))


def make_setup(ends_s: float) -> StageSetup:
    """Return the setup of three configurations, of which two need decoded samples."""
    configurations = tuple(Configuration(spec.resolve(), "cpu", "none", None, 1) for spec in SPECS)
    plan, unused = Plan(configurations, (0, 0, 0), (), {}), None
    sweep: Any = PreparedSweep(unused, unused, plan, (), (), Path("out"))  # type: ignore[arg-type]
    return StageSetup(sweep, plan, (), unused, None, None, unused, ends_s)  # type: ignore[arg-type]


@pytest.mark.parametrize(("left_s", "most_s"), [(60.0, 30.0), (4.0, 10.0), (math.inf, None)])
def test_files_that_cannot_be_made_are_tried_once(
    monkeypatch: pytest.MonkeyPatch, left_s: float, most_s: float | None
) -> None:
    """A user's dataset may hang, so it leaves time of the budget for others."""
    tried: list[list[str]] = []

    def prepare(sweep: PreparedSweep, _workload: Any, _observer: Any, within_s: float | None) -> Any:
        tried.append([one.spec.family for one in sweep.plan.configurations])
        assert within_s == (None if most_s is None else pytest.approx(most_s, abs=0.5))
        return {SPECS[1].files_key: "it hangs"} if "in_memory" in tried[-1] else {}

    monkeypatch.setattr(stages, "prepare_loaders", prepare)
    setup, none = make_setup(read_running_s() + left_s), None
    for numbers in ([0], [0, 1, 2], [0, 1, 2]):
        setup._prepare_loaders(none, numbers, none)  # type: ignore[arg-type]
    assert tried == [["dataloader"], ["dataloader", "in_memory", "in_memory"], ["dataloader"]]
    assert setup.unprepared == {SPECS[1].files_key: "it hangs"}
