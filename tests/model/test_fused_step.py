"""Tests of the fused step against a float64 step by the formula.

Run as a script, this file trains in Triton's interpreter and prints the differences.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import os
import subprocess
import sys
import sysconfig
from types import SimpleNamespace

import pytest
import torch

from model import fused_step, tiling
from model.fused_step import FusedDescent, find_problem
from model.losses import Absolute, CrossEntropy, Huber, Loss, Squared, parse_loss
from model.softmax_regression import SoftmaxRegression
from model.tiling import Tiling
from model.train_step import AnalyticStep
from tests.paths import ROOT

# A float32 sum that starts here would lose the losses of every batch.
TOTAL = 2.0**30

# The interpreter takes milliseconds for each program of a kernel, so it splits smaller batches than a GPU.
LARGEST_UNSPLIT_BATCH = 100

# A loss, classes, pixels and the sizes of the batches. The cases are the smallest that reach each branch of
# the kernels: one and several blocks of pixels, whole and broken ones, one and several blocks of classes,
# split batches and whole ones, several rounds of losses and of splits, and sizes that come again.
INTERPRETED_CASES = [
    ("cross_entropy", 10, 130, [20]),
    ("squared", 2, 200, [101]),
    ("huber:0.5", 2, 256, [17]),
    ("cross_entropy", 10, 31, [1]),
    ("squared", 10, 15, [15, 15, 15]),
    ("huber:0.05", 10, 15, [16, 5, 16, 16]),
    ("cross_entropy", 17, 15, [17, 17]),
    ("squared", 17, 31, [90]),
    ("huber:0.05", 17, 15, [100]),
    ("cross_entropy", 10, 63, [110, 50]),
    ("huber:0.05", 17, 15, [115]),
    ("squared", 10, 31, [112]),
    ("cross_entropy", 2, 1, [516, 64]),
    ("squared", 2, 1, [16, 16]),
    ("cross_entropy", 1, 1, [3]),
]

GPU_CASES = [
    ("cross_entropy", 10, 784, [256]),
    ("squared", 2, 200, [600]),
    ("huber:0.5", 2, 1024, [17]),
    ("cross_entropy", 10, 63, [1]),
    ("squared", 10, 63, [15, 15, 15]),
    ("huber:0.05", 10, 63, [16, 5, 16, 16]),
    ("cross_entropy", 17, 63, [17, 17]),
    ("squared", 17, 63, [100]),
    ("huber:0.05", 17, 63, [256]),
    ("cross_entropy", 10, 63, [600, 100]),
    ("huber:0.05", 17, 63, [600]),
    ("squared", 10, 63, [1100]),
    ("cross_entropy", 2, 1, [1100, 256]),
    ("squared", 2, 1, [16, 16]),
    ("cross_entropy", 1, 1, [3]),
    ("cross_entropy", 10, 784, [4096] * 3),
    ("huber", 100, 1024, [256] * 3),
    ("squared", 128, 63, [20_000]),
]

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def make_batches(sizes, classes, pixels, device="cpu"):
    """Yield images and labels of batches of these sizes."""
    generator = torch.Generator().manual_seed(0)
    for size in sizes:
        images = torch.rand(size, 1, 1, pixels, generator=generator)
        labels = torch.randint(classes, (size,), generator=generator)
        yield images.to(device), labels.to(device)


def make_model(classes, pixels, device="cpu"):
    """Return a model whose biases are not zero."""
    model = SoftmaxRegression.initial(pixels=pixels, classes=classes, seed=1, device=device)
    model.bias.copy_(torch.linspace(-1, 1, classes))
    return model


def train_fused(model, loss, chunks, rate, *, poisoned=False):
    """Train by the fused step, and return the sum of the losses and the workspaces in use."""
    descent = FusedDescent(model, loss, rate)
    total = torch.full((), TOTAL, dtype=torch.float64, device=model.bias.device)
    used = []
    for images, labels in chunks:
        descent.prepare(len(labels))
        workspace = descent._workspaces[len(labels)]
        used.append(workspace)
        if poisoned:
            for tensor in (workspace.gradients, workspace.losses, workspace.partials):
                tensor.fill_(float("nan"))
        descent(images, labels, total)
    return total.item() - TOTAL, used


def train_exactly(model, loss: Loss, chunks, rate):
    """Train a float64 copy of the model by the formula, and return it and the sum of the losses."""
    weight, bias, total = model.weight.double().cpu(), model.bias.double().cpu(), 0.0
    for images, labels in chunks:
        pixels, labels = images.flatten(1).double().cpu(), labels.cpu()
        outputs = pixels @ weight.t() + bias
        total += loss.value(outputs, labels).item() * len(labels)
        gradient = loss.gradient(outputs, labels)
        weight = weight - rate / len(labels) * gradient.t() @ pixels
        bias = bias - rate / len(labels) * gradient.sum(0)
    return weight, bias, total


def find_differences(name, classes, pixels, sizes, device="cpu", poisoned=True):
    """Train the same model three ways, and return the distances of the fused model from the others."""
    loss, rate = parse_loss(name), 0.5 / (1 + pixels / 10)
    chunks = list(make_batches(sizes, classes, pixels, device))
    model, other = make_model(classes, pixels, device), make_model(classes, pixels, device)
    before = [tensor.clone() for chunk in chunks for tensor in chunk]
    weight, bias, total = train_exactly(model, loss, chunks, rate)
    analytic = AnalyticStep(other, loss, rate)
    for chunk in chunks:
        analytic(chunk)
    start = model.weight.clone()
    losses, used = train_fused(model, loss, chunks, rate, poisoned=poisoned)
    return {
        "weight": (model.weight.double().cpu() - weight).abs().max().item(),
        "bias": (model.bias.double().cpu() - bias).abs().max().item(),
        "analytic": (model.weight - other.weight).abs().max().item(),
        "total": losses - total,
        "sum": total,
        "moved": (model.weight - start).abs().max().item(),
        "workspaces": len({id(workspace) for workspace in used}),
        "untouched": all(map(torch.equal, before, (tensor for chunk in chunks for tensor in chunk))),
    }


def assert_same(found, sizes, classes):
    # A sample of 256 that is left out moves a weight by 2e-6.
    assert found["weight"] <= 5e-7
    assert found["bias"] <= 1e-6
    assert found["analytic"] <= 5e-7
    assert abs(found["total"]) <= 1e-6 * (abs(found["sum"]) + sum(sizes))
    assert found["workspaces"] == len(set(sizes))
    assert found["untouched"]
    assert classes == 1 or found["moved"] > 1e-5


def format_case(case):
    name, classes, pixels, sizes = case
    return f"{name}-{classes}-{pixels}-{'-'.join(map(str, sizes))}"


@pytest.fixture(scope="module")
def interpreted():
    """Return the differences of each case, from a process in which Triton interprets kernels."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": paths}
    command = [sys.executable, __file__]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    if "only 0-dimensional arrays can be converted" in ran.stderr:
        pytest.skip("the interpreter of this triton is older than this numpy, and can't run a loop with it")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@needs_triton
