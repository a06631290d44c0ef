"""TaskQueue: which worker of a DataLoader gets which batch, and which batch is handed out."""

from __future__ import annotations

from collections import deque


class TaskQueue:
    """The bookkeeping of a DataLoader with workers, as torch 2.14 has it.

    In order, batch k belongs to worker k mod W, and a batch that is received early is stored until its turn.
    Out of order, the next worker that has fewer than P tasks gets the next batch, and batches are handed out
    as they are received. In both, the next batch is sent to a worker when one is handed out.
    """

    def __init__(self, batches: int, num_workers: int, prefetch_factor: int, *, in_order: bool) -> None:
        """Prepare an epoch.

        Args:
            batches: number of batches.
            num_workers: number of workers, at least 1.
            prefetch_factor: batches that each worker loads ahead.
            in_order: whether batches are handed out in the sampler's order.
        """
        self._batches = batches
        self._num_workers = num_workers
        self._prefetch_factor = prefetch_factor
        self._in_order = in_order
        self._sent = 0
        self._turn = 0
        self._next = 0
        self._tasks = [0] * num_workers
        self._workers = [0] * batches
        self._early: set[int] = set()
        self._received: deque[int] = deque()

    def send(self) -> tuple[int, int] | None:
        """Return the worker that gets the next batch, and the batch; None where none is left."""
        if self._sent == self._batches:
            return None
        worker = self._take_turn()
        while not self._in_order and self._tasks[worker] >= self._prefetch_factor:
            worker = self._take_turn()
        batch = self._sent
        self._tasks[worker] += 1
        self._workers[batch] = worker
        self._sent += 1
        return worker, batch

    def receive(self, batch: int) -> None:
        """Keep a batch that has come from its worker."""
        if self._in_order:
            self._early.add(batch)
        else:
            self._received.append(batch)

    def hand_out(self) -> int | None:
        """Return the batch whose turn it is, which makes room at its worker; None where it isn't there."""
        if not self._in_order:
            if not self._received:
                return None
            batch = self._received.popleft()
        elif self._next in self._early:
            batch = self._next
            self._early.remove(batch)
            self._next += 1
        else:
            return None
        self._tasks[self._workers[batch]] -= 1
        return batch

    def _take_turn(self) -> int:
        worker = self._turn
        self._turn = (worker + 1) % self._num_workers
        return worker
