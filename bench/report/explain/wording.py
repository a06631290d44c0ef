"""Words and figures that the screen, the answer and the charts of an explanation share."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.explanation import Explanation, Rung
from bench.analysis.explanation.words import format_cores
from bench.analysis.statistics import Estimate
from bench.text import format_count, format_ratio, printable

# Names of `Part.place` and `Rung.place`.
TRAINING, WORKER = "training", "worker"
# Names of parts.
START_UP, WAITING, STEP, IDLE, OTHER = "start-up", "waiting", "step", "idle", "other"
# Start method that copies the training process, so that nothing is pickled for a worker.
FORK = "fork"
# Value of LoaderSetup.step without one.
NO_STEP = "none"


def format_interval(found: Estimate, form: Callable[[float], str], *, name: str = "") -> str:
    """Return an interval in brackets with a space before it; empty where there is none.

    Args:
        found: the estimate.
        form: formats one figure.
        name: words before the figures, such as `95% interval`; default none.
    """
    if found.low is None or found.high is None or not math.isfinite(found.low + found.high):
        return ""
    return f" ({name}{' ' * bool(name)}{form(found.low)}–{form(found.high)})"


def explain_no_interval(found: Estimate) -> str:
    """Return why an estimate has no interval, in brackets with a space before it; empty where it has one."""
    if found.low is not None and found.high is not None:
        return ""
    return f" ({format_count(found.blocks, 'block')}: no interval)"


def format_factor(factor: float) -> str:
    """Return a ratio of throughputs with two decimals, such as `1.90`, or in three digits from 10 on."""
    return f"{factor:.2f}" if abs(factor) < 9.995 else format_ratio(factor)


def format_gain(gain: Estimate | None) -> str:
    """Return a ratio of throughputs with its interval, such as `×2.10 (1.90–2.30)`."""
    if gain is None:
        return "not predicted"
    return f"×{format_factor(gain.median)}{format_interval(gain, format_factor)}"


def name_subject(setup: LoaderSetup) -> str:
    """Return `this training`, or `this loader` where it runs without a step."""
    return "this loader" if setup.step == NO_STEP else "this training"


def describe_workers(setup: LoaderSetup) -> str:
    """Return the workers in words, such as `each of 2 workers`."""
    return "the worker" if setup.num_workers == 1 else f"each of {setup.num_workers} workers"


def describe_setup(setup: LoaderSetup) -> str:
    """Return the configuration in one line."""
    parts = [setup.family]
    if setup.batch_size is not None:
        parts.append(f"batch {setup.batch_size:,}")
    if setup.num_workers:
        how = [setup.multiprocessing_context or "", "persistent" * setup.persistent_workers]
        if setup.prefetch_factor is not None:
            how.append(f"prefetch {setup.prefetch_factor}")
        details = f" ({', '.join(filter(None, how))})" if any(how) else ""
        parts.append(f"{format_count(setup.num_workers, 'worker')}{details}")
    elif setup.has_dataloader:
        parts.append("no workers")
    step = "no step" if setup.step == NO_STEP else f"step {setup.step}"
    device = name_device(setup.device, setup.gpu)
    return printable(", ".join([*parts, step, device, format_cores(setup.cores)]))


def name_device(device: str, gpu: str) -> str:
    """Return a device with the name of the GPU where it is known, such as `cuda (NVIDIA A100)`."""
    return f"{device} ({gpu})" if device == "cuda" and gpu else device


def count_samples(explanation: Explanation) -> float:
    """Return the number of samples in a batch; 1 where it isn't known, so that times are those of a batch."""
    return float(explanation.setup.batch_size or 1)


def name_piece(explanation: Explanation) -> str:
    """Return `sample`, or `batch` where the number of samples in a batch isn't known."""
    return "sample" if explanation.setup.batch_size else "batch"


def find_cost_s(rung: Rung) -> float:
    """Return what a stage of the ladder costs a sample, in seconds.

    A difference below 0 counts as 0 where it has no interval, since nothing else would say that it is noise.
    """
    return rung.sample_s if rung.batch_s.low is not None else max(0.0, rung.sample_s)


def find_step_s(explanation: Explanation) -> float | None:
    """Return the seconds that the step takes for a batch; None without one."""
    steps = [part.batch_s.median for part in explanation.parts if part.name == STEP]
    return steps[0] if steps else None
