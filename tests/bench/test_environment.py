"""What is recorded beside the figures."""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch

from bench.checks import cores_usable
from bench.environment import cpu_name, environment
from tests.fakes import numbered_dataset


def test_everything_that_explains_a_figure_is_there() -> None:
    """Machine, cores, memory, versions, threads, data, command, load."""
    found = environment(numbered_dataset(), ["--blocks", "2", "--name", "a b"])
    assert found["command"] == "python -m bench.sweep --blocks 2 --name 'a b'"
    assert found["dataset"]["name"] == "numbered:300"
    assert found["versions"]["torch"] == torch.__version__.partition("+")[0] or found["versions"]["torch"]
    assert found["torch"]["num_threads"] == torch.get_num_threads()
    assert found["machine"]["memory_bytes"] > 2**28
    assert {"commit", "gpu", "started_at"} <= set(found)


def test_it_is_json() -> None:
    """Unknown is null."""
    assert json.loads(json.dumps(environment(numbered_dataset(), [])))


def test_no_name_or_path_of_the_machine() -> None:
    """A folder of results can be shown to anyone."""
    text = json.dumps(environment(numbered_dataset(), []))
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text


def test_cores_are_those_that_may_be_used() -> None:
    """No more than the affinity."""
    assert 0 < cores_usable() <= len(os.sched_getaffinity(0))


def test_the_cpu_has_a_name() -> None:
    """On Linux from the kernel."""
    assert cpu_name()
