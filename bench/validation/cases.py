"""What a measurement must say of loaders whose every cost is planned, and of loaders that cheat."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.plan.configuration import Configuration
from bench.validation.fixed_cost_kernels import FixedCostDeviceLoader, FixedCostKernelTrial
from bench.validation.fixed_cost_loaders import CLASSES, FixedCostLoader, read_random_split
from bench.validation.fixed_cost_steps import FixedCostTrial
from bench.validation.worker_loaders import FixedCostWorkers, UnshardedWorkers
from loaders.data.dataset_ref import DatasetRef
from loaders.spec.loader_spec import LoaderSpec


@dataclass(frozen=True)
class ValidationCase:
    """A loader and a step with known costs, and what the rows of their epochs must say.

    what: in words. samples: how many there are. step_s: the step's length. readings: by column, what the
    median of the steady epochs must be. device: where the step runs. device_readings: what must be read in
    the epoch that is timed on the GPU. names: for a cheat, words of which the error must hold one, in epoch
    fails_in; none for a loader that is honest.
    """

    name: str
    what: str
    spec: LoaderSpec
    samples: int
    epochs: int = 4
    step_s: float = 0.0
    readings: Mapping[str, float] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    fails_in: int = 0
    device: str = "cpu"
    device_readings: Mapping[str, float] = field(default_factory=dict)

    def trial(self) -> FixedCostTrial:
        """The trial that measures it."""
        kind = FixedCostKernelTrial if self.device == "cuda" else FixedCostTrial
        return kind(
            configuration=Configuration(self.spec, self.device, "none", None, num_threads=1),
            number=0,
            baseline=0,
            block=0,
            position=0,
            dataset=DatasetRef(f"random:{self.samples}", "0" * 64, Path(), CLASSES, read_random_split),
            epochs=self.epochs,
            seed=0,
            step_s=self.step_s,
        )


# Batches are few and long: what one costs besides its plan, some 30 µs in a cache gone cold, must not add up.
COSTS = (
    ValidationCase(
        "sleep-sample", "each sample takes 1 ms, 30 in a batch", FixedCostLoader(30, sample_s=1e-3), 300,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 30e-3, "data_wait_s": 0.3,
                  "data_wait_median_s": 30e-3, "step_s": 0},
    ),
    ValidationCase(
        "sleep-batch", "each of 15 batches takes 20 ms", FixedCostLoader(20, batch_s=20e-3), 300,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 20e-3, "data_wait_s": 0.3,
                  "data_wait_median_s": 20e-3, "data_wait_p99_s": 20e-3, "step_s": 0},
    ),
    ValidationCase(
        "start-up", "iter() takes 120 ms, each of 10 batches 20 ms",
        FixedCostLoader(20, startup_s=0.12, batch_s=20e-3), 200,
        readings={"samples_per_s": 200 / 0.32, "startup_s": 0.12, "time_to_first_batch_s": 0.14,
                  "data_wait_s": 0.2},
    ),
    ValidationCase(
        # A percentile between two batches is drawn on the line between them, hence 3 ms + 1% of 197 ms.
        "slow-batch", "one batch of 100 takes 200 ms, the others 3 ms",
        FixedCostLoader(10, batch_s=3e-3, slow_s=0.2, busy=True), 1000,
        readings={"samples_per_s": 1000 / 0.497, "data_wait_s": 0.497, "data_wait_median_s": 3e-3,
                  "data_wait_p99_s": 3e-3 + 0.01 * 0.197},
    ),
    ValidationCase(
        "busy-loop", "each of 15 batches computes for 20 ms", FixedCostLoader(20, batch_s=20e-3, busy=True), 300,
        readings={"samples_per_s": 1000, "data_wait_s": 0.3, "cpu_s": 0.3},
    ),
    ValidationCase(
        "step", "a step of 20 ms, 15 batches that cost nothing", FixedCostLoader(20), 300, step_s=20e-3,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 0, "data_wait_s": 0, "step_s": 0.3},
    ),
    ValidationCase(
        "background", "a thread loads 6 batches of 32 ms beside a step of 48 ms",
        FixedCostLoader(50, batch_s=32e-3, background=True), 300, step_s=48e-3,
        readings={"samples_per_s": 300 / 0.32, "time_to_first_batch_s": 32e-3, "data_wait_s": 32e-3,
                  "data_wait_median_s": 0, "step_s": 0.288},
    ),
    ValidationCase(
        "teardown", "10 batches of 20 ms, 20 ms to find no more, 50 ms to drop the iterator",
        FixedCostLoader(20, batch_s=20e-3, end_s=20e-3, drop_s=50e-3), 200,
        readings={"samples_per_s": 200 / 0.27, "data_wait_s": 0.2, "teardown_s": 70e-3},
    ),
    ValidationCase(
        # Its own start of an epoch, and a batch's way out of a worker, take some 5 ms, once.
        "workers", "torch's DataLoader, 2 workers with a sample each 5 ms, 12 batches of 16",
        FixedCostWorkers(16, sample_s=5e-3), 192,
        readings={"samples_per_s": 2 / 5e-3, "data_wait_s": 0.48},
    ),
)  # fmt: skip

# Of a GPU. A launch takes some microseconds, a kernel's own begin and end a few.
ON_DEVICE = (
    ValidationCase(
        "kernel", "a kernel of 4 ms for each of 50 batches that cost nothing", FixedCostDeviceLoader(20), 1000,
        step_s=4e-3, device="cuda",
        readings={"samples_per_s": 1000 / 0.2, "data_wait_s": 0, "step_s": 0.2},
        device_readings={"step_s": 0.2},
    ),
    ValidationCase(
        "hidden-kernel", "a kernel of 40 ms beside the loading of each of 10 batches, which takes 60 ms",
        FixedCostDeviceLoader(20, batch_s=60e-3), 200, step_s=40e-3, device="cuda",
        readings={"samples_per_s": 200 / 0.64, "data_wait_s": 0.6, "step_s": 40e-3},
        device_readings={"step_s": 0.4},
    ),
    ValidationCase(
        "prefetch", "a kernel of 3 ms finishes each of 50 batches on a stream of its own, beside one of 4 ms",
        FixedCostDeviceLoader(20, data_s=3e-3), 1000, step_s=4e-3, device="cuda",
        readings={"samples_per_s": 1000 / 0.203},
        device_readings={"data_wait_s": 0.15, "step_s": 0.2},
    ),
)  # fmt: skip

# Of 1000 samples in batches of 100: slow enough for most of them to be looked at within the clock, or so fast
# that all go by unseen and are looked at when the epoch is repeated off the clock.
SLOW_S, FAST_S = 30e-3, 0.0
# Each cheat with what it does, and the words of which what is said of it must hold one. Where batches went by
# unseen, it may be the count alone.
REPEATS = ("repeats", "1% of the samples again, in place of others", ("more than once",))
BY_THE_SAMPLES = (
    REPEATS,
    ("repeats-one", "one sample again, in place of another", ("more than once",)),
    ("swaps-labels", "the labels of one batch, moved on by one", ("label",)),
    ("truncates", "the lower half of each picture is black", ("pictures",)),
)
BY_COUNT_OR_FORM = (
    ("one-besides", "one sample again, besides", ("more than once",)),
    ("drops", "the last batch is missing", ("missing",)),
    ("range", "pixels from 0 to 255", ("instead of 0 to 1",)),
    ("dtype", "float64 pixels", ("dtype",)),
    ("shape", "pictures without their channel", ("shape",)),
)


def _cheat(name: str, what: str, names: tuple[str, ...], spec: LoaderSpec) -> ValidationCase:
    return ValidationCase(name, what, spec, 1000, epochs=1, names=names)


def _cheats(
    speed: str, batch_s: float, told: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> Iterator[ValidationCase]:
    """These cheats at one speed, and those that are loaders of their own."""
    for name, what, names in told:
        yield _cheat(f"{name}-{speed}", what, names, FixedCostLoader(100, batch_s=batch_s, cheat=name))
    unsharded = UnshardedWorkers(100, batch_s=batch_s)
    names = ("more than once",)
    yield _cheat(f"unsharded-{speed}", "two workers each deliver all samples", names, unsharded)
    name, what, names = REPEATS
    late = FixedCostLoader(100, batch_s=batch_s, cheat=name, honest_epochs=1)
    cheat = _cheat(f"late-{speed}", f"{what}, but only in the second epoch", names, late)
    yield replace(cheat, epochs=2, fails_in=1)


def _honest(name: str, what: str, spec: LoaderSpec, **readings: float) -> ValidationCase:
    return ValidationCase(name, what, spec, 1000, epochs=2, readings=readings)


CASES = (
    *COSTS,
    *ON_DEVICE,
    _honest("honest-slow", "a true shuffle, 10 batches of 30 ms", FixedCostLoader(100, batch_s=SLOW_S), shuffle_quality=1),
    _honest("honest-fast", "a true shuffle that costs nothing", FixedCostLoader(100), shuffle_quality=1),
    _honest(
        "stored-order", "no shuffle at all", FixedCostLoader(100, stored=True),
        shuffle_quality=math.sqrt(100 * 101 / (1000 * 1001)),
    ),
    *_cheats("slow", SLOW_S, (*BY_THE_SAMPLES, *BY_COUNT_OR_FORM)),
    *_cheats("fast", FAST_S, BY_THE_SAMPLES),
    replace(
        _cheat("overwritten", "each picture becomes another one during the step", ("label",),
               FixedCostLoader(100, overwritten=True)),
        step_s=SLOW_S,
    ),
)  # fmt: skip
