"""Explanations of made-up trainings, for tests of their screen, charts and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.explanation import (
    Advice,
    BreakEven,
    Cause,
    Diagnosis,
    Explanation,
    Part,
    Rung,
    SlowBatch,
    StartUp,
)
from bench.analysis.statistics import Estimate

SETUP = LoaderSetup(
    name="train.py:train_loader", family="dataloader", step="script", device="cpu", cores=4.0, num_threads=4,
    has_dataloader=True, batch_size=64, num_workers=2, prefetch_factor=2, multiprocessing_context="fork",
    measured_batches=120, epoch_batches=938, map_style=True, in_memory_bytes=180 * 2**20,
)  # fmt: skip
# Twelve transforms, as of an own training with many augmentations.
TWELVE = (
    "RandomResizedCrop", "RandomHorizontalFlip", "ColorJitter", "RandomGrayscale", "GaussianBlur",
    "RandomSolarize", "RandomPosterize", "RandomRotation", "_OwnTransformOfThisProjectWithALongName",
    "RandomErasing($p=0.5$)", "ToTensor", "Normalize",
)  # fmt: skip


def about(median: float, reach: float = 0.02) -> Estimate:
    """Return an estimate whose interval reaches so far to each side, as a share."""
    return Estimate(median, median * (1 - reach), median * (1 + reach), 5)


def make_parts(
    place: str, parts: Sequence[tuple[str, float]], batch_s: float, stage: str = ""
) -> tuple[Part, ...]:
    """Return parts from names and shares of a batch's time; capitals begin the names of transforms."""
    return tuple(
        Part(
            name,
            place,
            about(share * batch_s),
            share,
            stage or ("transform" if name[0] in "_RCGTN" else name),
        )
        for name, share in parts
    )


def make_rungs(costs: Sequence[tuple[str, float]], *, is_overlapped: bool = True) -> tuple[Rung, ...]:
    """Return the ladder of batches of 64 from names and seconds a batch."""
    place = "worker" if is_overlapped else "training"
    return tuple(Rung(name, about(cost, 0.05), cost / 64, place, is_overlapped, name) for name, cost in costs)


def fetch_bound() -> Explanation:
    """Two workers that read slowly, and a step that waits for them."""
    wall = 12.4e-3
    return Explanation(
        setup=SETUP, samples_per_s=about(5161), wall_s=120 * wall, possible=about(3.1),
        diagnosis=Diagnosis(
            Cause.FETCH, "", True,
            "dataset[i] takes 281 of the 388 µs that a worker spends on a sample, and the training waits for "
            "data 66% of the time.",
            second=Cause.COLLATE, loss=0.61,
        ),
        parts=(
            *make_parts(
                "training", [("start-up", 0.02), ("waiting", 0.66), ("step", 0.31), ("other", 0.01)], wall
            ),
            *make_parts(
                "worker",
                [("fetch", 0.724), ("ToTensor", 0.14), ("Normalize", 0.05), ("collate", 0.06),
                 ("idle", 0.026)],
                2 * wall,
            ),
        ),
        closure=0.996,
        ladder=make_rungs(
            [("order", 2e-6), ("fetch", 18e-3), ("ToTensor", 3.4e-3), ("Normalize", 1.2e-3),
             ("collate", 1.5e-3)]
        ),
        advice=(
            Advice(
                "4 workers instead of 2", "workers", about(1.94), "dataloader", {"num_workers": 4},
                "They take all 4 cores.", "replay of 240 batches",
            ),
            Advice(
                "samples decoded once and kept in memory", "in memory", about(1.8), "in_memory", {},
                "It takes 180 MiB, and samples must not change from epoch to epoch.", "replay of 240 batches",
            ),
            Advice("ToTensor on the whole batch", "transform", None, "dataloader"),
        ),
        useless=(
            Advice("prefetch_factor=4", "prefetch", about(1.0), "dataloader", {"prefetch_factor": 4}),
            Advice("pin_memory=True", "pinning", about(0.99), "dataloader", {"pin_memory": True}),
        ),
        break_even=(
            BreakEven("4 workers instead of 2", 6.2e-3, {"num_workers": 4}),
            BreakEven("as it is", 12.1e-3),
        ),
        start_up=StartUp(0.061, 0.052, 0.031, 0.0, 0.024, 0.006, None, 0.004),
        replay_error=0.021, tracing_cost=0.004,
    )  # fmt: skip


