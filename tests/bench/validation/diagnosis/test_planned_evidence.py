"""Tests of the diagnosis on evidence without noise: what each planted training would measure by its plan."""

from __future__ import annotations

import functools

import pytest

from bench.analysis.explanation.explain import explain
from bench.analysis.explanation.explanation import Cause, Explanation
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
    if plant.truth.cause not in OF_THE_STEP:
        assert diagnosis.loss == pytest.approx(plant.true_share, abs=0.1)
    assert outcome.explanation.replay_error == pytest.approx(0, abs=0.1)


def test_every_cause_is_told_apart_for_sure_somewhere() -> None:
    """Near the border to too few workers a stage is only likely."""
    sure = {plant.truth.cause for plant in PLANTS if explain_plan(plant.name).diagnosis.is_sure}
    assert sure == {plant.truth.cause for plant in PLANTS}