@pytest.mark.parametrize("case", INTERPRETED_CASES, ids=format_case)
def test_the_kernels_train_as_the_analytic_step_does(case, interpreted):
    """Weights, biases and losses are those of a float64 step, whatever the workspace held before."""
    _, classes, _, sizes = case
    assert_same(interpreted[format_case(case)], sizes, classes)


@needs_triton
@pytest.mark.parametrize("name", ["cross_entropy", "squared", "huber"])
def test_a_model_that_diverged_stays_so(name, interpreted):
    """The kernels don't clip NaN to a number."""
    assert interpreted[f"diverged {name}"] == [True, True, True]


class Launches:
    """A stand-in for the kernels that records the launches."""

    def __init__(self):
        self.made = []

    def __getattr__(self, name):
        return Launch(self.made, name)


class Launch:
    def __init__(self, made, name):
        self.made, self.name = made, name

    def __getitem__(self, grid):
        def launch(*arguments, **constants):
            self.made.append(SimpleNamespace(name=self.name, grid=grid, arguments=arguments, **constants))
            self.made[-1].constants = constants

        return launch


@pytest.fixture
def launches(monkeypatch):
    """Return a function that returns the launches for one batch."""

    def of(loss, classes, pixels, size):
        recorded = Launches()
        monkeypatch.setattr(fused_step, "_import_kernels", lambda: recorded)
        descent = FusedDescent(make_model(classes, pixels), loss, 0.1)
        descent.prepare(size)
        recorded.made.clear()
        descent(*next(make_batches([size], classes, pixels)), torch.zeros((), dtype=torch.float64))
        return recorded.made

    return of


