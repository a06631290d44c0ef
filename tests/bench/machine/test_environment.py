"""What is recorded beside the figures."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import torch

from bench.machine import environment as recorded
from bench.machine.cpu_checks import count_usable_cores
from bench.machine.environment import cpu_name, describe_environment
from bench.machine.gpu import GpuSnapshot, inspect_gpu
from tests.fakes import numbered_dataset


def test_everything_that_explains_a_figure_is_there() -> None:
    """Machine, cores, memory, versions, threads, data, command, load."""
    found = describe_environment(numbered_dataset(), ["--blocks", "2", "--name", "a b"])
    assert found["command"] == "python -m bench.sweep --blocks 2 --name 'a b'"
    assert found["dataset"]["name"] == "numbered:300"
    assert found["versions"]["torch"] == torch.__version__.partition("+")[0] or found["versions"]["torch"]
    assert found["torch"]["num_threads"] == torch.get_num_threads()
    assert found["machine"]["memory_bytes"] > 2**28
    assert {"commit", "gpu", "started_at"} <= set(found)


def test_it_is_json() -> None:
    """Unknown is null."""
    assert json.loads(json.dumps(describe_environment(numbered_dataset(), [])))


def test_no_name_or_path_of_the_machine() -> None:
    """A folder of results can be shown to anyone."""
    text = json.dumps(describe_environment(numbered_dataset(), []))
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


def test_cores_are_those_that_may_be_used() -> None:
    """No more than the affinity."""
    assert 0 < count_usable_cores() <= len(os.sched_getaffinity(0))


def test_the_cpu_has_a_name() -> None:
    """On Linux from the kernel."""
    assert cpu_name()


@pytest.fixture
def no_cuda_here(monkeypatch: pytest.MonkeyPatch):
    """A GPU that CUDA finds, and that this process must not begin to use."""

    def refuse(*_: object) -> None:
        raise AssertionError("CUDA was initialised in this process")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for name in (
        "init",
        "_lazy_init",
        "current_device",
        "get_device_properties",
        "set_device",
        "synchronize",
    ):
        monkeypatch.setattr(torch.cuda, name, refuse)
    inspect_gpu.cache_clear()
    yield
    inspect_gpu.cache_clear()


@pytest.mark.skipif(sys.platform == "win32", reason="a script can't be run there by its first line")
def test_the_gpu_is_looked_at_by_another_process(
    no_cuda_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This one starts no CUDA; the facts go to environment.json as they are told, unknowns as null."""
    facts = {
        "name": "NVIDIA H100 80GB HBM3", "memory_bytes": 85_000_000_000, "capability": "9.0", "count": 1,
        "driver": "580.65.06", "power_limit_w": None,
    }  # fmt: skip
    told = json.dumps({"facts": facts, "utilization": 0.0, "used_bytes": 0})
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ncat <<'END'\nloaderbench-gpu {told}\nEND\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert recorded.describe_gpu() == facts
    assert json.loads(json.dumps(describe_environment(numbered_dataset(), [])))["gpu"] == facts


def test_a_gpu_that_the_other_process_cannot_use_is_none(no_cuda_here, monkeypatch) -> None:
    """It fails by itself: no error arrives here."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert recorded.describe_gpu() is None


def test_a_gpu_of_which_nothing_is_known_is_none(monkeypatch) -> None:
    """Null in environment.json."""
    monkeypatch.setattr(recorded, "look", lambda: None)
    assert recorded.describe_gpu() is None
    monkeypatch.setattr(recorded, "look", lambda: GpuSnapshot({"name": "Some GPU"}, None, None))
    assert recorded.describe_gpu() == {"name": "Some GPU"}
