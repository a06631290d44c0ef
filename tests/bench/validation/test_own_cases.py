"""Tests of own cases: their targets keep their plans, and a sweep would take them."""

from __future__ import annotations

import importlib
import sys
import time

import pytest

from bench.validation.own_case import FOLDER
from bench.validation.own_cases import OWN_CHEATS, OWN_COSTS
from bench.workloads.script.script_file import ScriptFile, is_script
from bench.workloads.target.target import Target
from loaders.spec.own_loader_spec import PARAM

OWN = (*OWN_COSTS, *OWN_CHEATS)


@pytest.fixture(scope="module")
def targets():
    """The targets' module, imported from its folder as a trial does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("own_targets")
        for name in ("own_targets", "pacing"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_a_case_names_what_is_there(case, targets) -> None:
    """The options are those of a sweep: a script gets arguments, a function parameters."""
    options = case.options()
    if is_script(options.target):
        assert ScriptFile.parse(options.target, options.script_args).path.is_file()
        assert len(options.script_args) == 2 * len(case.params)
        assert options.request.step == ("script",)
        return
    assert hasattr(targets, Target.parse(options.target).name)
    assert options.request.knobs == {f"{PARAM}{name}": (value,) for name, value in case.params.items()}
    (step,) = options.request.step
    assert ":" not in step or hasattr(targets, Target.parse(step).name)


@pytest.mark.parametrize(
    "case",
    [case for case in OWN_COSTS if case.target.endswith(":make_loader")],
    ids=lambda case: case.name,
)
def test_samples_and_rate_of_a_plan_agree(case) -> None:
    """Wait and step of a plan make its rate; a step that isn't read lasts no time."""
    readings = case.readings
    planned_s = readings.get("data_wait_s", 0) + readings.get("step_s", 0)
    assert readings["samples_per_s"] * planned_s == pytest.approx(case.params["samples"], rel=1e-6)


@pytest.mark.parametrize(
    ("planned", "least_s"),
    [({"sample_ms": 2}, 0.02), ({"collate_ms": 10}, 0.02), ({"sample_ms": 1, "first_ms": 10}, 0.02)],
)
def test_a_loader_takes_no_less_than_planned(targets, planned, least_s) -> None:
    """Two batches of 5, without a delay that a later wait could make up for."""
    began_s = time.perf_counter()
    batches = list(targets.make_loader(10, 5, **planned))
    assert time.perf_counter() - began_s >= least_s
    assert [int(point) for batch in batches for point in batch[:, 0]] == list(range(10))


def test_noisy_samples_differ_each_time(targets) -> None:
    (first,), (second,) = (list(targets.make_loader(10, 10, noisy=True)) for _ in range(2))
    assert not first.equal(second)
    assert first.floor().equal(second.floor())


@pytest.mark.parametrize(
    ("fault", "last"), [("drops", [13]), ("doubles", [13, 14, 14]), ("replaces", [13, 13])]
)
def test_a_miscounting_loader_does_what_its_name_says(targets, fault, last) -> None:
    numbers = [int(batch[0, 0]) // 20 for batch in targets.make_miscounting(fault)]
    assert numbers == [*range(13), *last]


def test_only_a_later_epoch_leaves_a_sample_out(targets) -> None:
    loader = targets.make_stream(40, 20, fault="late")
    assert [sum(map(len, loader)) for _ in range(3)] == [40, 39, 39]
