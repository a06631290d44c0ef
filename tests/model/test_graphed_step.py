"""Tests of the step in CUDA graphs, with plain functions in place of the graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from model import graphed_step
from model.graphed_step import GraphedStep, GraphSpec
from model.losses import parse_loss
from model.softmax_regression import SoftmaxRegression
from model.step_spec import StepSpec
from model.train_step import build_step

PIXELS, CLASSES, RATE = 12, 4, 0.1


class FakeGraphs:
    """A stand-in for CUDA graphs that runs the work at each replay, and counts."""

    def __init__(self) -> None:
        self.captures = self.replays = 0

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            work()

        return replay


class RecordedGraphs(FakeGraphs):
    """A stand-in that holds operations and memory, as a CUDA graph does, and none of Python's code.

    A capture leaves the state as it was. A wait for the device in it is an error.
    """

    state: tuple[torch.Tensor, ...] = ()

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        before = [tensor.clone() for tensor in self.state]
        with _Recorder() as recorder:
            work()
        for tensor, value in zip(self.state, before, strict=True):
            tensor.copy_(value)
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            for function, arguments, keywords, made in recorder.launched:
                again = function(*arguments, **keywords)
                # Later operations read the memory that was made in the capture.
                if isinstance(made, torch.Tensor) and again is not made:
                    made.copy_(again)

        return replay


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.launched: list[tuple[Any, ...]] = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        assert function is not torch.ops.aten._local_scalar_dense.default
        made = function(*arguments, **(keywords or {}))
        self.launched.append((function, arguments, keywords or {}, made))
        return made


def make_graphed(loss: str = "cross_entropy", **spec) -> tuple[GraphedStep, FakeGraphs]:
    """Return a step and its graphs."""
    graphs = FakeGraphs()
    model = SoftmaxRegression.initial(pixels=PIXELS, classes=CLASSES, seed=0)
    return GraphedStep(model, parse_loss(loss), RATE, GraphSpec(**spec), graphs=graphs), graphs


def make_plain(loss: str = "cross_entropy"):
    """Return the analytic step with the same initial model."""
    return build_step(StepSpec("analytic", parse_loss(loss), RATE), pixels=PIXELS, classes=CLASSES)


def make_places(count: int, size: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return memory for batches that is written again and again, as a ring's."""
    return [(torch.zeros(size, 1, 3, 4), torch.zeros(size, dtype=torch.int64)) for _ in range(count)]


