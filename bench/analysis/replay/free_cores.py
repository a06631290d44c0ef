"""Replay an epoch where nothing waits for a core."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from bench.analysis.replay.task_queue import TaskQueue
from bench.analysis.replay.timeline import Timeline

if TYPE_CHECKING:
    from bench.analysis.replay.queue_replay import ReplayInput


def replay_free(epoch: ReplayInput) -> Timeline:
    """Replay an epoch with workers that have a core whenever they want one.

    A batch's end is then known as soon as it is sent: F = max(end of the worker's last batch, now) + X. In
    order and with nothing to hand over, these are the recursions F_k = max(F_{k-W}, R_{k-PW}) + X_k and
    R_k = max(F_k, R_{k-1} + s).
    """
    load_s, step_s = epoch.load_s.tolist(), epoch.step_s.tolist()
    timeline = Timeline(len(load_s))
    queue = TaskQueue(len(load_s), epoch.num_workers, epoch.prefetch_factor, in_order=epoch.in_order)
    free = [epoch.start_s] * epoch.num_workers
    # Batches on their way, by the time at which they can be received.
    under_way: list[tuple[float, int]] = []
    now = received = epoch.start_s

    def send() -> None:
        task = queue.send()
        if task is None:
            return
        worker, batch = task
        begun = max(free[worker], now)
        free[worker] = ended = begun + load_s[batch]
        timeline.begun[batch], timeline.ended[batch] = begun, ended
        heappush(under_way, (ended + epoch.latency_s, batch))

    for _ in range(epoch.num_workers * epoch.prefetch_factor):
        send()
    for _ in range(len(load_s)):
        asked = now
        while (handed := queue.hand_out()) is None:
            ready, batch = heappop(under_way)
            if epoch.has_receiver:
                received = max(received, ready) + epoch.hand_s
                now = max(now, received)
            else:
                now = max(now, ready) + epoch.hand_s
            queue.receive(batch)
        timeline.deliver(handed, asked, now)
        send()
        now += step_s[handed]
        timeline.done.append(now)
    return timeline
