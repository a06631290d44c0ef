"""The step time from which on a loader no longer matters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.break_even import PRESENT, find_break_even
from bench.analysis.explanation.explanation import Advice
from bench.analysis.replay.predictor import Predictor
from tests.bench.analysis.explanation.planted import BASE
from tests.bench.analysis.replay.traces import hide_inside

ADVICE = (
    Advice("4 workers instead of 2", "workers", None, "own", {"num_workers": 4}),
    Advice("samples kept in memory", "in memory", None, "in_memory", {}),
    Advice("pin_memory=True", "pinning", None, "own", {"pin_memory": True}),
    Advice("persistent_workers=True", "persistent", None, "own", {"persistent_workers": True}),
)


def test_more_workers_halve_the_step() -> None:
    """Only changes that can be replayed and move the step have one, in the order of step time."""
    loader = replace(BASE, fetch_s=0.02, cores=16, batches=400, start_s=0.0, end_s=0.0, hand_s=1e-5)
    found = find_break_even(Predictor(loader.make_evidence()), ADVICE)
    assert [one.change for one in found] == ["4 workers instead of 2", PRESENT]
    assert found[1].step_s == pytest.approx(2 * found[0].step_s, rel=0.1)
    assert found[1].step_s == pytest.approx(0.021 / 2, rel=0.15)
    assert found[0].knobs == {"num_workers": 4}


def test_without_workers_there_is_none_as_it_is() -> None:
    """Loading and step take turns: the first numbers of workers are told instead, each once."""
    loader = replace(BASE, num_workers=0, batches=400)
    one = Advice("1 worker instead of none", "workers", None, "own", {"num_workers": 1})
    for advice in ((), (one,)):
        found = find_break_even(Predictor(loader.make_evidence()), advice)
        assert {point.change for point in found} == {"1 worker instead of none", "2 workers instead of none"}
        assert len(found) == 2


def test_a_loader_that_cannot_be_replayed_has_none() -> None:
    """Some other library's iterable."""
    assert find_break_even(Predictor(hide_inside(BASE.make_evidence())), ADVICE) == ()
