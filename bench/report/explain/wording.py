"""Words and figures that the screen, the answer and the charts of an explanation share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.explanation import Explanation
from bench.analysis.statistics import Estimate
from bench.text import format_count, format_rate, format_ratio, printable

# Names of `Part.place` and `Rung.place`.
TRAINING, WORKER = "training", "worker"
# Names of parts.
START_UP, WAITING, STEP, IDLE, OTHER = "start-up", "waiting", "step", "idle", "other"
# Start method that copies the training process, so that nothing is pickled for a worker.
FORK = "fork"
# Value of LoaderSetup.step without one.
NO_STEP = "none"


@dataclass(frozen=True)
class TimeUnit:
    """A unit of time that suits some durations.

    Attributes:
        name: `µs`, `ms` or `s`.
        seconds: length of the unit in seconds.
    """

    name: str
    seconds: float

    def format(self, duration_s: float) -> str:
        """Return a duration in this unit, without its name, in three digits."""
        amount = duration_s / self.seconds
        if math.isnan(amount):
            return "?"
        if 0 < abs(amount) < 0.005:
            return "<0.01" if amount > 0 else "-0.00"
        # Differences of two times may lie below 0.
        sign = "-" if amount < 0 else ""
        # Three digits at most: hundredths of small durations, tenths of others.
        size = abs(amount)
        return f"{sign}{format_rate(size)}" if size >= 10 else f"{sign}{round(size, 2):g}"

    def format_reach(self, duration_s: float) -> str:
        """Return half the length of an interval in this unit, in two digits."""
        amount = duration_s / self.seconds
        return f"{amount:,.0f}" if amount >= 9.95 else f"{max(round(amount, 1 + (amount < 0.95)), 0.01):g}"


UNITS = (TimeUnit("µs", 1e-6), TimeUnit("ms", 1e-3), TimeUnit("s", 1.0))


def choose_unit(durations_s: Iterable[float]) -> TimeUnit:
    """Return the unit in which the longest of some durations is below 1,000."""
    longest = max((abs(duration) for duration in durations_s if math.isfinite(duration)), default=0.0)
    return next((unit for unit in UNITS if longest < 999.5 * unit.seconds), UNITS[-1])


def format_time(duration_s: float) -> str:
    """Return a duration with its unit, such as `12.3 ms`."""
    if math.isinf(duration_s):
        return "infinitely long"
    unit = choose_unit([duration_s])
    return f"{unit.format(duration_s)} {unit.name}"


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


def format_factor(factor: float) -> str:
    """Return a ratio of throughputs with two decimals, such as `1.90`, or in three digits from 10 on."""
    return f"{factor:.2f}" if abs(factor) < 9.995 else format_ratio(factor)


def format_gain(gain: Estimate | None) -> str:
    """Return a ratio of throughputs with its interval, such as `×2.10 (1.90–2.30)`."""
    if gain is None:
        return "not predicted"
    return f"×{format_factor(gain.median)}{format_interval(gain, format_factor)}"


def format_share(share: float) -> str:
    """Return a share in percent, such as `68%`; `<1%` for a little."""
    if math.isnan(share):
        return "?"
    rounded = f"{share:.0%}"
    return "<1%" if share > 0 and rounded == "0%" else rounded


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
    cores = f"{setup.cores:g} core{'' if setup.cores == 1 else 's'}"
    return printable(", ".join([*parts, step, setup.device, cores]))


def count_samples(explanation: Explanation) -> float:
    """Return the number of samples in a batch; 1 where it isn't known, so that times are those of a batch."""
    return float(explanation.setup.batch_size or 1)


def name_piece(explanation: Explanation) -> str:
    """Return `sample`, or `batch` where the number of samples in a batch isn't known."""
    return "sample" if explanation.setup.batch_size else "batch"


def find_step_s(explanation: Explanation) -> float | None:
    """Return the seconds that the step takes for a batch; None without one."""
    steps = [part.batch_s.median for part in explanation.parts if part.name == STEP]
    return steps[0] if steps else None
