"""How a budget shortens the epochs of an explanation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.runner.epoch_cut import FEWEST_BATCHES, EpochCut
from bench.runner.explanation.explain_forecast import LADDER_S, ExplainForecast
from bench.runner.first_look import FirstLook
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.workloads.own.test_own_ceiling import PROJECT
from tests.fakes import numbered_workload

LOOK = FirstLook(process_s=1.0, ends_s=0.0, batch_s=0.1, step_s=0.0)
CUT = EpochCut(100, 1_000, 10.0, look=LOOK)
FACTS = SourceFacts("dataloader", DataLoaderSettings(4), batches=1_000)
OWN = OwnLoader(Target.parse(f"{PROJECT}:loader"), FACTS, "")


def forecast(workload: Any = OWN, blocks: int = 5) -> ExplainForecast:
    """Return the forecast of two epochs, with no ceiling."""
    configuration = Configuration(OwnDataLoader(facts=FACTS), "cpu", "none", None, 1)
    run = SimpleNamespace(configuration=configuration, epochs=2)
    options = SimpleNamespace(schedule=SimpleNamespace(blocks=blocks))
    sweep = SimpleNamespace(runs=(run,), options=options, estimate_runs_s=lambda samples: [samples / 100])
    return ExplainForecast(sweep, workload, samples=500)  # type: ignore[arg-type]


def test_a_large_budget_changes_nothing() -> None:
    """Epochs are as long as without one."""
    assert forecast().shorten(CUT, 3_600) == CUT


def test_three_blocks_are_to_fit() -> None:
    """Shorter epochs with an interval tell more than long ones without."""
    found = forecast()
    cut = found.shorten(CUT, 120)
    assert FEWEST_BATCHES < cut.batches < 100
    assert cut.epoch_s == pytest.approx(0.1 * cut.batches)
    assert 3 * found.estimate_first_s(cut) == pytest.approx(120, abs=3)
    # Of fewer blocks each one may take longer.
    assert forecast(blocks=1).shorten(CUT, 120).batches > cut.batches


def test_else_the_first_block_is_to_fit() -> None:
    """And where even that is impossible, it is as short as it can be."""
    found = forecast()
    shortest_s = found.estimate_first_s(CUT.shorten(FEWEST_BATCHES))
    one = found.shorten(CUT, 1.3 * shortest_s)
    assert shortest_s < found.estimate_first_s(one) <= 1.3 * shortest_s
    assert found.shorten(CUT, 0.5 * shortest_s).batches == FEWEST_BATCHES


@pytest.mark.parametrize(
    ("cut", "workload"),
    [
        (EpochCut(100, 1_000, 10.0, asked=True, look=LOOK), OWN),
        (EpochCut(None, None, look=LOOK), OWN),
        (EpochCut(100, 1_000), OWN),
        (EpochCut(100, 100, 10.0, look=LOOK), numbered_workload(300)),
    ],
)
def test_an_epoch_that_has_its_length_keeps_it(cut, workload) -> None:
    """One that the user has cut, one of unknown length, one without a look, and one of pictures."""
    assert forecast(workload).shorten(cut, 1.0) is cut


def test_without_a_look_times_are_guessed() -> None:
    """A ladder takes longer than a trace."""
    found = forecast()
    assert found.list_s(EpochCut(100, 1_000)) == {0: 5.0, 1: 5.0, 2: 5.0 + LADDER_S}
    assert found.estimate_first_s(EpochCut(100, 1_000)) is None
