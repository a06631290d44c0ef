"""GraphedStep: the analytic step as CUDA graphs, which take hardly any of the host's time."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from model.batch import Batch
from model.descent import make_descent
from model.fused_step import FusedDescent, find_problem
from model.learning_step import LearningStep
from model.losses import Loss
from model.softmax_regression import SoftmaxRegression

# A loader that never uses its memory again would need one graph for each batch. Beyond this number of graphs
# batches are copied to the memory of a graph.
MOST_GRAPHS = 64

# Two descents agree if their moves differ by no more than this share of the largest move, or by the rounding
# error of a float32 weight near 1.
TOLERANCE, ROUNDING = 1e-3, 1e-6


@dataclass(frozen=True)
class GraphSpec:
    """The way a step in CUDA graphs gets at the memory of the batches.

    Attributes:
        chunk_batches: consecutive batches that one graph trains on. All of them must stay valid until the
            last one was delivered. 1 by default.
        static_addresses: whether the loader delivers batches at the same few addresses again and again, so
            that graphs can read them there. Otherwise each batch is copied first. True by default.
    """

    chunk_batches: int = 1
    static_addresses: bool = True


class Graphs(Protocol):
    """A way to capture work on a device."""

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture the launches of `work` without running them, and return a function that replays them."""


class CudaGraphs:
    """CUDA graphs that share their memory, as no two of them run at once."""

    def __init__(self) -> None:
        self._pool: Any = None

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture the launches of `work` without running them, and return a function that replays them."""
        graph = torch.cuda.CUDAGraph()
        # With thread_local, calls of a thread that pins memory meanwhile don't end the capture.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            work()
        self._pool = graph.pool()
        return graph.replay


class GraphedStep(LearningStep):
    """The analytic step, captured once for each place in memory that batches lie in.

    A loader that delivers out of a ring has few such places, so that from the second epoch on every batch is
    a replay. Batches in ever new places are copied into one that a graph was captured for. With Triton a
    batch takes two or three kernels (`model.fused_step`), otherwise as many as torch's operations do.

    A step puts batches off until it has a chunk of them, which one graph trains on. `flush` launches the
    rest. Call it at the end of an epoch, also of one that was left early.

    Attributes:
        span: makes the context that each launch runs in, from its name. A measurement of the device sets it.

    Args:
        model: the model to train.
        loss: the loss to train with.
        learning_rate: finite and above 0.
        spec: how the graphs get at the memory of the batches.
        graphs: captures the graphs. CUDA does by default.
    """

    def __init__(
        self,
        model: SoftmaxRegression,
        loss: Loss,
        learning_rate: float,
        spec: GraphSpec,
        *,
        graphs: Graphs | None = None,
    ) -> None:
        super().__init__(model)
        self.span: Callable[[str], AbstractContextManager[object]] = nullcontext
        self._loss = loss
        self._learning_rate = learning_rate
        self._chunk_batches = spec.chunk_batches
        self._most_graphs = MOST_GRAPHS if spec.static_addresses else 0
        self._graphs = graphs or CudaGraphs()
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._replays: dict[tuple[object, ...], Callable[[], None]] = {}
        self._copied: dict[tuple[int, ...], tuple[Tensor, Tensor, Callable[[], None]]] = {}
        # By batch size, as a graph is bound to the memory of its descent.
        self._descents: dict[int, Callable[[Tensor, Tensor], None]] = {}

    def __call__(self, batch: Batch) -> None:
        """Train on one batch, now or together with the next ones."""
        images, labels = batch
        self._pending.append((images, labels))
        self._samples += labels.shape[0]
        if len(self._pending) >= self._chunk_batches:
            self.flush()

    def flush(self) -> None:
        """Launch the batches that were put off."""
        if not self._pending:
            return
        batches, self._pending = self._pending, []
        with self.span("step"):
            self._launch(batches)

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`; this waits for the device."""
        self.flush()
        return super().mean_loss()

    def reset(self) -> None:
        """Start a new mean and keep the model."""
        self.flush()
        super().reset()

    def _launch(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        places = tuple((images.data_ptr(), labels.data_ptr(), images.shape) for images, labels in batches)
        replay = self._replays.get(places)
        if replay is None and len(self._replays) < self._most_graphs and all(map(_is_contiguous, batches)):
            replay = self._replays[places] = self._capture(batches)
        if replay is not None:
            replay()
            return
        for images, labels in batches:
            if images.shape not in self._copied:
                own = (
                    torch.empty_like(images, memory_format=torch.contiguous_format),
                    torch.empty_like(labels),
                )
                for mine, given in zip(own, (images, labels), strict=True):
                    mine.copy_(given)
                self._copied[images.shape] = *own, self._capture([own])
            own_images, own_labels, replay = self._copied[images.shape]
            own_images.copy_(images)
            own_labels.copy_(labels)
            replay()

    def _capture(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Callable[[], None]:
        descents = [self._find_descent(*batch) for batch in batches]

        def work() -> None:
            for descend, batch in zip(descents, batches, strict=True):
                descend(*batch)

        return self._graphs.capture(work)

    def _find_descent(self, images: Tensor, labels: Tensor) -> Callable[[Tensor, Tensor], None]:
        """Return the descent for batches of that size, the fused one if it moves the model as torch's does.

        Both are tried first, as a capture can't hold the compiling and allocating of a first use.
        """
        size = labels.shape[0]
        if size not in self._descents:
            by_torch = self._make_torch_descent()
            moved = self._try_out(by_torch, images, labels)
            self._descents[size] = by_torch
            classes, pixels = self.model.weight.shape
            problem = find_problem(self._loss, classes, pixels)
            try:
                if problem is None:
                    fused = self._make_fused_descent(size)
                    if all(map(_agree, moved, self._try_out(fused, images, labels))):
                        self._descents[size] = fused
                    else:
                        problem = "its step and torch's differ here"
            except Exception as error:  # a compiler, a driver and a version of Triton fail in their own ways
                problem = repr(error)
            if problem is not None:
                _say(f"the graph holds torch's operations, not Triton's kernels: {problem}")
        return self._descents[size]

    def _make_torch_descent(self) -> Callable[[Tensor, Tensor], None]:
        total, own = self._total_loss, make_descent(self.model, self._loss, self._learning_rate)

        def descend(images: Tensor, labels: Tensor) -> None:
            total.add_(own(images, labels))

        return descend

    def _make_fused_descent(self, size: int) -> Callable[[Tensor, Tensor], None]:
        total, own = self._total_loss, FusedDescent(self.model, self._loss, self._learning_rate)
        own.prepare(size)
        return lambda images, labels: own(images, labels, total)

    def _try_out(
        self, descend: Callable[[Tensor, Tensor], None], images: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """Return the moves of weight, bias and total loss by a batch, and undo them."""
        state = (self.model.weight, self.model.bias, self._total_loss)
        before = [tensor.clone() for tensor in state]
        try:
            descend(images, labels)
            return [tensor - value for tensor, value in zip(state, before, strict=True)]
        finally:
            for tensor, value in zip(state, before, strict=True):
                tensor.copy_(value)


@functools.cache
def _say(text: str) -> None:
    """Print a line to standard error, once. It is no warning, as nothing has to be mended."""
    print(text, file=sys.stderr)  # noqa: T201


def _agree(one: Tensor, other: Tensor) -> bool:
    """Return whether two moves differ by no more than the rounding of float32 explains."""
    return bool((one - other).abs().max() <= TOLERANCE * one.abs().max() + ROUNDING)


def _is_contiguous(batch: tuple[Tensor, Tensor]) -> bool:
    return all(part.is_contiguous() for part in batch)
