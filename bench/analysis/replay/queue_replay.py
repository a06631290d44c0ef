"""Replay measured times of batches through the queue of a DataLoader, with the cores that there are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from bench.analysis.replay.capped_replay import replay_capped
from bench.analysis.replay.free_cores import replay_free
from bench.analysis.replay.shared_cores import find_stretch
from bench.analysis.replay.timeline import Timeline

ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ReplayInput:
    """One epoch to replay. Arrays hold one float64 a batch, in the order of the sampler.

    Attributes:
        load_s: seconds that a worker needs for a batch when it has a core whenever it wants one.
        cpu_s: CPU seconds of them; the rest is waiting for a disk, a network or a sleep.
        step_s: seconds of the step alone, transfer included.
        step_cores: cores that the step keeps busy while it runs, such as 1.8; 0 for a step on a GPU.
        hand_s: seconds of the training process to receive a batch from a worker, which delays its step.
            Without workers, its own seconds around the loading of a batch.
        num_workers: number of workers; 0 loads in the training process.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches are delivered in the sampler's order.
        cores: cores that all processes share.
        start_s: seconds from before `iter(loader)` until workers begin with their first batches.
        end_s: seconds from the last step until the iterator is gone.
        latency_s: seconds from the end of a batch's loading until it can be received; default 0.
        hand_cores: cores that are busy while a batch is received; default 1.
        has_receiver: whether a thread beside the training loop receives batches, as with page-locked memory,
            so that `hand_s` passes beside the step; default False.
    """

    load_s: np.ndarray
    cpu_s: np.ndarray
    step_s: np.ndarray
    step_cores: float
    hand_s: float
    num_workers: int
    prefetch_factor: int
    in_order: bool
    cores: float
    start_s: float = 0.0
    end_s: float = 0.0
    latency_s: float = 0.0
    hand_cores: float = 1.0
    has_receiver: bool = False

    @property
    def batches(self) -> int:
        """Number of batches."""
        return len(self.load_s)

    @property
    def load_cores(self) -> np.ndarray:
        """Cores that the loading of each batch keeps busy, at most 1."""
        share = np.divide(self.cpu_s, self.load_s, out=np.zeros(self.batches), where=self.load_s > 0)
        cores: np.ndarray = np.clip(share, 0.0, 1.0)
        return cores

    @property
    def most_cores(self) -> float:
        """The most cores that its processes can want at the same time."""
        training = [self.step_cores, self.hand_cores if self.hand_s else 0.0]
        workers = np.sort(self.load_cores)[::-1][: self.num_workers].sum()
        return float(workers) + (sum(training) if self.has_receiver else max(training))

    def with_workers(self, num_workers: int) -> ReplayInput:
        """Return a copy with another number of workers."""
        return replace(self, num_workers=num_workers)


@dataclass(frozen=True, eq=False)
class Replay:
    """A replayed epoch. Arrays hold one value a batch, in the order of delivery.

    Attributes:
        wall_s: length of the epoch.
        wait_s: seconds that the training waits for each batch.
        arrived_s: seconds since the start at which each batch arrives.
        done_s: seconds since the start at which its step is done.
        begun_s: seconds since the start at which its loading begins.
        ended_s: seconds since the start at which its loading ends.
        order: numbers of the batches in the order of the sampler (int64).
    """

    wall_s: float
    wait_s: np.ndarray
    arrived_s: np.ndarray
    done_s: np.ndarray = field(default_factory=lambda: np.empty(0))
    begun_s: np.ndarray = field(default_factory=lambda: np.empty(0))
    ended_s: np.ndarray = field(default_factory=lambda: np.empty(0))
    order: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def step_s(self) -> np.ndarray:
        """Seconds of each step, with the cores that it had."""
        seconds: np.ndarray = self.done_s - self.arrived_s
        return seconds

    @property
    def load_s(self) -> np.ndarray:
        """Seconds of each batch's loading, with the cores that its worker had."""
        seconds: np.ndarray = self.ended_s - self.begun_s
        return seconds


def replay_epoch(epoch: ReplayInput) -> Replay:
    """Replay one epoch through the queue of a DataLoader.

    Args:
        epoch: the times of its batches, at least one.

    Raises:
        ValueError: there is no batch, or less than one batch is loaded ahead.
    """
    if not epoch.batches:
        raise ValueError("an epoch to replay has at least one batch")
    if epoch.num_workers and epoch.prefetch_factor < 1:
        raise ValueError(f"prefetch_factor is {epoch.prefetch_factor}; a worker loads at least 1 batch ahead")
    if not epoch.num_workers:
        timeline = _replay_series(epoch)
    elif epoch.most_cores > epoch.cores + ROUNDING:
        timeline = replay_capped(epoch)
    else:
        timeline = replay_free(epoch)
    order = np.array(timeline.order)
    arrived_s, done_s = np.array(timeline.arrived), np.array(timeline.done)
    return Replay(
        wall_s=float(done_s[-1]) + epoch.end_s,
        wait_s=arrived_s - np.array(timeline.asked),
        arrived_s=arrived_s,
        done_s=done_s,
        begun_s=np.array(timeline.begun)[order],
        ended_s=np.array(timeline.ended)[order],
        order=order,
    )


def _replay_series(epoch: ReplayInput) -> Timeline:
    """Replay an epoch that the training process loads itself, one batch after the step of the last one."""
    timeline = Timeline(epoch.batches)
    load_s = [
        seconds * _find_pace(cores, epoch.cores)
        for seconds, cores in zip(epoch.load_s.tolist(), epoch.load_cores.tolist(), strict=True)
    ]
    step_s = (epoch.step_s * _find_pace(epoch.step_cores, epoch.cores)).tolist()
    now = epoch.start_s
    for batch in range(epoch.batches):
        asked = now
        timeline.begun[batch] = now
        now += load_s[batch]
        timeline.ended[batch] = now
        now += epoch.hand_s
        timeline.deliver(batch, asked, now)
        now += step_s[batch]
        timeline.done.append(now)
    return timeline


def _find_pace(wanted: float, cores: float) -> float:
    """Return the seconds that pass for one second of some work that runs alone."""
    return 1 + min(1.0, wanted) * (find_stretch([wanted], cores) - 1)
