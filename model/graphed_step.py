"""GraphedStep: the analytic step as CUDA graphs, which take hardly any of the host's time."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor

from model.descent import descent
from model.fused_step import FusedDescent, problem
from model.learning_step import LearningStep
from model.losses import Loss
from model.softmax_regression import SoftmaxRegression

# Beyond these, batches are copied to memory that a graph knows: a loader that never uses its own again would
# have a graph captured for each.
MOST_GRAPHS = 64

# Of the largest move, by how much two ways may differ; and of what float32 keeps of a weight near 1.
TOLERANCE, ROUNDING = 1e-3, 1e-6


class Graphs(Protocol):
    """Captures work on a device."""

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture what `work` launches, without doing it; return what launches all of that at once."""


class CudaGraphs:
    """CUDA graphs, which share their memory: no two of them run at once."""

    def __init__(self) -> None:
        self._pool: Any = None

    def captured(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture what `work` launches, without doing it; return what launches all of that at once."""
        graph = torch.cuda.CUDAGraph()
        # thread_local: a thread that pins memory meanwhile makes calls that would end a capture.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            work()
        self._pool = graph.pool()
        return graph.replay


class GraphedStep(LearningStep):
    """Gradient descent as AnalyticStep does it, captured once for each place that batches lie in.

    A loader that delivers out of a ring has few such places, so that from the second epoch on every batch is
    a replay. Batches in ever new places are copied into one that a graph was captured for.

    together: so many batches are put off and launched at once, by one graph. The loader must leave them as
    they are until all of them were delivered; `flush` launches what is still put off, and must be called
    before an epoch that was left early is followed by another. recurring: False for batches that come from
    ever new places; they are copied from the start. Where Triton can be used, a batch takes two or three
    kernels (`model.fused_step`), else as many as torch's operations do.
    """

    def __init__(
        self,
        model: SoftmaxRegression,
        loss: Loss,
        learning_rate: float,
        *,
        chunk_batches: int = 1,
        static_addresses: bool = True,
        graphs: Graphs | None = None,
    ) -> None:
        super().__init__(model)
        # What measures the work that is launched within it.
        self.span: Callable[[str], AbstractContextManager[object]] = nullcontext
        self._loss = loss
        self._learning_rate = learning_rate
        self._chunk_batches = chunk_batches
        self._most_graphs = MOST_GRAPHS if static_addresses else 0
        self._graphs = graphs or CudaGraphs()
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._replays: dict[tuple[object, ...], Callable[[], None]] = {}
        self._copied: dict[tuple[int, ...], tuple[Tensor, Tensor, Callable[[], None]]] = {}
        # By the batch's size: a graph is bound to the memory of its descent.
        self._descents: dict[int, Callable[[Tensor, Tensor], None]] = {}

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        """Train on one batch, now or with those that follow."""
        self._pending.append((images, labels))
        self._samples += labels.shape[0]
        if len(self._pending) >= self._chunk_batches:
            self.flush()

    def flush(self) -> None:
        """Launch what was put off."""
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
        """Start a new mean; the model stays as it is."""
        self.flush()
        super().reset()

    def _launch(self, batches: Sequence[tuple[Tensor, Tensor]]) -> None:
        places = tuple((images.data_ptr(), labels.data_ptr(), images.shape) for images, labels in batches)
        replay = self._replays.get(places)
        if replay is None and len(self._replays) < self._most_graphs and all(map(_is_plain, batches)):
            replay = self._replays[places] = self._captured(batches)
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
                self._copied[images.shape] = *own, self._captured([own])
            own_images, own_labels, replay = self._copied[images.shape]
            own_images.copy_(images)
            own_labels.copy_(labels)
            replay()

    def _captured(self, batches: Sequence[tuple[Tensor, Tensor]]) -> Callable[[], None]:
        descents = [self._descent(*batch) for batch in batches]

        def work() -> None:
            for descend, batch in zip(descents, batches, strict=True):
                descend(*batch)

        return self._graphs.captured(work)

    def _descent(self, images: Tensor, labels: Tensor) -> Callable[[Tensor, Tensor], None]:
        """What moves the model by a batch of that size, with all that it needs made before a capture."""
        size = labels.shape[0]
        if size not in self._descents:
            # What is compiled, loaded or allocated by the first use can't be in a capture.
            by_torch = self._by_torch()
            moved = self._tried(by_torch, images, labels)
            self._descents[size] = by_torch
            classes, pixels = self.model.weight.shape
            why = problem(self._loss, classes, pixels)
            try:
                if why is None:
                    fused = self._fused(size)
                    if all(map(_agree, moved, self._tried(fused, images, labels))):
                        self._descents[size] = fused
                    else:
                        why = "its step and torch's differ here"
            except Exception as error:  # a compiler, a driver, a version of Triton: each fails in its own way
                why = repr(error)
            if why is not None:
                _say(f"the graph holds torch's operations, not Triton's kernels: {why}")
        return self._descents[size]

    def _by_torch(self) -> Callable[[Tensor, Tensor], None]:
        total, own = self._total_loss, descent(self.model, self._loss, self._learning_rate)

        def descend(images: Tensor, labels: Tensor) -> None:
            total.add_(own(images, labels))

        return descend

    def _fused(self, size: int) -> Callable[[Tensor, Tensor], None]:
        total, own = self._total_loss, FusedDescent(self.model, self._loss, self._learning_rate)
        own.prepare(size)
        return lambda images, labels: own(images, labels, total)

    def _tried(
        self, descend: Callable[[Tensor, Tensor], None], images: Tensor, labels: Tensor
    ) -> list[Tensor]:
        """By how much it moves weight, bias and total loss, which then are as they were."""
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
    """Say it once, to where the process's own words go: not a warning, as none is to be mended here."""
    print(text, file=sys.stderr)  # noqa: T201


def _agree(one: Tensor, other: Tensor) -> bool:
    """Whether two moves are the same but for what float32 rounds, as far as it shows in such small moves."""
    return bool((one - other).abs().max() <= TOLERANCE * one.abs().max() + ROUNDING)


def _is_plain(batch: tuple[Tensor, Tensor]) -> bool:
    """Whether it lies in memory as its place and its shape say."""
    return all(part.is_contiguous() for part in batch)
