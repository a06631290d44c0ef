"""Landscapes with a planted best: what a search space can look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np

from bench.validation.tuning.grids import SIMULATED_CORES, Point, make_grid
from bench.validation.tuning.landscape import Landscape, TrueTimes, put_first

# Seconds of a batch of the fastest configuration, and of starting a worker.
BATCH_S, WORKER_S = 10e-3, 20e-3
PROCESS_S = 0.4
# True speeds of a landscape, as shares of the fastest, in the order of the points.
MakeShares = Callable[[Sequence[Point], np.random.Generator], "list[float]"]


def make_plateau(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds that grow with the workers until the step is busy all the time."""
    needed = int(random.integers(2, 5))
    return [min(1.0, max(point.workers, 0.6) / needed) * _slow_threads(point, 0.02) for point in points]


def make_cliff(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds that grow up to the number of cores and fall behind it."""
    fall = random.uniform(0.6, 0.9)
    return [_find_cliff(point.workers, fall) * _slow_threads(point, 0.08) for point in points]


def make_peak(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds of which one is far above all others."""
    shares = random.uniform(0.5, 0.9, len(points))
    shares[random.integers(len(points))] = 1.0
    return [float(share) for share in shares]


def make_waiting(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds that grow with the workers far beyond the cores, as the samples wait for a service."""
    most = max(point.workers for point in points)
    ahead, loss = random.uniform(0.94, 1.0), random.uniform(0.0, 0.03)
    return [
        max(point.workers, 0.9) / most * (ahead if point.prefetch == 1 else 1.0) * _slow_threads(point, loss)
        for point in points
    ]


def make_computing(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds that grow until the workers and the step have all cores, and then slowly fall."""
    load = random.uniform(2.0, 3.5)
    drop = random.uniform(0.01, 0.03)
    shares = []
    for point in points:
        used = point.workers + point.threads
        gained = max(point.workers, 0.7) / load
        shares.append(min(1.0, gained) * (1 - drop) ** max(0, used - SIMULATED_CORES))
    return shares


def make_equal(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds that are all the same."""
    del random
    return [1.0] * len(points)


def make_present_best(points: Sequence[Point], random: np.random.Generator) -> list[float]:
    """Return speeds of which the one of the present configuration, the first, is the highest."""
    return [1.0, *(float(share) for share in random.uniform(0.5, 0.99, len(points) - 1))]


MAKERS: dict[str, MakeShares] = {
    "plateau": make_plateau,
    "cliff": make_cliff,
    "peak": make_peak,
    "waiting": make_waiting,
    "computing": make_computing,
    "equal": make_equal,
    "present-best": make_present_best,
    # Its fastest one begins slowly.
    "warm-up": make_peak,
}
# Of the fastest one of `warm-up`: time of a cold batch over that of a warm one, and range of their number.
COLD_FACTOR, COLD_BATCHES = 2.5, (10, 30)


def make_landscape(name: str, size: int, random: np.random.Generator) -> Landscape:
    """Return a landscape, of which details are drawn by chance.

    Args:
        name: one of MAKERS.
        size: number of configurations, one of SIZES.
        random: source of chance.
    """
    points = make_grid(size)
    shares = MAKERS[name](points, random)
    fastest = int(np.argmax(shares))
    is_flat = name == "equal"
    times = []
    for number, (point, share) in enumerate(zip(points, shares, strict=True)):
        is_cold = name == "warm-up" and number == fastest
        times.append(
            TrueTimes(
                batch_s=BATCH_S / share,
                start_s=0.0 if point.persistent or is_flat else WORKER_S * point.workers,
                cold_batches=int(random.integers(*COLD_BATCHES, endpoint=True)) if is_cold else 0,
                cold_factor=COLD_FACTOR if is_cold else 1.0,
                process_s=PROCESS_S + WORKER_S * point.workers,
                waiting=point.waiting,
                cost=point.cost,
                settings={knob: str(value) for knob, value in asdict(point).items()},
            )
        )
    present = 0 if name == "present-best" else int(random.integers(len(times)))
    return Landscape(name, put_first(times, present))


def _find_cliff(workers: int, fall: float) -> float:
    if workers <= SIMULATED_CORES:
        return max(workers, 0.6) / SIMULATED_CORES
    # Each further worker costs a little more.
    return float(fall * 0.97 ** (workers - SIMULATED_CORES))


def _slow_threads(point: Point, loss: float) -> float:
    """Return the share that further threads of torch leave of a speed."""
    return float((1 - loss) ** (point.threads - 1))
