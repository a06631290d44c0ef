"""Replay an epoch whose workers, training process and step share too few cores."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from bench.analysis.replay.shared_cores import SharedCores
from bench.analysis.replay.task_queue import TaskQueue
from bench.analysis.replay.timeline import Timeline

if TYPE_CHECKING:
    from bench.analysis.replay.queue_replay import ReplayInput


def replay_capped(epoch: ReplayInput) -> Timeline:
    """Replay an epoch with workers, where cores are shared."""
    return _CappedReplay(epoch).run()


class _CappedReplay:
    """The workers, the receiver of batches and the training loop of one epoch, each a small state machine."""

    def __init__(self, epoch: ReplayInput) -> None:
        self._epoch = epoch
        self._load_s = epoch.load_s.tolist()
        self._load_cores = epoch.load_cores.tolist()
        self._step_s = epoch.step_s.tolist()
        self._timeline = Timeline(len(self._load_s))
        self._queue = TaskQueue(
            len(self._load_s), epoch.num_workers, epoch.prefetch_factor, in_order=epoch.in_order
        )
        self._cores = SharedCores(epoch.cores, epoch.start_s)
        self._tasks: list[deque[int]] = [deque() for _ in range(epoch.num_workers)]
        self._is_loading = [False] * epoch.num_workers
        # Batches that can be received.
        self._results: deque[int] = deque()
        self._is_receiving = False
        # Time at which the training loop asked for the batch that it waits for; None while it doesn't wait.
        self._asked: float | None = None

    def run(self) -> Timeline:
        """Run the epoch."""
        for _ in range(self._epoch.num_workers * self._epoch.prefetch_factor):
            self._send()
        self._ask()
        while len(self._timeline.done) < len(self._load_s):
            self._cores.advance()
        return self._timeline

    def _send(self) -> None:
        task = self._queue.send()
        if task is not None:
            worker, batch = task
            self._tasks[worker].append(batch)
            self._load_next(worker)

    def _load_next(self, worker: int) -> None:
        if self._is_loading[worker] or not self._tasks[worker]:
            return
        batch = self._tasks[worker].popleft()
        self._is_loading[worker] = True
        self._timeline.begun[batch] = self._cores.now
        then = partial(self._hand_on, worker, batch)
        self._cores.start(self._load_s[batch], self._load_cores[batch], then)

    def _hand_on(self, worker: int, batch: int) -> None:
        self._timeline.ended[batch] = self._cores.now
        self._is_loading[worker] = False
        self._load_next(worker)
        if self._epoch.latency_s:
            self._cores.start(self._epoch.latency_s, 0.0, partial(self._arrive, batch))
        else:
            self._arrive(batch)

    def _arrive(self, batch: int) -> None:
        self._results.append(batch)
        self._serve()

    def _ask(self) -> None:
        self._asked = self._cores.now
        self._serve()

    def _serve(self) -> None:
        """Hand out the batch that is waited for, or receive the next one."""
        if self._asked is not None and (batch := self._queue.hand_out()) is not None:
            self._timeline.deliver(batch, self._asked, self._cores.now)
            self._asked = None
            self._send()
            self._cores.start(self._step_s[batch], self._epoch.step_cores, self._finish_step)
        may_receive = self._epoch.has_receiver or self._asked is not None
        if self._results and may_receive and not self._is_receiving:
            self._is_receiving = True
            then = partial(self._receive, self._results.popleft())
            self._cores.start(self._epoch.hand_s, self._epoch.hand_cores, then)

    def _receive(self, batch: int) -> None:
        self._is_receiving = False
        self._queue.receive(batch)
        self._serve()

    def _finish_step(self) -> None:
        self._timeline.done.append(self._cores.now)
        if len(self._timeline.done) < len(self._load_s):
            self._ask()