@pytest.mark.parametrize(("size", "count"), [(1, 2), (256, 2), (512, 2), (513, 3), (4096, 3), (10_000, 3)])
def test_a_batch_takes_two_kernels_or_three(size, count, launches):
    """Only a batch that is split takes a third kernel."""
    assert len(launches(CrossEntropy(), 10, 16, size)) == count


@pytest.mark.parametrize("classes", [1, 2, 10, 17, 128])
@pytest.mark.parametrize("pixels", [1, 63, 784, 4096])
@pytest.mark.parametrize("size", [1, 15, 256, 512, 513, 1100, 4096, 100_000])
def test_a_tiling_covers_the_batch_once(size, pixels, classes):
    """The splits hold all samples, none is empty, and blocks are powers of two as Triton demands."""
    chosen = Tiling.choose(size, classes, pixels)
    assert (chosen.splits - 1) * chosen.split_size < size <= chosen.splits * chosen.split_size
    assert chosen.split_size % (chosen.product_samples_block * chosen.product_unroll) == 0
    assert chosen.splits == 1 or size > 512
    for number in (chosen.samples_block, chosen.warps, chosen.classes_block, chosen.product_samples_block):
        assert number > 0
        assert number & (number - 1) == 0


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize(("loss", "size"), [(CrossEntropy(), 256), (Huber(0.5), 4096)])
def test_the_kernels_compile_without_a_gpu(loss, size, capability, launches, monkeypatch, tmp_path):
    """Each kernel with its launch options compiles to machine code for an A100 and an H100."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    compiler = pytest.importorskip("triton.compiler")
    target = pytest.importorskip("triton.backends.compiler").GPUTarget("cuda", capability, 32)
    made = launches(loss, 10, 784, size)
    kernels = importlib.import_module("model.fused_kernels")
    types = {torch.float32: "*fp32", torch.float64: "*fp64", torch.int64: "*i64", int: "i32", float: "fp32"}
    for launch in made:
        kernel = getattr(kernels, launch.name)
        options = {name: launch.constants.pop(name) for name in ("num_warps", "enable_fp_fusion")}
        kinds = [getattr(argument, "dtype", type(argument)) for argument in launch.arguments]
        signature = dict(zip(kernel.arg_names, (types[kind] for kind in kinds), strict=False))
        assert {*signature, *launch.constants} == set(kernel.arg_names)
        if "constexprs" in inspect.signature(compiler.ASTSource).parameters:
            signature |= dict.fromkeys(launch.constants, "constexpr")
            source = compiler.ASTSource(kernel, signature, constexprs=launch.constants)
        else:
            source = compiler.ASTSource(kernel, signature, constants=launch.constants)
        assert compiler.compile(source, target=target, options=options).asm["cubin"]


@pytest.mark.parametrize("change", ["images", "labels", "strided images", "strided labels"])
def test_a_batch_of_another_form_is_refused(change, launches, monkeypatch):
    """The kernels assume a dtype and a layout, so any other is an error."""
    monkeypatch.setattr(fused_step, "_import_kernels", Launches)
    images, labels = next(make_batches([8], 3, 4))
    given = {
        "images": (images.double(), labels),
        "labels": (images, labels.int()),
        "strided images": (images[::2], labels[:4]),
        "strided labels": (images[:4], labels[::2]),
    }[change]
    what = change.split()[-1]
    descent = FusedDescent(make_model(3, 4), Squared(), 0.1)
    with pytest.raises(ValueError, match=rf"^{what} are torch.*; they must be torch.* and contiguous$"):
        descent(*given, torch.zeros((), dtype=torch.float64))


def test_a_loss_without_a_kernel_is_refused(monkeypatch):
    """No other loss's formula takes its place."""
    monkeypatch.setattr(fused_step, "_import_kernels", Launches)
    with pytest.raises(
        ValueError, match=r"^no kernel for the loss absolute; allowed: cross_entropy, squared, huber$"
    ):
        FusedDescent(make_model(3, 4), Absolute(), 0.1)


