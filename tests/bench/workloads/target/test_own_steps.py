"""Steps for a user's own batches: theirs, one that takes a time, or none."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from bench.workloads.target.own_steps import OwnStep, StepError, Waiting, make_own_step, name_length

STEPS = """
calls = []


def make_step():
    return calls.append


def make_on(device):
    return lambda batch: calls.append((device, batch))


class Trainer:
    def __init__(self, device="?"):
        self.device = device

    def __call__(self, batch):
        calls.append((self.device, batch))

    @classmethod
    def make(cls, **options):
        return cls(**options).__call__


def make_failing():
    def step(batch):
        raise ValueError("no such label")
    return step
"""


@pytest.fixture
def steps(monkeypatch, tmp_path) -> Path:
    """A file with steps, in a process that is afterwards as it was."""
    for name in ("path", "meta_path", "argv"):
        monkeypatch.setattr(sys, name, getattr(sys, name)[:])
    monkeypatch.chdir(tmp_path)
    modules = dict(sys.modules)
    (tmp_path / "steps_of_mine.py").write_text(STEPS)
    yield tmp_path / "steps_of_mine.py"
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.modules.update(modules)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("make_step", "batch"),
        ("make_on", ("cuda", "batch")),
        ("Trainer", ("cuda", "batch")),
        ("Trainer.make", ("?", "batch")),
    ],
)
def test_a_step_gets_each_batch(steps, name, call) -> None:
    """Its function gets the device, if it takes one."""
    step = make_own_step(f"{steps}:{name}", "cuda")
    step("batch")
    step("batch")
    assert sys.modules["steps_of_mine"].calls == [call, call]


def test_a_step_beside_the_loader_is_named_as_it_is(steps) -> None:
    """Relative to the folder where the sweep was started."""
    assert make_own_step("steps_of_mine.py:make_step", "cpu")("batch") is None
    assert make_own_step("steps_of_mine:make_step", "cpu")("batch") is None
    assert sys.modules["steps_of_mine"].calls == ["batch", "batch"]


def test_a_step_that_raises_names_itself(steps) -> None:
    """With the error, its text and its place."""
    step = make_own_step(f"{steps}:make_failing", "cpu")
    with pytest.raises(StepError) as raised:
        step("batch")
    line = STEPS[: STEPS.index("raise")].count("\n") + 1
    error = f"ValueError: no such label (steps_of_mine.py:{line} in step)"
    assert str(raised.value) == f"step {steps}:make_failing: {error}"


def test_no_step_and_a_step_of_planned_length_need_no_file() -> None:
    """None takes no time, and keeps no loss."""
    step = make_own_step("none", "cpu")
    assert step("batch") is None
    assert step.mean_loss() is None
    step.reset()
    step.flush()
    assert isinstance(make_own_step("12.5ms", "cpu").call, Waiting)


@pytest.mark.parametrize(
    ("step_ms", "name"), [(12, "12ms"), (0.5, "0.5ms"), (1e-05, "0.00001ms"), (1e6, "1000000ms")]
)
def test_a_length_has_a_name_that_is_read_again(step_ms, name) -> None:
    """The column `step` holds it."""
    assert name_length(step_ms) == name
    assert isinstance(make_own_step(name, "cpu").call, Waiting)


@pytest.mark.parametrize("step_ms", [0.05, 3])
def test_a_step_takes_no_less_than_its_length(step_ms) -> None:
    """How much more it takes says how busy this machine is."""
    step = Waiting(step_ms * 1e-3)
    began = time.perf_counter_ns()
    step("batch")
    assert time.perf_counter_ns() - began >= step_ms * 1e6


def test_an_interrupt_is_no_error_of_the_step() -> None:
    def interrupted(batch: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OwnStep(interrupted)("batch")
