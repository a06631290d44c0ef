"""Benchmarks of one training step on the CPU, for each step and loss."""

from __future__ import annotations

import itertools

import pytest
import torch

from model.losses import parse_loss
from model.step_spec import STEPS, StepSpec
from model.train_step import build_step

BATCH_SIZE = 256


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber"])
def test_step(benchmark, one_thread, name, loss):
    """Time one step on eight batches in turn, as a loader never delivers the same one twice."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(8, BATCH_SIZE, 1, 28, 28, generator=generator).sub_(0.5).clamp_(min=0)
    labels = torch.randint(10, (8, BATCH_SIZE), generator=generator)
    batches = itertools.cycle(zip(images.unbind(), labels.unbind(), strict=True))
    step = build_step(StepSpec(name, parse_loss(loss)), pixels=784, classes=10)
    benchmark.group = f"one step on a batch of {BATCH_SIZE}, {loss}"
    benchmark(lambda: step(next(batches)))
    assert (step.mean_loss() is None) == (name == "none")
