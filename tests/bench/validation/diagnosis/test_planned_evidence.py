"""Tests of the diagnosis on evidence without noise: what each planted training would measure by its plan."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

from bench.analysis.evidence import Pilot
from bench.analysis.explanation.explain import explain
from bench.analysis.explanation.explanation import Cause, Explanation
from bench.analysis.explanation.pilots import make_pilot
from bench.validation.diagnosis.outcome import Outcome
from bench.validation.diagnosis.plants import PLANTS
from tests.bench.validation.diagnosis.planned_evidence import make_evidence

BY_NAME = {plant.name: plant for plant in PLANTS}
# A step that hides the loading counts as what bounds, with all of its own time.
OF_THE_STEP = (Cause.STEP, Cause.BALANCED)


@functools.cache
def explain_plan(name: str) -> Explanation:
    return explain(make_evidence(BY_NAME[name]))


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_the_planted_cause_is_named_where_nothing_disturbs(plant) -> None:
    """So are its share of the epoch, the advice that helps, its gain, and slow samples."""
    outcome = Outcome(plant, explain_plan(plant.name))
    diagnosis = outcome.explanation.diagnosis
    assert outcome.is_right, diagnosis
    assert outcome.faults == ()
    if plant.plan.step_threaded:
        # No replay tells what threads lose that wait for each other.
        return
    if plant.truth.cause not in OF_THE_STEP:
        assert diagnosis.loss == pytest.approx(plant.true_share, abs=0.1)
    assert outcome.explanation.replay_error == pytest.approx(0, abs=0.1)


def test_a_trial_tells_a_crowd_from_a_slow_transport() -> None:
    """On crowded cores the training process waits for a core to receive batches, which looks like transport.

    No replay of the crowd knows that fewer workers don't have such waits. A trial with as many workers as
    there are cores does. It was once missed by a real explanation, with these shares.
    """
    crowded = BY_NAME["many-workers-script"]
    plan = replace(crowded.plan, fetch_ms=4, unpickle_ms=1.7)
    evidence = make_evidence(replace(crowded, plan=plan))
    alone = explain(evidence).diagnosis
    assert alone.cause is Cause.TRANSPORT
    few = make_evidence(replace(crowded, plan=replace(plan, num_workers=2, unpickle_ms=0)))
    change = make_pilot("dataloader", num_workers=2)
    blocks = tuple(
        replace(block, pilots=(Pilot(change, few.setup, tried.traces),))
        for block, tried in zip(evidence.blocks, few.blocks, strict=True)
    )
    found = explain(replace(evidence, blocks=blocks))
    assert (found.diagnosis.cause, found.diagnosis.is_sure) == (Cause.MANY_WORKERS, True)
    assert "workers" in [advice.kind for advice in found.advice]


def test_every_cause_is_told_apart_for_sure_somewhere() -> None:
    """Near the border to too few workers a stage is only likely."""
    sure = {plant.truth.cause for plant in PLANTS if explain_plan(plant.name).diagnosis.is_sure}
    assert sure == {plant.truth.cause for plant in PLANTS}