def deliver(ring, count: int, rest: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield random batches out of that memory, and a smaller one at the end."""
    random = torch.Generator().manual_seed(count)
    for number in range(count):
        images, labels = ring[number % len(ring)]
        images.copy_(torch.rand(images.shape, generator=random))
        labels.copy_(torch.randint(CLASSES, labels.shape, generator=random))
        yield images, labels
    if rest:
        images, labels = ring[count % len(ring)]
        yield images[:rest], labels[:rest]


def assert_same(step, other) -> None:
    """Compare two models bit by bit, as they come of the same operations."""
    assert torch.equal(step.model.weight, other.model.weight)
    assert torch.equal(step.model.bias, other.model.bias)
    assert step.mean_loss() == other.mean_loss()


@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber:0.5"])
@pytest.mark.parametrize("chunk_batches", [1, 3, 4])
def test_it_learns_what_the_plain_step_learns(loss, chunk_batches) -> None:
    """Each of two epochs ends with a smaller batch, which `flush` launches with those that were put off."""
    step, _ = make_graphed(loss, chunk_batches=chunk_batches)
    other = make_plain(loss)
    # A chunk must stay valid while the next one is made.
    ring, its = make_places(2 * chunk_batches), make_places(2 * chunk_batches)
    for _ in range(2):
        for one in (step, other):
            one.reset()
        for batch, same in zip(deliver(ring, 10, rest=3), deliver(its, 10, rest=3), strict=True):
            step(batch)
            other(same)
        step.flush()
        assert_same(step, other)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber:0.5"])
@pytest.mark.parametrize("spec", [{}, {"chunk_batches": 3}, {"static_addresses": False}])
def test_a_graph_needs_no_code_of_python(loss, spec) -> None:
    """Replays of recorded operations learn what calls do, for more sizes than are kept."""
    step, _ = make_graphed(loss, **spec)
    step._graphs = graphs = RecordedGraphs()
    graphs.state = (step.model.weight, step.model.bias, step._total_loss)
    other = make_plain(loss)
    for _ in range(2):
        for rest in range(1, 12):
            ring, its = make_places(6, 16), make_places(6, 16)
            for batch, same in zip(deliver(ring, 7, rest), deliver(its, 7, rest), strict=True):
                step(batch)
                other(same)
            step.flush()
    torch.testing.assert_close(step.model.weight, other.model.weight)
    assert step.mean_loss() == pytest.approx(other.mean_loss())


def test_a_second_epoch_captures_nothing() -> None:
    """Two chunks of four places and the rest of an epoch make three graphs."""
    step, graphs = make_graphed(chunk_batches=4)
    ring = make_places(8)
    for _ in range(3):
        for batch in deliver(ring, 16, rest=3):
            step(batch)
        step.flush()
    assert graphs.captures == 3
    assert graphs.replays == 3 * 5


def test_nothing_is_launched_before_its_time() -> None:
    """A step puts batches off until it has a chunk of them, or until a mean is asked for or reset."""
    step, graphs = make_graphed(chunk_batches=4)
    batches = list(deliver(make_places(4), 4))
    for batch in batches[:3]:
        step(batch)
    assert graphs.replays == 0
    step(batches[3])
    assert graphs.replays == 1
    step(batches[0])
    assert step.mean_loss() is not None
    assert graphs.replays == 2
    step(batches[0])
    step.reset()
    assert graphs.replays == 3
    assert step.mean_loss() is None


def test_batches_in_ever_new_places_are_copied(monkeypatch) -> None:
    """Beyond a number of graphs, one graph for each size trains on copies, with the same result."""
    monkeypatch.setattr(graphed_step, "MOST_GRAPHS", 2)
    step, graphs = make_graphed()
    other = make_plain()
    ring, its = make_places(20), make_places(20)
    for batch, same in zip(deliver(ring, 20, rest=5), deliver(its, 20, rest=5), strict=True):
        step(batch)
        other(same)
    assert_same(step, other)
    assert graphs.captures == 4
    assert graphs.replays == 21


def test_batches_that_are_not_contiguous_are_copied() -> None:
    """Two such batches may have the same address and different strides, which a graph can't tell."""
    step, graphs = make_graphed()
    other = make_plain()
    for size in (16, 12):
        images = torch.rand(8, 1, 3, size)[..., ::2][..., :4]
        labels = torch.arange(8) % CLASSES
        step((images, labels))
        other((images, labels))
    assert_same(step, other)
    assert graphs.captures == 1


def test_another_shape_at_the_same_place_is_another_graph() -> None:
    """The smaller last batch of an epoch has the address of a whole one."""
    step, graphs = make_graphed()
    ((images, labels),) = make_places(1)
    step((images, labels))
    step((images[:3], labels[:3]))
    step((images, labels))
    assert graphs.captures == 2
    assert step.mean_loss() is not None


def test_trying_a_descent_out_moves_nothing() -> None:
    """The trial before a capture compiles and allocates, and leaves the model as it was."""
    step, graphs = make_graphed()
    before = step.model.weight.clone()
    graphs.capture = lambda work: lambda: None  # type: ignore[method-assign]
    for batch in deliver(make_places(1), 3):
        step(batch)
    assert torch.equal(step.model.weight, before)
    assert step.mean_loss() == 0


class FakeFused:
    """A fused step that is right, wrong or broken."""

    kind = "right"

    def __init__(self, model, loss, learning_rate) -> None:
        self.descend = graphed_step.make_descent(model, loss, learning_rate)
        self.model = model
        self.used = 0

    def prepare(self, batch_size: int) -> None:
        if self.kind == "unprepared":
            raise RuntimeError("no compiler")
        self.prepared = batch_size

    def __call__(self, images, labels, total) -> None:
        if self.kind == "broken":
            self.model.weight.zero_()
            raise RuntimeError("no ptxas")
        assert self.prepared == len(labels)
        total.add_(self.descend(images, labels))
        if self.kind == "wrong":
            self.model.weight[0, 0] += 0.01


@pytest.mark.parametrize(
    ("kind", "said"),
    [("right", ""), ("wrong", "differ here"), ("broken", "no ptxas"), ("unprepared", "no compiler")],
)
def test_a_fused_step_is_used_if_it_proves_right(kind, said, monkeypatch, capsys) -> None:
    """The first batch of each size compares it with torch's operations, which replace it if it fails."""
    graphed_step._say.cache_clear()
    monkeypatch.setattr(graphed_step, "find_problem", lambda *_: None)
    monkeypatch.setattr(graphed_step, "FusedDescent", FakeFused)
    monkeypatch.setattr(FakeFused, "kind", kind)
    step, _ = make_graphed()
    other = make_plain()
    for batch, same in zip(deliver(make_places(2), 6), deliver(make_places(2), 6), strict=True):
        step(batch)
        other(same)
    assert_same(step, other)
    assert said in capsys.readouterr().err


def test_it_says_why_there_are_no_kernels(capsys) -> None:
    """The reason is printed once. Here it is the missing GPU."""
    graphed_step._say.cache_clear()
    step, _ = make_graphed()
    for batch in deliver(make_places(2), 6, rest=3):
        step(batch)
    said = capsys.readouterr().err
    assert said.count("the graph holds torch's operations, not Triton's kernels: ") == 1


def test_batches_that_never_recur_are_copied_from_the_start() -> None:
    """Without static addresses a graph for each place would be of no use."""
    step, graphs = make_graphed(static_addresses=False)
    other = make_plain()
    for batch, same in zip(deliver(make_places(9), 9), deliver(make_places(9), 9), strict=True):
        step(batch)
        other(same)
    assert_same(step, other)
    assert graphs.captures == 1


def test_spans_are_around_replays() -> None:
    """A batch that is put off opens no span."""
    step, _ = make_graphed(chunk_batches=2)
    spans: list[str] = []

    @contextmanager
    def span(name: str) -> Iterator[None]:
        spans.append(name)
        yield

    step.span = span
    for batch in deliver(make_places(2), 5):
        step(batch)
    assert spans == ["step"] * 2
    step.flush()
    assert spans == ["step"] * 3


@pytest.mark.parametrize("name", ["autograd", "none"])
def test_a_graph_of_another_step_is_refused(name) -> None:
    """Only the analytic step can be captured."""
    with pytest.raises(ValueError, match=f"^a CUDA graph needs the step analytic; the step is {name}$"):
        StepSpec(name, parse_loss("squared"), graph=GraphSpec())


def test_a_graph_on_another_device_is_refused() -> None:
    """A CPU has no CUDA graphs."""
    spec = StepSpec("analytic", parse_loss("squared"), graph=GraphSpec())
    with pytest.raises(ValueError, match=r"^a CUDA graph needs the device cuda; the device is cpu$"):
        build_step(spec, pixels=4, classes=2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber:0.5"])
@pytest.mark.parametrize("chunk_batches", [1, 3])
def test_on_a_gpu(loss, chunk_batches) -> None:
    """Real graphs train as the plain step does, but for rounding, also on batches in ever new places."""
    steps = [
        build_step(StepSpec("analytic", parse_loss(loss), graph=graph), pixels=784, classes=10, device="cuda")
        for graph in (GraphSpec(chunk_batches), None)
    ]
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        held = []
        for size in (256, 256, 256, 256, 100):
            images = torch.rand(size, 1, 28, 28, generator=random).cuda()
            labels = torch.randint(10, (size,), generator=random).cuda()
            held.append(images)
            for step in steps:
                step((images, labels))
        for step in steps:
            step.flush()
        torch.testing.assert_close(steps[0].model.weight, steps[1].model.weight, rtol=1e-3, atol=1e-5)
        assert steps[0].mean_loss() == pytest.approx(steps[1].mean_loss(), rel=1e-4)
