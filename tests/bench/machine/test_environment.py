"""The environment that is recorded beside the results."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.machine import environment
from bench.machine.cpu_checks import count_usable_cores
from bench.machine.environment import describe_environment, describe_gpu, find_cpu_name
from bench.machine.gpu import GpuSnapshot, inspect_gpu
from bench.process.fresh_interpreter import MARK

# Name and digest of the data.
DATA = ("numbered:300", "0" * 64)


def test_everything_that_explains_a_figure_is_there() -> None:
    """Command, data, versions, threads and memory are recorded as they are."""
    found = describe_environment(*DATA, "loaderbench sweep --blocks 2 --name 'a b'")
    assert found["command"] == "loaderbench sweep --blocks 2 --name 'a b'"
    assert found["dataset"]["name"] == "numbered:300"
    assert found["versions"]["torch"] == importlib.metadata.version("torch")
    assert torch.__version__.startswith(found["versions"]["torch"].partition("+")[0])
    assert found["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["versions"]["cuda"] == torch.version.cuda
    assert found["torch"]["num_threads"] == torch.get_num_threads()
    assert found["machine"]["memory_bytes"] > 2**28
    assert {"commit", "gpu", "started_at"} <= set(found)


def test_it_is_json() -> None:
    """The description can be written as JSON."""
    assert json.loads(json.dumps(describe_environment(*DATA, "")))


def test_no_name_or_path_of_the_machine() -> None:
    """A folder of results may be published."""
    text = json.dumps(describe_environment(*DATA, ""))
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


@pytest.mark.parametrize("missing", ["loaderbench", "triton"])
def test_a_package_that_is_not_installed_has_no_version(monkeypatch, missing) -> None:
    """Its version is unknown, and the others have theirs."""
    find = importlib.metadata.version

    def find_others(name: str) -> str:
        if name == missing:
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(importlib.metadata, "version", find_others)
    versions = describe_environment(*DATA, "")["versions"]
    assert versions[missing] is None
    assert versions["torch"] == find("torch")


def test_the_commit_is_that_of_the_code(tmp_path, monkeypatch) -> None:
    """It has a mark if files differ. A folder outside of git has no commit."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(environment, "OWN_FOLDER", tmp_path)
    assert environment._find_commit() is None
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "sweep.py").touch()
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "runs.csv").touch()
    assert environment._find_commit() == commit
    (tmp_path / "bench" / "sweep.py").write_text("changed")
    assert environment._find_commit() == f"{commit}+changes"


def test_memory_that_the_system_does_not_tell_is_unknown(monkeypatch) -> None:
    """A sandbox may lack /proc/meminfo."""

    def fail() -> None:
        raise FileNotFoundError(2, "No such file or directory", "/proc/meminfo")

    monkeypatch.setattr(environment.psutil, "virtual_memory", fail)
    assert describe_environment(*DATA, "")["machine"]["memory_bytes"] is None


def test_cores_are_those_that_may_be_used() -> None:
    """They are no more than the affinity."""
    assert 0 < count_usable_cores() <= len(os.sched_getaffinity(0))


def test_the_cpu_has_a_name() -> None:
    """Linux knows it."""
    assert find_cpu_name()


@pytest.fixture
def no_cuda_here(monkeypatch: pytest.MonkeyPatch):
    """Let torch find a GPU that this process must not use."""

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
    """This process starts no CUDA. The other one's facts are recorded unchanged."""
    facts = {
        "name": "NVIDIA H100 80GB HBM3", "memory_bytes": 85_000_000_000, "capability": "9.0", "count": 1,
        "driver": "580.65.06", "power_limit_w": None,
    }  # fmt: skip
    told = json.dumps({"facts": facts, "utilization": 0.0, "used_bytes": 0})
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{MARK}{told}\nEND\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert describe_gpu() == facts
    assert json.loads(json.dumps(describe_environment(*DATA, "")))["gpu"] == facts


def test_a_gpu_that_the_other_process_cannot_use_is_none(no_cuda_here, monkeypatch) -> None:
    """The other process fails, and no error arrives here."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert describe_gpu() is None


def test_a_gpu_of_which_nothing_is_known_is_none(monkeypatch) -> None:
    """It is recorded as null."""
    monkeypatch.setattr(environment, "inspect_gpu", lambda: None)
    assert describe_gpu() is None
    monkeypatch.setattr(environment, "inspect_gpu", lambda: GpuSnapshot({"name": "Some GPU"}, None, None))
    assert describe_gpu() == {"name": "Some GPU"}
