"""Simulations: all settings that are simulated, on every core, and their rates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import BaseContext

from bench.machine.cpu_checks import count_usable_cores
from bench.process.forkserver import hide_main_module
from bench.validation.tuning.grids import SIZES
from bench.validation.tuning.noise import Noise
from bench.validation.tuning.rates import Rate
from bench.validation.tuning.simulate import Setting, Simulation, simulate

NOISES = (Noise(0.02), Noise(0.02, 0.05), Noise(0.1), Noise(0.1, 0.05))
# Budgets, as shares of the time of a sweep of the whole grid. A fifth is too short for small grids.
BUDGETS = (math.inf, 0.2)
# Simulations that a process is handed at once.
CHUNK = 4


def list_settings(landscapes: Sequence[str]) -> list[Setting]:
    """Return all settings of some landscapes.

    Args:
        landscapes: their names.
    """
    return [
        Setting(name, size, noise, budget)
        for name, noise, size, budget in itertools.product(landscapes, NOISES, SIZES, BUDGETS)
    ]


def simulate_all(settings: Sequence[Setting], runs: int, context: BaseContext) -> Iterator[Simulation]:
    """Simulate each setting some times, on every core, and yield the tunings in their order.

    Args:
        settings: the settings.
        runs: number of tunings of each.
        context: starts the processes.
    """
    pairs = [(setting, run) for setting in settings for run in range(runs)]
    with hide_main_module():
        pool = ProcessPoolExecutor(max(1, int(count_usable_cores())), mp_context=context)
        try:
            yield from pool.map(simulate, *zip(*pairs, strict=True), chunksize=CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def rate_simulations(found: Sequence[Simulation]) -> list[Rate]:
    """Return the rates of each landscape and noise without a budget, and of each noise with one."""
    rates = []
    for name, noise in itertools.product(dict.fromkeys(one.landscape for one in found), NOISES):
        chosen = [one for one in _select(found, noise, math.inf) if one.landscape == name]
        if chosen:
            rates.append(Rate(name, noise.name, chosen))
    for budget, noise in itertools.product(BUDGETS[1:], NOISES):
        if chosen := _select(found, noise, budget):
            name = f"all in {budget:.0%}"
            rates.append(Rate(name, noise.name, chosen, must_find=False))
    return rates


def _select(found: Sequence[Simulation], noise: Noise, budget: float) -> list[Simulation]:
    wanted = (noise.spread, noise.outliers, budget)
    return [one for one in found if (one.noise, one.outliers, one.budget) == wanted]
