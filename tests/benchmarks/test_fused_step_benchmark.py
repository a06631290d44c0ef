"""Benchmarks of the fused step and of torch's operations in a CUDA graph."""

from __future__ import annotations

import pytest
import torch

from model.fused_step import FusedDescent, find_problem
from model.losses import CrossEntropy
from model.softmax_regression import SoftmaxRegression
from model.train_step import AnalyticStep

STEPS = 50


def make_descent(name, model, batch_size):
    """Return a function of images, labels and total that a graph can capture."""
    if name == "fused":
        fused = FusedDescent(model, CrossEntropy(), 0.1)
        fused.prepare(batch_size)
        return fused
    step = AnalyticStep(model, CrossEntropy(), 0.1)
    return lambda images, labels, total: step((images, labels))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batch_size", [64, 256, 512, 1024, 4096, 16384])
@pytest.mark.parametrize("name", ["fused", "analytic"])
def test_step_in_a_graph(benchmark, name, batch_size):
    """Time fifty steps in one CUDA graph on eight batches in turn."""
    if reason := find_problem(CrossEntropy(), 10, 784):
        pytest.skip(reason)
    images = torch.rand(8, batch_size, 1, 28, 28, device="cuda")
    labels = torch.randint(10, (8, batch_size), device="cuda")
    total = torch.zeros((), dtype=torch.float64, device="cuda")
    model = SoftmaxRegression.initial(pixels=784, classes=10, seed=0, device="cuda")
    step = make_descent(name, model, batch_size)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step(images[0], labels[0], total)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for number in range(STEPS):
            step(images[number % 8], labels[number % 8], total)

    def replay():
        graph.replay()
        torch.cuda.synchronize()

    benchmark.group = f"{STEPS} steps in a graph, batches of {batch_size}"
    benchmark(replay)
    assert not model.weight.isnan().any()
