"""Tests of the planted trainings: their truths follow from their plans, and their files keep them."""

from __future__ import annotations

import importlib
import inspect
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.explanation.explanation import Cause
from bench.validation.diagnosis.epoch_plan import BATCH_SIZE, NOT_TOLD, EpochPlan
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.truth import CORES, TIMES, TRANSFORMS, find_share
from bench.validation.own_case import FOLDER
from bench.workloads.script.script_file import ScriptFile
from bench.workloads.target.target import Target
from loaders.spec.own_loader_spec import PARAM

IDS = [plant.name for plant in PLANTS]
# The stages of loading. They are the cause only where one more worker would not do.
STAGES = (Cause.FETCH, Cause.TRANSFORM, Cause.COLLATE)
# Where these are the cause, a stage or the step without its time would save as much.
OF_THE_MACHINE = (Cause.FEW_WORKERS, Cause.MANY_WORKERS, Cause.STARVED)
IDLE = {"order_ms": 0, "fetch_ms": 0, "transform_ms": 0, "other_ms": 0, "collate_ms": 0}


@pytest.fixture(scope="module")
def planted():
    """The planted module, imported from its folder as a trial does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("planted")
        for name in ("planted", "pacing"):
            sys.modules.pop(name, None)


def test_every_cause_is_planted_in_a_loader_and_in_a_script() -> None:
    """The transfer of a script is its own step."""
    assert len(set(IDS)) == len(PLANTS)
    for is_script in (False, True):
        planted_causes = {plant.truth.cause for plant in PLANTS if plant.is_script == is_script}
        lacking = set(Cause) - planted_causes - {Cause.UNDECIDED, Cause.BALANCED}
        assert lacking == ({Cause.TRANSFER} if is_script else set())


@pytest.mark.parametrize("plant", PLANTS, ids=IDS)
def test_the_planted_cause_costs_most(plant) -> None:
    """No other cause costs more, but the stages that others slow down. The step is the training itself."""
    truth, share = plant.truth, plant.true_share
    if truth.cause is Cause.BALANCED:
        assert share == 0
        return
    assert 0.2 < share < 0.95
    exempt = {truth.cause, *truth.also, *(STAGES if truth.cause in OF_THE_MACHINE else ()), Cause.STEP}
    for cause in TIMES.keys() - exempt:
        other = find_share(plant.plan, cause, is_script=plant.is_script)
        assert other < share, cause


@pytest.mark.parametrize(
    "plant", [plant for plant in PLANTS if plant.truth.cause in STAGES], ids=lambda p: p.name
)
def test_one_more_worker_would_not_hide_a_slow_stage(plant) -> None:
    plan = plant.plan
    more = replace(plan, num_workers=max(plan.num_workers + 1, CORES))
    assert more.wall_s > 1.15 * replace(plan, **IDLE).wall_s


@pytest.mark.parametrize(
    "plant", [plant for plant in PLANTS if plant.truth.cause is Cause.FEW_WORKERS], ids=lambda p: p.name
)
def test_one_more_worker_would_hide_the_loading(plant) -> None:
    plan = replace(plant.plan, persistent=True)
    more = replace(plan, num_workers=max(plan.num_workers + 1, CORES))
    first_s = plan.fetch_ms * 1e-3
    assert more.wall_s - first_s < 1.05 * plan.batches * plan.step_ms * 1e-3


@pytest.mark.parametrize(
    "plant", [plant for plant in PLANTS if plant.truth.gains_nothing], ids=lambda p: p.name
)
def test_nothing_can_be_gained_where_that_is_the_truth(plant) -> None:
    ideal = replace(plant.plan, **IDLE, persistent=True)
    assert plant.plan.wall_s < 1.1 * ideal.wall_s


def test_a_neighbour_is_what_takes_the_core() -> None:
    for plant in PLANTS:
        assert (plant.plan.cores < CORES) == plant.has_neighbour == (plant.truth.cause is Cause.STARVED)
        if plant.has_neighbour:
            # With both cores there would be nothing to gain.
            alone = replace(plant.plan, cores=CORES, persistent=True)
            assert alone.wall_s < 1.1 * replace(alone, **IDLE).wall_s


def test_the_slow_transform_is_named() -> None:
    assert {plant.stage for plant in PLANTS if plant.truth.cause is Cause.TRANSFORM} == set(TRANSFORMS)
    others = [plant for plant in PLANTS if plant.truth.cause is not Cause.TRANSFORM]
    assert {plant.stage for plant in others} == {"", "order"}
    assert all((plant.stage == "order") == bool(plant.plan.order_ms) for plant in others)


@pytest.mark.parametrize("plant", PLANTS, ids=IDS)
def test_a_plant_is_told_to_what_is_there(plant, planted) -> None:
    """Its options are those of the command: a script gets arguments, a function parameters."""
    options = plant.make_options(3, Path("out"))
    known = inspect.signature(planted.make_planted).parameters
    assert options.schedule.blocks == 3
    if plant.has_pictures:
        assert options.target is None
        assert options.dataset == f"synthetic:{plant.plan.batches * BATCH_SIZE}"
        assert options.request.knobs["num_workers"] == (plant.plan.num_workers,)
        return
    if plant.is_script:
        script = ScriptFile.parse(options.target, options.script_args)
        told = dict(zip(script.arguments[::2], script.arguments[1::2], strict=True))
        names = {name.removeprefix("--").replace("-", "_") for name in told}
        assert names - {"step_ms", "step_busy", "step_threaded"} <= known.keys()
        assert float(told["--step-ms"]) == plant.plan.step_ms
        assert float(told["--transfer-ms"] if plant.plan.transfer_ms else 0) == plant.plan.transfer_ms
        return
    assert hasattr(planted, Target.parse(options.target).name)
    knobs = options.request.knobs
    assert {name.removeprefix(PARAM) for name in knobs} <= known.keys()
    assert "param.transfer_ms" not in knobs
    assert options.request.step != ("0ms",)


def test_a_plan_has_the_defaults_of_its_file(planted) -> None:
    """A value that is a plan's default isn't told."""
    known = inspect.signature(planted.make_planted).parameters
    for name, value in vars(EpochPlan()).items():
        if name not in (*NOT_TOLD, "batches"):
            assert known[name].default == value, name
    assert planted.BATCH_SIZE == BATCH_SIZE
    assert tuple(kind.__name__ for kind in planted.Transform.__subclasses__()) == TRANSFORMS


def test_the_busy_step_is_as_long_as_planned(planted) -> None:
    for plant in PLANTS:
        if plant.plan.step_busy and not plant.is_script:
            assert plant.plan.step_ms == planted.BUSY_STEP_MS
    began_s = time.thread_time()
    planted.make_busy_step()(None)
    assert time.thread_time() - began_s >= planted.BUSY_STEP_MS * 1e-3


@pytest.mark.parametrize(
    ("arguments", "least_ms"),
    [
        ({"fetch_ms": 4}, 8),
        ({"fetch_ms": 4, "busy": True}, 8),
        ({"order_ms": 4}, 8),
        ({"slow_transform": 3, "transform_ms": 4, "other_ms": 0.4}, 10.4),
        ({"slow_transform": 2, "transform_ms": 4, "other_ms": 0.4, "nested": True, "busy": True}, 10.4),
        ({"collate_ms": 4}, 8),
        ({"open_ms": 9}, 9),
        ({"slow_samples": 2, "slow_ms": 4}, 8),
        ({"payload_mb": 1}, 0),
        ({"unpickle_ms": 4}, 0),
    ],
)
def test_a_loader_takes_no_less_than_planned(planted, arguments, least_ms) -> None:
    """Two batches without workers: nothing is read from a pipe."""
    began_s = time.perf_counter()
    batches = list(planted.make_planted(batches=2, num_workers=0, **arguments))
    assert time.perf_counter() - began_s >= least_ms * 1e-3
    samples = [batch if not isinstance(batch, tuple) else batch.samples for batch in batches]
    # A transform adds 1 to each sample.
    added = 4 if "slow_transform" in arguments else 0
    firsts = [int(point) for batch in samples for point in batch[:, 0]]
    assert firsts == list(range(added, 8 + added))


def test_slow_samples_are_those_of_the_plan(planted) -> None:
    for plant in PLANTS:
        if plant.plan.slow_samples:
            samples = plant.plan.batches * BATCH_SIZE
            assert planted.list_slow(samples, plant.plan.slow_samples) == set(plant.plan.slow_indices)
            # One in a hundred.
            assert plant.plan.slow_samples == round(samples / 100)


def test_workers_read_annotations_slowly(planted) -> None:
    """Each of two batches is read from the pipe in its time, and an array arrives as one."""
    began_s = time.perf_counter()
    batches = list(planted.make_planted(batches=2, num_workers=1, unpickle_ms=20, start_ms=5, transfer_ms=3))
    assert time.perf_counter() - began_s >= 0.045
    began_s = time.perf_counter()
    assert batches[0].to("cpu") is batches[0]
    assert time.perf_counter() - began_s >= 0.003
    (batch,) = planted.make_planted(batches=1, num_workers=1, payload_mb=1)
    assert batch.extra.shape == (BATCH_SIZE, 2**20 // BATCH_SIZE)
