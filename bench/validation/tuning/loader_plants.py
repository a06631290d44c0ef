"""Loader plants: the loaders with a known best setting that tune_loader has to find in this process."""

from __future__ import annotations

from collections.abc import Mapping

from bench.validation.targets import tuned
from bench.validation.tuning.planted_loader import PlantedLoader
from bench.validation.tuning.plants import STEP_MS, plan_equal, plan_waiting

# A step that waits for a moment, so that no stand-in takes its place.
SHORT_STEP_MS = 1.0


def _plan_ahead(cells: Mapping[str, str], worker_ms: float) -> float:
    """Return the seconds of an epoch whose worker is always ahead of the step, however deep the queue is."""
    del cells
    return (worker_ms + tuned.EQUAL_MS + tuned.BATCHES * STEP_MS) * 1e-3


LOADER_PLANTS = (
    PlantedLoader(
        "loader-equal",
        "equal",
        # Without workers the order is always kept, and without an accelerator nothing is pinned.
        {"num_workers": (0,), "in_order": (True, False), "pin_memory": (False, True)},
        5.0,
        plan_equal,
        step_ms=SHORT_STEP_MS,
        is_equal=True,
    ),
    PlantedLoader(
        "loader-ahead",
        "ahead",
        {"num_workers": (1,), "prefetch_factor": (2, 3, 4, 8), "persistent_workers": (False,)},
        5.0,
        _plan_ahead,
        step_ms=STEP_MS,
        is_equal=True,
    ),
    PlantedLoader(
        "loader-waiting",
        "waiting",
        # Workers that stay are timed in their second epoch, so their start counts nothing.
        {"num_workers": (0, 1, 2, 4), "prefetch_factor": (2,), "persistent_workers": (True,)},
        10.0,
        plan_waiting,
        step_ms=STEP_MS,
    ),
)