@pytest.fixture
def gpu(monkeypatch):
    """Pretend that the machine has all that the fused step needs."""
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(fused_step, "_import_kernels", Launches)
    monkeypatch.setattr(fused_step, "_find_missing_compiler", lambda: None)


@pytest.mark.parametrize("loss", [CrossEntropy(), Squared(), Huber(0.5)], ids=lambda loss: loss.name)
def test_no_problem_with_a_gpu(loss, gpu):
    """Three losses have kernels, for any model within the limits."""
    assert find_problem(loss, 10, 784) is None
    assert find_problem(loss, 1, 1) is None
    assert find_problem(loss, 128, 2**23) is None


class Steeper(Squared):
    """A loss that differs from its parent."""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((Absolute(), 10, 784), "the gradient of absolute jumps"),
        ((Steeper(), 10, 784), "no kernel for squared"),
        ((Squared(), 129, 784), "takes 1 to 128 classes, and these are 129"),
        ((Squared(), 10, 2**23 + 1), "images of 1 to 8388608 pixels, and these have 8388609"),
    ],
)
def test_problem_says_what_the_kernels_cannot_do(arguments, says, gpu):
    """One line names a loss or a model without a kernel."""
    assert says in find_problem(*arguments)
    assert "\n" not in find_problem(*arguments)


def test_problem_says_that_there_is_no_gpu(gpu, monkeypatch):
    """Neither a torch without CUDA nor a torch without a device can launch kernels."""
    says = "the fused step needs an NVIDIA GPU, and torch sees none"
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        assert find_problem(Squared(), 10, 784) == says
    monkeypatch.setattr(torch.version, "cuda", None)
    assert find_problem(Squared(), 10, 784) == says


def test_problem_says_that_the_gpu_is_too_old(gpu, monkeypatch):
    """Triton compiles for compute capability 7.0 and higher."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (6, 1))
    says = "the fused step needs a GPU of compute capability 7.0 or higher, and this has 6.1"
    assert find_problem(Squared(), 10, 784) == says


def test_problem_says_that_triton_is_missing(gpu, monkeypatch):
    """Windows and macOS have no Triton, and can import the module nevertheless."""
    monkeypatch.setattr(fused_step, "_import_kernels", lambda: importlib.import_module("model.fused_kernels"))
    monkeypatch.delitem(sys.modules, "model.fused_kernels", raising=False)
    monkeypatch.setitem(sys.modules, "triton", None)
    says = find_problem(Squared(), 10, 784)
    assert says.startswith("the fused step needs triton, and import triton says: ")
    assert "\n" not in says


def test_importing_the_step_leaves_the_kernels_alone():
    """A process that never makes a fused step never imports its kernels."""
    code = "import sys; sys.modules['triton'] = None; import model.fused_step as f; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "model.fused_step" in ran.stdout.split()
    assert "model.fused_kernels" not in ran.stdout.split()


def test_problem_says_what_triton_lacks_to_compile(gpu, monkeypatch, tmp_path):
    """Triton compiles C code to launch a kernel, with a compiler and with Python's headers."""
    monkeypatch.undo()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "neither CC nor gcc nor clang" in fused_step._find_missing_compiler()
    monkeypatch.setenv("CC", "cc")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert str(tmp_path / "Python.h") in fused_step._find_missing_compiler()
    (tmp_path / "Python.h").touch()
    assert fused_step._find_missing_compiler() is None


