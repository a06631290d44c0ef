"""The step in graphs: which batch is replayed by which graph, with graphs that are mere functions here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from model import graphed_step
from model.graphed_step import GraphedStep
from model.losses import parse_loss
from model.softmax_regression import SoftmaxRegression
from model.train_step import build_step

PIXELS, CLASSES, RATE = 12, 4, 0.1


class FakeGraphs:
    """Replays a piece of work by doing it; counts."""

    def __init__(self) -> None:
        self.captures = self.replays = 0

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            work()

        return replay


def graphed(loss: str = "cross_entropy", **knobs) -> tuple[GraphedStep, FakeGraphs]:
    """A step, and what captures for it."""
    graphs = FakeGraphs()
    model = SoftmaxRegression.initial(pixels=PIXELS, classes=CLASSES, seed=0)
    return GraphedStep(model, parse_loss(loss), RATE, graphs=graphs, **knobs), graphs


def plain(loss: str = "cross_entropy"):
    """The analytic step from the same start."""
    return build_step("analytic", parse_loss(loss), pixels=PIXELS, classes=CLASSES, learning_rate=RATE)


def places(count: int, size: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches in memory that is written again and again, as a ring's."""
    return [(torch.zeros(size, 1, 3, 4), torch.zeros(size, dtype=torch.int64)) for _ in range(count)]


