"""Whole sweeps on a real GPU. They leave nothing there."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest
import torch

from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.records.results_folder import read_ceilings, read_device, read_runs
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from tests.bench.real_sweep import ROOT
from tests.fakes import numbered_workload

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

# The sweep's own process, and whether it has started CUDA by its end.
SWEEP = """
import sys, torch
from bench.sweep import main
try:
    main()
finally:
    print("CUDA was started" if torch.cuda.is_initialized() else "CUDA was not started")
"""


def sweep(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SWEEP, "--dataset", "synthetic:3000", "--blocks", "1", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_family_is_measured_and_audited(tmp_path) -> None:
    """Each runs with and without graphs on the GPU; the sweep's own process holds nothing there."""
    done = sweep(
        "--family", "torch_dataloader,batched_dataloader,tensor_slice,memory_map,device_resident",
        "--num-workers", "0", "--device", "cuda", "--cuda-graph", "off,on", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CUDA was not started" in done.stdout
    runs, device = read_runs(tmp_path / "out"), read_device(tmp_path / "out")
    assert set(runs["device"]) == {"cuda"}
    assert set(runs["status"]) == {"ok"}
    assert set(runs["cuda_graph"]) == {"off", "on"}
    assert len(set(runs["configuration"])) == 10
    assert sorted(device["configuration"]) == list(range(10))
    assert (device["step_s"] > 0).all()
    transferred = device["family"] != "device_resident"
    assert (device.loc[transferred, "transfer_s"] > 0).all()
    assert (device.loc[~transferred, "transfer_s"] == 0).all()
    assert (device["audited_share"] == 1).all()
    assert set(read_ceilings(tmp_path / "out")["family"]) == {"step_ceiling", "read_ceiling", "bus_ceiling"}
    assert (tmp_path / "out" / "time_on_device.png").exists()


def test_cpu_and_gpu_side_by_side(tmp_path) -> None:
    """Both devices are measured, each against its own baseline."""
    done = sweep("--family", "tensor_slice", "--device", "cpu,cuda", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    runs = read_runs(tmp_path / "out")
    assert set(runs["device"]) == {"cpu", "cuda"}
    assert set(runs.loc[runs["device"] == "cpu", "gpu_memory_bytes"].isna()) == {True}
    for _, rows in runs.groupby("device"):
        assert set(rows["baseline"]) == set(rows["configuration"])


@pytest.mark.alone
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("family", ["tensor_slice", "device_resident"])
def test_the_memory_of_the_gpu_is_free_again(family, graph, context, tmp_path) -> None:
    """The trial and its repetition hold none when they are over."""
    request = Request(family=(family,), knobs={"batch_size": (64,)}, device=("cuda",), cuda_graph=(graph,))
    (configuration,) = make_plan(request, Machine(cuda=True, num_threads=1)).configurations
    trial = Trial(configuration, 0, 0, 0, 0, numbered_workload(3000), 2, 0)
    runner = TrialRunner(context, TrialLimits(120), tmp_path / "log")
    torch.cuda.synchronize()
    before, _ = torch.cuda.mem_get_info()
    rows = [row for block in range(2) for row in runner.run(replace(trial, block=block))]
    assert [row.status for row in rows] == ["ok"] * len(rows)
    after, _ = torch.cuda.mem_get_info()
    # Less than a context takes, which is hundreds of MiB; others may use the GPU meanwhile.
    assert before - after < 64 << 20


def measure_peak_bytes(num_workers: int, context, folder) -> int:
    """Return the most memory of the GPU that a trial and its workers hold at once."""
    knobs = {"batch_size": (64,), "num_workers": (num_workers,), "pin_memory": (True,)}
    request = Request(family=("torch_dataloader",), knobs=knobs, device=("cuda",))
    (configuration,) = make_plan(request, Machine(cuda=True, num_threads=1)).configurations
    # An audited trial would start a second process for its repetition.
    trial = Trial(configuration, 0, 0, 0, 0, numbered_workload(10_000), 2, 0, audited=False)
    runner = TrialRunner(context, TrialLimits(120), folder / "log")
    torch.cuda.synchronize()
    before, _ = torch.cuda.mem_get_info()
    free = [before]
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.01):
            free.append(torch.cuda.mem_get_info()[0])

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        rows = list(runner.run(trial))
    finally:
        ended.set()
        sampler.join()
    assert [row.status for row in rows] == ["ok"] * len(rows)
    return before - min(free)


@pytest.mark.alone
def test_only_the_training_process_has_a_context(context, tmp_path) -> None:
    """A trial with four workers holds the memory of one context, as one without workers does."""
    alone = measure_peak_bytes(0, context, tmp_path)
    assert alone > 64 << 20
    assert measure_peak_bytes(4, context, tmp_path) < 1.5 * alone
