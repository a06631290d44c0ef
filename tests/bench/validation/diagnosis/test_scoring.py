"""Tests of what scoring needs beside an explanation: two cores, a neighbour, a transfer, costs."""

from __future__ import annotations

import math
import os
import pickle
import sys
import time
from dataclasses import replace

import psutil
import pytest

from bench.plan.configuration import Configuration
from bench.trial.trial import Trial
from bench.validation.diagnosis import machine_costs
from bench.validation.diagnosis.neighbour import PROCESSES, keep_to_cores, run_neighbour
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.scoring import explain_plant
from bench.validation.diagnosis.slow_pictures import SlowPictureChoice, SlowPictures
from bench.validation.diagnosis.slow_transfer import SlowTransfer
from bench.workloads.choice import PictureChoice
from loaders.families.torch_dataloader import TorchDataLoader

BY_NAME = {plant.name: plant for plant in PLANTS}
pins = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process")


@pins
def test_trials_keep_to_two_cores() -> None:
    before = os.sched_getaffinity(0)
    with keep_to_cores():
        assert os.sched_getaffinity(0) == set(sorted(before)[:2])
    assert os.sched_getaffinity(0) == before


@pins
def test_a_neighbour_takes_one_core_and_ends_with_its_block() -> None:
    before = set(psutil.Process().children())
    with run_neighbour():
        processes = set(psutil.Process().children()) - before
        assert len(processes) == PROCESSES
        deadline = time.monotonic() + 20
        # It pins itself once it runs.
        while any(process.cpu_affinity() != [max(os.sched_getaffinity(0))] for process in processes):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not any(process.is_running() for process in processes)


def test_a_slow_transfer_takes_its_time() -> None:
    transfer = SlowTransfer(5)
    batch = object()
    began_s = time.perf_counter()
    assert transfer(batch) is batch
    assert time.perf_counter() - began_s >= 5e-3
    transfer.wait()


def test_costs_of_the_machine_are_measured(monkeypatch) -> None:
    """With workers, as quickly as possible. An array isn't made a tensor, or it would not cross the pipe."""
    quick = {"REPEATS": 1, "WORKERS": 3, "ARRAY_MB": 4, "ARRAYS": 3, "CONTEXT": "fork", "IMPORTS": 1}
    for name, value in {**quick, "BATCHES": 4, "EPOCHS": 1}.items():
        monkeypatch.setattr(machine_costs, name, value)
    monkeypatch.setattr(sys, "path", sys.path[:])
    (costs,) = machine_costs._measure()
    assert 0 <= costs.worker_ms < math.inf
    assert 0 <= costs.pipe_ms < math.inf
    assert costs.threaded_step_ms > 0
    assert 0 <= costs.crowd_ms < math.inf
    for name in ("planted", "pacing"):
        sys.modules.pop(name, None)
    first = next(iter(machine_costs._make_loader(workers=0, megabytes=1)))
    assert type(first).__name__ == "ndarray"


def test_a_planted_transfer_is_explained(context, tmp_path) -> None:
    """A real explanation, as short as can be. No wait is shorter than planned."""
    transfer = BY_NAME["transfer"]
    plant = replace(
        transfer, plan=replace(transfer.plan, batches=8, num_workers=0, transfer_ms=20, fetch_ms=1)
    )
    found = explain_plant(plant, 1, tmp_path / "out")
    assert found.setup.name == plant.make_options(1, tmp_path).target
    (part,) = [part for part in found.parts if part.name == "transfer"]
    assert part.batch_s.median >= 20e-3


def test_slow_pictures_take_their_time() -> None:
    """Those of the given indices."""
    pictures = SlowPictures(["a", "b"], 0.0, frozenset({1}), 5e-3)
    assert (len(pictures), pictures[0]) == (2, "a")
    began_s = time.perf_counter()
    assert pictures[1] == "b"
    assert time.perf_counter() - began_s >= 5e-3


def test_the_times_of_pictures_reach_their_processes(tmp_path) -> None:
    """They are put around the dataset of the family's loader, where nothing was captured."""
    plan = BY_NAME["stragglers-pictures"].plan
    choice = SlowPictureChoice(PictureChoice("synthetic:20", tmp_path, None), plan)
    workload = pickle.loads(pickle.dumps(choice.find(print, print)))
    assert (workload.fetch_ms, workload.slow, workload.slow_ms) == (9, plan.slow_indices, 150)
    configuration = Configuration(TorchDataLoader(batch_size=4), "cpu", "none", None, 1)
    trial = Trial(configuration, 0, 0, 0, 0, workload, 1, seed=0, audited=False)
    training = workload.make_training(trial)
    dataset = training.pipeline.loader.dataset
    assert isinstance(dataset, SlowPictures)
    assert len(dataset) == 20