def verified() -> Explanation:
    """The same after its first change was made and measured."""
    found = fetch_bound()
    first, *others = found.advice
    points = tuple(replace(point, checked=0.97) for point in found.break_even)
    return replace(found, advice=(replace(first, actual=about(1.87, 0.03)), *others), break_even=points)


def nothing_to_gain() -> Explanation:
    """A fast pipeline: the step takes all the time."""
    wall = 12.4e-3
    found = fetch_bound()
    return replace(
        found,
        possible=about(1.004, 0.01),
        diagnosis=Diagnosis(
            Cause.STEP,
            "",
            True,
            "The step takes 99% of the epoch, and the training waits for data 0.3% of it.",
            loss=0.99,
        ),
        parts=(
            *make_parts("training", [("waiting", 0.003), ("step", 0.987), ("other", 0.01)], wall),
            *make_parts(
                "worker", [("fetch", 0.1), ("ToTensor", 0.03), ("collate", 0.02), ("idle", 0.85)], 2 * wall
            ),
        ),
        advice=(),
        useless=(
            Advice("1 worker instead of 2", "workers", about(0.98), "dataloader", {"num_workers": 1}),
            *found.useless,
        ),
        break_even=(BreakEven("as it is", 2.1e-3),),
    )


def in_process() -> Explanation:
    """No workers: twelve transforms and the step take turns."""
    wall = 31e-3
    shares = [0.12, 0.01, 0.22, 0.004, 0.14, 0.006, 0.003, 0.05, 0.1, 0.02, 0.09, 0.037]
    parts = [
        ("fetch", 0.1),
        *zip(TWELVE, shares, strict=True),
        ("collate", 0.02),
        ("step", 0.07),
        ("other", 0.01),
    ]
    found = fetch_bound()
    return replace(
        found,
        setup=replace(SETUP, num_workers=0, prefetch_factor=None, multiprocessing_context=None),
        diagnosis=Diagnosis(
            Cause.TRANSFORM,
            "ColorJitter",
            False,
            "ColorJitter takes 22% of the epoch, GaussianBlur 14%.",
            loss=0.22,
        ),
        parts=make_parts("training", parts, wall),
        ladder=make_rungs([(name, share * wall) for name, share in parts[:-2]], is_overlapped=False),
    )


def stragglers() -> Explanation:
    """One batch in a hundred takes far longer, because of one sample."""
    slow = [
        SlowBatch(block, 1, number, 0.21, 0.0124, 0.18, block != 1, block % 2, (4711 if block else 33,))
        for block, number in enumerate((17, 17, 60))
    ]
    diagnosis = Diagnosis(Cause.STRAGGLERS, "", True, "1% of the batches take 40% of the waiting.", loss=0.3)
    return replace(fetch_bound(), diagnosis=diagnosis, slow_batches=tuple(slow))


def undecided() -> Explanation:
    """The look inside failed, and blocks differ."""
    return replace(
        fetch_bound(), possible=None,
        diagnosis=Diagnosis(Cause.UNDECIDED, "", False, "Blocks differ by 40%."),
        parts=make_parts("training", [("waiting", 0.66), ("step", 0.34)], 12.4e-3), ladder=(), advice=(),
        useless=(), break_even=(), start_up=None, replay_error=None, tracing_cost=None, closure=None,
        samples_per_s=Estimate(5161, None, None, 2),
        cautions=("The probe of the inside failed: TypeError: no len() of [an object]",),
    )  # fmt: skip


def no_inside() -> Explanation:
    """A loader that is no DataLoader, run without a step."""
    setup = replace(
        SETUP, name="fashion_mnist", family="ring", step="none", has_dataloader=False, num_workers=0,
        prefetch_factor=None, multiprocessing_context=None, batch_size=None,
    )  # fmt: skip
    return replace(
        undecided(), setup=setup, parts=make_parts("training", [("start-up", 0.04), ("waiting", 0.96)], 4e-4),
        diagnosis=Diagnosis(Cause.FETCH, "", False, "The loop waits for data all the time."), cautions=(),
    )  # fmt: skip


ALL = {
    make.__name__: make
    for make in (
        fetch_bound, verified, nothing_to_gain, in_process, stragglers, undecided, no_inside,
    )
}  # fmt: skip
