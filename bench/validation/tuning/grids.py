"""Grids of simulated settings, as large as those of real search spaces."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

# The cores of the simulated machine.
SIMULATED_CORES = 4


@dataclass(frozen=True)
class Point:
    """The setting of one configuration.

    Attributes:
        workers: worker processes; 0 loads in the training process.
        threads: threads of torch.
        prefetch: batches that each worker loads ahead; 0 without workers.
        persistent: whether workers live on between epochs.
        fetches_batches: whether a worker fetches a batch at once instead of sample by sample.
    """

    workers: int
    threads: int = 1
    prefetch: int = 0
    persistent: bool = False
    fetches_batches: bool = False

    @property
    def waiting(self) -> int:
        """Number of batches that wait in its queues."""
        return self.workers * self.prefetch

    @property
    def cost(self) -> tuple[float, ...]:
        """Costs beside its time: processes, then batches that wait."""
        return (1.0 + self.workers, float(self.waiting))


# By the size of the grid: workers, threads, prefetch factors, persistent or not, batched fetch or not. Points
# without workers have nothing to prefetch and nothing to keep alive, and count once.
_BOTH = (False, True)
_AXES: dict[int, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[bool, ...], tuple[bool, ...]]]
_AXES = {
    12: ((0, 1, 2, 3, 4, 8), (1, 4), (2,), (True,), (False,)),
    24: ((0, 1, 2, 3, 4, 5, 6, 8), (1, 2, 4), (2,), (True,), (False,)),
    60: ((0, 1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 4), (2, 4), (True,), (False,)),
    218: ((0, 1, 2, 3, 4, 5, 6, 8, 12, 16), (1, 4), (1, 2, 4), _BOTH, _BOTH),
}
SIZES = tuple(_AXES)


def make_grid(size: int) -> tuple[Point, ...]:
    """Return the settings of a grid.

    Args:
        size: number of settings, one of SIZES.
    """
    counts, threads, factors, persistent, fetched = _AXES[size]
    alone = [Point(0, number) for number in threads]
    some = [count for count in counts if count]
    settings = itertools.product(some, threads, factors, persistent, fetched)
    return (*alone, *(Point(*setting) for setting in settings))
