"""Plants: the loaders with a known best setting that real tunings have to find."""

from __future__ import annotations

from collections.abc import Mapping

from bench.validation.diagnosis.truth import CORES
from bench.validation.targets import tuned
from bench.validation.tuning.planted_loader import PlantedLoader
from loaders.spec.knobs import Value
from loaders.spec.own_loader_spec import PARAM

VARIANT = f"{PARAM}variant"
STEP_MS = 10.0
# Whatever isn't tried has one value.
FIXED: Mapping[str, tuple[Value, ...]] = {
    "prefetch_factor": (2,),
    "persistent_workers": (False,),
    "multiprocessing_context": ("fork",),
}


def _plan_workers(batch_ms: float, step_ms: float, most: float, workers: int, worker_ms: float) -> float:
    """Return the seconds of an epoch that workers load.

    Args:
        batch_ms: milliseconds of a batch in a worker.
        step_ms: milliseconds of the step.
        most: most workers that can load at the same time.
        workers: number of workers; 0 loads in the training process.
        worker_ms: milliseconds of starting and ending a worker.
    """
    if not workers:
        return tuned.BATCHES * (batch_ms + step_ms) * 1e-3
    rate_ms = max(step_ms, batch_ms / min(workers, most))
    # The first batch takes its whole time, and the last one its step.
    return (workers * worker_ms + batch_ms + (tuned.BATCHES - 1) * rate_ms + step_ms) * 1e-3


def plan_waiting(cells: Mapping[str, str], worker_ms: float) -> float:
    """Return the seconds of an epoch whose batches wait.

    Args:
        cells: settings of the configuration.
        worker_ms: milliseconds of starting and ending a worker.
    """
    workers = int(cells["num_workers"])
    return _plan_workers(tuned.WAIT_MS, STEP_MS, tuned.BATCHES, workers, worker_ms)


def _plan_computing(cells: Mapping[str, str], worker_ms: float) -> float:
    workers = int(cells["num_workers"])
    return _plan_workers(tuned.COMPUTE_MS, 0.0, CORES, workers, worker_ms)


def plan_equal(cells: Mapping[str, str], worker_ms: float) -> float:
    """Return the seconds of an epoch that are the same for all configurations.

    Args:
        cells: settings of the configuration.
        worker_ms: milliseconds of starting and ending a worker.
    """
    del cells, worker_ms
    return tuned.BATCHES * tuned.EQUAL_MS * 1e-3


def _plan_keeping(cells: Mapping[str, str], worker_ms: float) -> float:
    del worker_ms
    kept_ms = tuned.FIRST_READ_MS if cells[VARIANT] == "kept" else 0.0
    # A kept sample takes no time; the step remains.
    return tuned.BATCHES * (STEP_MS + (0.0 if kept_ms else tuned.PLAIN_MS)) * 1e-3


PLANTS = (
    PlantedLoader(
        "real-equal", "equal", {"num_workers": (0,), VARIANT: (0, 1, 2, 3)}, 18.0, plan_equal, is_equal=True
    ),
    PlantedLoader(
        "real-waiting",
        "waiting",
        {**FIXED, "num_workers": (0, 1, 2, 4)},
        40.0,
        plan_waiting,
        step_ms=STEP_MS,
    ),
    PlantedLoader(
        "real-computing", "computing", {**FIXED, "num_workers": (0, 1, 2, 4)}, 40.0, _plan_computing
    ),
    PlantedLoader(
        "real-warm-up",
        "keeping",
        {"num_workers": (0,), VARIANT: ("plain", "kept")},
        18.0,
        _plan_keeping,
        step_ms=STEP_MS,
    ),
)
