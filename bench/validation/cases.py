"""Cases: loaders with planned costs and loaders that cheat, with the rows that must come of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from bench.validation.fixed_cost_kernels import FixedCostDeviceLoader
from bench.validation.fixed_cost_loaders import FixedCostLoader, StoredOrderLoader
from bench.validation.own_cases import OWN_CHEATS, OWN_COSTS
from bench.validation.picture_case import PictureCase
from bench.validation.validation_case import ValidationCase
from bench.validation.worker_loaders import FixedCostWorkers, UnshardedWorkers
from loaders.spec.loader_spec import LoaderSpec

# Batches are few and long: each costs some 30 µs more than planned, in a cold cache.
COSTS = (
    PictureCase(
        "sleep-sample", "each sample takes 1 ms, 30 in a batch", FixedCostLoader(30, sample_s=1e-3), 300,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 30e-3, "data_wait_s": 0.3,
                  "data_wait_median_s": 30e-3, "step_s": 0},
    ),
    PictureCase(
        "sleep-batch", "each of 15 batches takes 20 ms", FixedCostLoader(20, batch_s=20e-3), 300,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 20e-3, "data_wait_s": 0.3,
                  "data_wait_median_s": 20e-3, "data_wait_p99_s": 20e-3, "step_s": 0},
    ),
    PictureCase(
        "start-up", "iter() takes 120 ms, each of 10 batches 20 ms",
        FixedCostLoader(20, startup_s=0.12, batch_s=20e-3), 200,
        readings={"samples_per_s": 200 / 0.32, "startup_s": 0.12, "time_to_first_batch_s": 0.14,
                  "data_wait_s": 0.2},
    ),
    PictureCase(
        # A percentile between two batches is interpolated, hence 3 ms + 1% of 197 ms.
        "slow-batch", "one batch of 100 takes 200 ms, the others 3 ms",
        FixedCostLoader(10, batch_s=3e-3, slow_s=0.2, busy=True), 1000,
        readings={"samples_per_s": 1000 / 0.497, "data_wait_s": 0.497, "data_wait_median_s": 3e-3,
                  "data_wait_p99_s": 3e-3 + 0.01 * 0.197},
    ),
    PictureCase(
        "busy-loop", "each of 15 batches computes for 20 ms",
        FixedCostLoader(20, batch_s=20e-3, busy=True), 300,
        readings={"samples_per_s": 1000, "data_wait_s": 0.3, "cpu_s": 0.3},
    ),
    PictureCase(
        "step", "a step of 20 ms, 15 batches that cost nothing", FixedCostLoader(20), 300, step_s=20e-3,
        readings={"samples_per_s": 1000, "time_to_first_batch_s": 0, "data_wait_s": 0, "step_s": 0.3},
    ),
    PictureCase(
        "background", "a thread loads 6 batches of 32 ms beside a step of 48 ms",
        FixedCostLoader(50, batch_s=32e-3, background=True), 300, step_s=48e-3,
        readings={"samples_per_s": 300 / 0.32, "time_to_first_batch_s": 32e-3, "data_wait_s": 32e-3,
                  "data_wait_median_s": 0, "step_s": 0.288},
    ),
    PictureCase(
        "teardown", "10 batches of 20 ms, 20 ms to find no more, 50 ms to drop the iterator",
        FixedCostLoader(20, batch_s=20e-3, end_s=20e-3, drop_s=50e-3), 200,
        readings={"samples_per_s": 200 / 0.27, "data_wait_s": 0.2, "teardown_s": 70e-3},
    ),
    PictureCase(
        # DataLoader's own start of an epoch, and the way of the first batch out of a worker, take some 5 ms.
        "workers", "torch's DataLoader, 2 workers with a sample each 5 ms, 12 batches of 16",
        FixedCostWorkers(16, sample_s=5e-3), 192,
        readings={"samples_per_s": 2 / 5e-3, "data_wait_s": 0.48},
    ),
)  # fmt: skip

# Work outside the clock: it takes no time of an epoch, and columns of its own tell it.
OUTSIDE_THE_CLOCK = (
    PictureCase(
        "works-in-build", "500 ms of work before the first epoch, then 10 batches of 20 ms",
        FixedCostLoader(20, batch_s=20e-3, build_s=0.5), 200, epochs=2,
        readings={"build_s": 0.5, "samples_per_s": 1000, "data_wait_s": 0.2},
    ),
    PictureCase(
        # After a pause, the first inspection takes milliseconds: an epoch is long enough for them.
        "works-between-epochs", "a thread computes for 500 ms after each epoch of 25 batches of 20 ms",
        FixedCostLoader(20, batch_s=20e-3, between_epochs_cpu_s=0.5), 500, epochs=3, pause_s=1.5,
        readings={"between_epochs_cpu_s": 0.5, "samples_per_s": 1000, "data_wait_s": 0.5},
    ),
)  # fmt: skip

# On a GPU a launch takes some microseconds, and so do the begin and the end of a kernel.
ON_DEVICE = (
    PictureCase(
        "kernel", "a kernel of 4 ms for each of 50 batches that cost nothing",
        FixedCostDeviceLoader(20), 1000, step_s=4e-3, device="cuda",
        readings={"samples_per_s": 1000 / 0.2, "data_wait_s": 0, "step_s": 0.2},
        device_readings={"step_s": 0.2},
    ),
    PictureCase(
        "hidden-kernel", "a kernel of 40 ms beside the loading of each of 10 batches, which takes 60 ms",
        FixedCostDeviceLoader(20, batch_s=60e-3), 200, step_s=40e-3, device="cuda",
        readings={"samples_per_s": 200 / 0.64, "data_wait_s": 0.6, "step_s": 40e-3},
        device_readings={"step_s": 0.4},
    ),
    PictureCase(
        "prefetch", "a kernel of 3 ms finishes each of 50 batches on a stream of its own, beside one of 4 ms",
        FixedCostDeviceLoader(20, data_s=3e-3), 1000, step_s=4e-3, device="cuda",
        readings={"samples_per_s": 1000 / 0.203},
        device_readings={"data_wait_s": 0.15, "step_s": 0.2},
    ),
)  # fmt: skip

# Seconds a batch, 10 batches an epoch. The harness has time to look at slow batches in the epoch itself. Fast
# batches go by unseen, and are seen when the epoch is repeated off the clock.
SLOW_S, FAST_S = 30e-3, 0.0
Cheat = tuple[str, str, tuple[str, ...]]
"""The name of a cheat, its description, and words of which the audit's error must hold one."""