@pytest.fixture
def on_gpu():
    """Skip where the fused step can't be used, and say why."""
    if reason := find_problem(CrossEntropy(), 10, 784):
        pytest.skip(reason)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("case", GPU_CASES, ids=format_case)
def test_a_gpu_trains_as_the_analytic_step_does(case, on_gpu):
    """A GPU trains the model that a float64 step on the CPU trains."""
    _, classes, _, sizes = case
    assert_same(find_differences(*case, device="cuda"), sizes, classes)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("size", [1, 256, 4096])
def test_a_graph_replays_the_step(size, on_gpu):
    """A step captured once and replayed on new batches in the same memory trains as calls do."""
    loss = CrossEntropy()
    model = make_model(10, 784, "cuda")
    chunks = list(make_batches([size] * 4, 10, 784, "cuda"))
    weight, bias, expected = train_exactly(model, loss, chunks, 0.01)
    images, labels = (torch.empty_like(tensor) for tensor in chunks[0])
    total = torch.zeros((), dtype=torch.float64, device="cuda")
    descent = FusedDescent(model, loss, 0.01)
    descent.prepare(size)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        descent(images, labels, total)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for chunk in chunks:
            images.copy_(chunk[0])
            labels.copy_(chunk[1])
            graph.replay()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert (model.weight.double().cpu() - weight).abs().max().item() <= 2e-6
    assert (model.bias.double().cpu() - bias).abs().max().item() <= 2e-6
    assert total.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.cuda
@needs_cuda
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
def test_a_call_neither_waits_nor_allocates(on_gpu):
    """CUDA raises on any synchronisation, and the allocator counts no allocation."""
    chunks = list(make_batches([256, 700, 256, 700], 10, 784, "cuda"))
    total = torch.zeros((), dtype=torch.float64, device="cuda")
    descent = FusedDescent(make_model(10, 784, "cuda"), CrossEntropy(), 0.01)
    for size in (256, 700):
        descent.prepare(size)
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for chunk in chunks:
            descent(*chunk, total)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("size", [256, 4096])
def test_the_same_batches_leave_the_same_bits(size, on_gpu):
    """No sum depends on which program came first."""
    found = []
    for _ in range(3):
        model = make_model(10, 784, "cuda")
        losses, _ = train_fused(model, CrossEntropy(), make_batches([size] * 5, 10, 784, "cuda"), 0.01)
        found.append((model.weight, model.bias, losses))
    for weight, bias, losses in found[1:]:
        assert torch.equal(weight, found[0][0])
        assert torch.equal(bias, found[0][1])
        assert losses == found[0][2]


def train_diverged(name):
    """Return whether weight, bias and losses are NaN after a weight of NaN."""
    model = make_model(2, 1)
    model.weight.fill_(float("nan"))
    losses, _ = train_fused(model, parse_loss(name), make_batches([3], 2, 1), 0.1)
    return [bool(model.weight.isnan().all()), bool(model.bias.isnan().all()), math.isnan(losses)]


if __name__ == "__main__":
    tiling.LARGEST_UNSPLIT_BATCH = LARGEST_UNSPLIT_BATCH
    found = {format_case(case): find_differences(*case) for case in INTERPRETED_CASES}
    found |= {f"diverged {name}": train_diverged(name) for name in ("cross_entropy", "squared", "huber")}
    print(json.dumps(found))
