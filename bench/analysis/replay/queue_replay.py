"""Replay measured times of batches through the queue of a DataLoader, with the cores that there are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class ReplayInput:
    """One epoch to replay. Arrays hold one float64 a batch, in the order of the sampler.

    Attributes:
        load_s: seconds that a worker needs for a batch when it has a core whenever it wants one.
        cpu_s: CPU seconds of them; the rest is waiting for a disk, a network or a sleep.
        step_s: seconds of the step alone, transfer included.
        step_cores: cores that the step keeps busy while it runs, such as 1.8; 0 for a step on a GPU.
        hand_s: seconds of the training process to receive a batch from a worker, which delays its step.
        num_workers: number of workers; 0 loads in the training process.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches are delivered in the sampler's order.
        cores: cores that all processes share.
        start_s: seconds from before `iter(loader)` until workers begin with their first batches.
        end_s: seconds from the last step until the iterator is gone.
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

    def with_workers(self, num_workers: int) -> ReplayInput:
        """Return a copy with another number of workers."""
        return replace(self, num_workers=num_workers)


@dataclass(frozen=True, eq=False)
class Replay:
    """A replayed epoch.

    Attributes:
        wall_s: length of the epoch.
        wait_s: seconds that the training waits for each batch.
        arrived_s: seconds since the start at which each batch arrives.
    """

    wall_s: float
    wait_s: np.ndarray
    arrived_s: np.ndarray


def replay_epoch(epoch: ReplayInput) -> Replay:
    """Replay one epoch through the queue of a DataLoader."""
    raise NotImplementedError