REPEATS: Cheat = ("repeats", "1% of the samples again, in place of others", ("more than once",))
# Cheats that only the samples themselves tell.
BY_SAMPLES = (
    REPEATS,
    ("repeats-one", "one sample again, in place of another", ("more than once",)),
    ("swaps-labels", "the labels of one batch, moved on by one", ("label",)),
    ("truncates", "the lower half of each picture is black", ("pictures",)),
)
# Cheats that the number of samples or the form of a batch tells.
BY_COUNT_OR_FORM = (
    ("one-besides", "one sample again, besides", ("more than once",)),
    ("drops", "the last batch is missing", ("missing",)),
    ("range", "pixels from 0 to 255", ("instead of 0 to 1",)),
    ("dtype", "float64 pixels", ("dtype",)),
    ("shape", "pictures without their channel", ("shape",)),
)


def _make_cheat(name: str, description: str, words: tuple[str, ...], spec: LoaderSpec) -> PictureCase:
    return PictureCase(name, description, spec, 1000, epochs=1, error_words=words)


def _make_cheats(speed: str, batch_s: float, cheats: tuple[Cheat, ...]) -> Iterator[PictureCase]:
    """Yield these cheats at one speed, and the cheats that are loaders of their own."""
    for name, description, words in cheats:
        spec = FixedCostLoader(100, batch_s=batch_s, cheat=name)
        yield _make_cheat(f"{name}-{speed}", description, words, spec)
    unsharded = UnshardedWorkers(100, batch_s=batch_s)
    words = ("more than once",)
    yield _make_cheat(f"unsharded-{speed}", "two workers each deliver all samples", words, unsharded)
    name, description, words = REPEATS
    late = FixedCostLoader(100, batch_s=batch_s, cheat=name, honest_epochs=1)
    cheat = _make_cheat(f"late-{speed}", f"{description}, but only in the second epoch", words, late)
    yield replace(cheat, epochs=2, failing_epoch=1)
    same = FixedCostLoader(100, batch_s=batch_s, same_order=True)
    description = "a true shuffle, but the same one in each epoch"
    cheat = _make_cheat(f"same-order-{speed}", description, ("same order",), same)
    yield replace(cheat, epochs=2, failing_epoch=1)


def _make_honest(name: str, description: str, spec: LoaderSpec, shuffle_quality: float) -> PictureCase:
    readings = {"shuffle_quality": shuffle_quality}
    return PictureCase(name, description, spec, 1000, epochs=2, readings=readings)


CASES: tuple[ValidationCase, ...] = (
    *COSTS,
    *OUTSIDE_THE_CLOCK,
    *ON_DEVICE,
    *OWN_COSTS,
    _make_honest(
        "honest-slow", "a true shuffle, 10 batches of 30 ms", FixedCostLoader(100, batch_s=SLOW_S), 1
    ),
    _make_honest("honest-fast", "a true shuffle that costs nothing", FixedCostLoader(100), 1),
    _make_honest(
        "stored-order", "no shuffle at all, as the loader declares", StoredOrderLoader(100),
        math.sqrt(100 * 101 / (1000 * 1001)),
    ),
    *_make_cheats("slow", SLOW_S, (*BY_SAMPLES, *BY_COUNT_OR_FORM)),
    *_make_cheats("fast", FAST_S, BY_SAMPLES),
    replace(
        _make_cheat("overwritten", "each picture becomes another one during the step", ("label",),
                    FixedCostLoader(100, overwritten=True)),
        step_s=SLOW_S,
    ),
    *OWN_CHEATS,
)  # fmt: skip
