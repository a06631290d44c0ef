"""PlannedQueue: an epoch of planned pieces through the queue of a DataLoader, which tells the true times.

It shares nothing with the replay that the diagnosis predicts by, so that one can't hide a fault of the other.
It goes from instant to instant: pieces that compute share the cores evenly, and pieces that wait need none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# Pieces shorter than this are over, in seconds.
TINY_S = 1e-9


@dataclass(frozen=True)
class Piece:
    """A planned time.

    Attributes:
        seconds: its length.
        busy: whether it computes; else it waits.
    """

    seconds: float
    busy: bool = False


@dataclass
class PlannedBatch:
    """One batch on its way, in seconds since the epoch began.

    Attributes:
        worker: number of the worker that loads it; -1 for the training process.
        begun_s: its loading begins.
        ended_s: its loading ends.
        taken_s: the training process takes it.
        done_s: its step is done.
    """

    worker: int
    begun_s: float = 0.0
    ended_s: float = 0.0
    taken_s: float = 0.0
    done_s: float = 0.0


@dataclass
class _Actor:
    """A worker, or the training process: the pieces that it has to do, one after another."""

    number: int
    pieces: deque[Piece] = field(default_factory=deque)
    left_s: float = 0.0
    # Batches that wait to be loaded, and the one that is being loaded.
    asked: deque[int] = field(default_factory=deque)
    batch: int | None = None

    def push(self, pieces: Iterable[Piece]) -> None:
        self.pieces.extend(piece for piece in pieces if piece.seconds > TINY_S)
        if self.pieces and self.left_s == 0.0:
            self.left_s = self.pieces[0].seconds

    @property
    def is_idle(self) -> bool:
        return not self.pieces

    @property
    def is_busy(self) -> bool:
        return bool(self.pieces) and self.pieces[0].busy

    def advance(self, seconds: float) -> None:
        self.left_s -= seconds
        if self.left_s <= TINY_S:
            self.pieces.popleft()
            self.left_s = self.pieces[0].seconds if self.pieces else 0.0


@dataclass
class PlannedQueue:
    """An epoch through the queue of a DataLoader.

    Attributes:
        loads: pieces of each batch's loading.
        steps: pieces of the training process for each batch, once it has arrived.
        first: pieces of each worker before its first batch; none where workers stay between epochs.
        worker_s: seconds of the training process to start a worker.
        order: piece of the training process for the sampler to name the samples of a batch.
        num_workers: number of workers; 0 loads in the training process.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches are delivered in the sampler's order.
        cores: cores that the computing pieces share.
    """

    loads: Sequence[Sequence[Piece]]
    steps: Sequence[Piece]
    first: Sequence[Piece] = ()
    worker_s: float = 0.0
    num_workers: int = 0
    prefetch_factor: int = 2
    in_order: bool = True
    cores: float = 2.0
    order: Piece = Piece(0.0)

    def run(self) -> list[PlannedBatch]:
        """Return the batches by their numbers. The epoch ends with the last of their steps."""
        self._now_s = 0.0
        self._batches = [PlannedBatch(-1) for _ in self.loads]
        if self.num_workers:
            self._run_workers()
        else:
            self._run_alone()
        return self._batches

    def _run_alone(self) -> None:
        self._now_s = self._find_s(self.first)
        for batch, load in zip(self._batches, self.loads, strict=True):
            batch.begun_s = self._now_s + self._find_s([self.order])
            batch.ended_s = batch.taken_s = batch.begun_s + self._find_s(load)
            batch.done_s = self._now_s = batch.taken_s + self._find_s(self.steps)

    def _find_s(self, pieces: Iterable[Piece]) -> float:
        """Return the seconds of pieces of a single process."""
        rate = min(1.0, self.cores)
        return sum(piece.seconds / (rate if piece.busy else 1.0) for piece in pieces)

    def _run_workers(self) -> None:
        self._workers = [_Actor(number) for number in range(self.num_workers)]
        self._training = _Actor(self.num_workers)
        self._next_asked = self._next_worker = self._num_taken = 0
        self._ready: list[int] = []
        for worker in self._workers:
            # They are started one after another, and each begins at once.
            worker.push([Piece((worker.number + 1) * self.worker_s), *self.first])
        asked = sum(self._ask() for _ in range(self.num_workers * self.prefetch_factor))
        self._training.push([Piece(self.num_workers * self.worker_s), *[self.order] * asked])
        self._begin_loads()
        self._take_batch()
        while running := [actor for actor in (*self._workers, self._training) if not actor.is_idle]:
            self._now_s += self._advance(running)
            self._begin_loads()
            self._take_batch()

    def _advance(self, actors: Sequence[_Actor]) -> float:
        """Go on to the end of the piece that ends first, and return the seconds until then."""
        number = sum(actor.is_busy for actor in actors)
        rate = min(1.0, self.cores / number) if number else 1.0
        rates = [rate if actor.is_busy else 1.0 for actor in actors]
        step_s = min(actor.left_s / speed for actor, speed in zip(actors, rates, strict=True))
        for actor, speed in zip(actors, rates, strict=True):
            actor.advance(step_s * speed)
        return step_s

    def _ask(self) -> bool:
        """Hand the next batch to a worker: in turn, or out of order to the one that has the fewest.

        Returns:
            False where there is no next one, so that the sampler has nothing to do.
        """
        if self._next_asked == len(self.loads):
            return False
        worker = self._workers[self._next_worker % self.num_workers]
        if not self.in_order:
            worker = min(self._workers, key=lambda one: len(one.asked) + (one.batch is not None))
        worker.asked.append(self._next_asked)
        self._next_asked += 1
        self._next_worker += 1
        return True

    def _begin_loads(self) -> None:
        """Let each idle worker deliver its batch and begin with the next one."""
        for worker in self._workers:
            while worker.is_idle:
                if worker.batch is not None:
                    self._ready.append(worker.batch)
                    self._batches[worker.batch].ended_s = self._now_s
                    worker.batch = None
                if not worker.asked:
                    break
                worker.batch = worker.asked.popleft()
                worker.push(self.loads[worker.batch])
                self._batches[worker.batch].worker = worker.number
                self._batches[worker.batch].begun_s = self._now_s

    def _take_batch(self) -> None:
        """Let the idle training process take batches that are there, which asks for the next ones."""
        while self._training.is_idle:
            if self._training.batch is not None:
                self._batches[self._training.batch].done_s = self._now_s
                self._training.batch = None
            number = self._num_taken if self.in_order else next(iter(self._ready), -1)
            if number not in self._ready:
                return
            self._ready.remove(number)
            self._num_taken += 1
            self._training.batch = number
            self._batches[number].taken_s = self._now_s
            asked = self._ask()
            self._begin_loads()
            self._training.push([*[self.order] * asked, *self.steps])