def deliveries(ring, count: int, rest: int = 0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Random batches out of that memory, and one that is smaller."""
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
    """The same model, to the bit: the operations are the same."""
    assert torch.equal(step.model.weight, other.model.weight)
    assert torch.equal(step.model.bias, other.model.bias)
    assert step.mean_loss() == other.mean_loss()


@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber:0.5"])
@pytest.mark.parametrize("chunk_batches", [1, 3, 4])
def test_it_learns_what_the_plain_step_learns(loss, chunk_batches) -> None:
    """Two epochs, each with a smaller batch at its end that is flushed with what was put off."""
    step, _ = graphed(loss, chunk_batches=chunk_batches)
    other = plain(loss)
    # Made together, they must last together.
    ring, its = places(2 * chunk_batches), places(2 * chunk_batches)
    for _ in range(2):
        for one in (step, other):
            one.reset()
        for batch, same in zip(deliveries(ring, 10, rest=3), deliveries(its, 10, rest=3), strict=True):
            step(*batch)
            other(*same)
        step.flush()
        assert_same(step, other)


def test_a_second_epoch_captures_nothing() -> None:
    """Two chunks of four places, and the rest of an epoch, are three graphs."""
    step, graphs = graphed(chunk_batches=4)
    ring = places(8)
    for _ in range(3):
        for batch in deliveries(ring, 16, rest=3):
            step(*batch)
        step.flush()
    assert graphs.captures == 3
    assert graphs.replays == 3 * 5


def test_nothing_is_launched_before_its_time() -> None:
    """Batches are put off until there are enough of them; a mean, or a new one, needs them all."""
    step, graphs = graphed(chunk_batches=4)
    batches = list(deliveries(places(4), 4))
    for batch in batches[:3]:
        step(*batch)
    assert graphs.replays == 0
    step(*batches[3])
    assert graphs.replays == 1
    step(*batches[0])
    assert step.mean_loss() is not None
    assert graphs.replays == 2
    step(*batches[0])
    step.reset()
    assert graphs.replays == 3
    assert step.mean_loss() is None


def test_batches_in_ever_new_places_are_copied(monkeypatch) -> None:
    """Beyond a number of graphs, one for each size is replayed on memory of its own; nothing else differs."""
    monkeypatch.setattr(graphed_step, "MOST_GRAPHS", 2)
    step, graphs = graphed()
    other = plain()
    ring, its = places(20), places(20)
    for batch, same in zip(deliveries(ring, 20, rest=5), deliveries(its, 20, rest=5), strict=True):
        step(*batch)
        other(*same)
    assert_same(step, other)
    assert graphs.captures == 4
    assert graphs.replays == 21


def test_batches_that_do_not_lie_in_one_piece_are_copied() -> None:
    """A graph reads memory as it was when it was captured: the place says nothing of such a batch's rows."""
    step, graphs = graphed()
    other = plain()
    for size in (16, 12):
        images = torch.rand(8, 1, 3, size)[..., ::2][..., :4]
        labels = torch.arange(8) % CLASSES
        step(images, labels)
        other(images, labels)
    assert_same(step, other)
    assert graphs.captures == 1


def test_another_shape_at_the_same_place_is_another_graph() -> None:
    """The last batch of an epoch lies where a whole one lay."""
    step, graphs = graphed()
    ((images, labels),) = places(1)
    step(images, labels)
    step(images[:3], labels[:3])
    step(images, labels)
    assert graphs.captures == 2
    assert step.mean_loss() is not None


def test_trying_moves_nothing() -> None:
    """What is compiled or loaded by a first use is so before the capture, and the model stays."""
    step, graphs = graphed()
    before = step.model.weight.clone()
    graphs.captured = lambda work: lambda: None  # type: ignore[method-assign]
    for batch in deliveries(places(1), 3):
        step(*batch)
    assert torch.equal(step.model.weight, before)
    assert step.mean_loss() == 0


class FakeFused:
    """A fused step that is right, wrong or broken."""

    kind = "right"

    def __init__(self, model, loss, learning_rate) -> None:
        self.way = graphed_step.descent(model, loss, learning_rate)
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
        total.add_(self.way(images, labels))
        if self.kind == "wrong":
            self.model.weight[0, 0] += 0.01


@pytest.mark.parametrize(
    ("kind", "said"),
    [("right", ""), ("wrong", "differ here"), ("broken", "no ptxas"), ("unprepared", "no compiler")],
)
def test_a_fused_step_is_used_where_it_proves_right(kind, said, monkeypatch, capsys) -> None:
    """It is tried on the first batch of each size beside torch's operations, which stand in for it."""
    graphed_step._say.cache_clear()
    monkeypatch.setattr(graphed_step, "problem", lambda *_: None)
    monkeypatch.setattr(graphed_step, "FusedDescent", FakeFused)
    monkeypatch.setattr(FakeFused, "kind", kind)
    step, _ = graphed()
    other = plain()
    for batch, same in zip(deliveries(places(2), 6), deliveries(places(2), 6), strict=True):
        step(*batch)
        other(*same)
    assert_same(step, other)
    assert said in capsys.readouterr().err


def test_it_says_why_there_are_no_kernels(capsys) -> None:
    """Once: here there is no GPU, elsewhere perhaps no compiler."""
    graphed_step._say.cache_clear()
    step, _ = graphed()
    for batch in deliveries(places(2), 6, rest=3):
        step(*batch)
    said = capsys.readouterr().err
    assert said.count("the graph holds torch's operations, not Triton's kernels: ") == 1


def test_batches_that_never_recur_are_copied_from_the_start() -> None:
    """No graph is captured for a place that no batch comes back to."""
    step, graphs = graphed(static_addresses=False)
    other = plain()
    for batch, same in zip(deliveries(places(9), 9), deliveries(places(9), 9), strict=True):
        step(*batch)
        other(*same)
    assert_same(step, other)
    assert graphs.captures == 1


def test_spans_are_around_replays() -> None:
    """Not around what is merely put off."""
    step, _ = graphed(chunk_batches=2)
    spans: list[str] = []

    @contextmanager
    def span(name: str) -> Iterator[None]:
        spans.append(name)
        yield

    step.span = span
    for batch in deliveries(places(2), 5):
        step(*batch)
    assert spans == ["step"] * 2
    step.flush()
    assert spans == ["step"] * 3


@pytest.mark.parametrize(("name", "device"), [("autograd", "cuda"), ("none", "cuda"), ("analytic", "cpu")])
def test_what_cannot_be_captured_is_refused(name, device) -> None:
    """In one line."""
    with pytest.raises(ValueError, match=f"not of {name} on {device}"):
        build_step(name, parse_loss("squared"), pixels=4, classes=2, device=device, cuda_graph=True)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("loss", ["cross_entropy", "squared", "absolute", "huber:0.5"])
@pytest.mark.parametrize("chunk_batches", [1, 3])
def test_on_a_gpu(loss, chunk_batches) -> None:
    """Real graphs: what the plain step learns there, but for rounding, also where batches move about."""
    steps = [
        build_step(
            "analytic", parse_loss(loss), pixels=784, classes=10, device="cuda", cuda_graph=graph,
            chunk_batches=chunk_batches if graph else 1,
        )
        for graph in (True, False)
    ]  # fmt: skip
    random = torch.Generator().manual_seed(0)
    for _ in range(3):
        held = []
        for size in (256, 256, 256, 256, 100):
            images = torch.rand(size, 1, 28, 28, generator=random).cuda()
            labels = torch.randint(10, (size,), generator=random).cuda()
            held.append(images)
            for step in steps:
                step(images, labels)
        for step in steps:
            step.flush()
        torch.testing.assert_close(steps[0].model.weight, steps[1].model.weight, rtol=1e-3, atol=1e-5)
        assert steps[0].mean_loss() == pytest.approx(steps[1].mean_loss(), rel=1e-4)
