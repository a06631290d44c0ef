"""Tests of the auditor: it compares the orders of epochs over all trials of a loader."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch.nn.functional import interpolate

from bench.plan.configuration import Configuration
from bench.runner.auditor import Auditor
from bench.trial.audit_result import AuditError
from bench.trial.batch_inspector import BatchInspector
from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid
from bench.trial.trial import Trial
from loaders.data.image_split import ImageSplit
from loaders.families.batched_dataloader import BatchedDataLoader
from tests.fakes import numbered_source, numbered_workload

SAMPLES = 200


def make_trial(
    spec: BatchedDataLoader | None = None, *, samples: int = SAMPLES, resize: int | None = None
) -> Trial:
    spec = spec or BatchedDataLoader(batch_size=50, resize=resize)
    configuration = Configuration(spec, "cpu", "none", None, 1)
    return Trial(configuration, 0, 0, 0, 0, numbered_workload(samples), 2, seed=0)


def observe(
    trial: Trial, split: ImageSplit, order: torch.Tensor, *, seen: int | None = None
) -> EpochObservation:
    """An epoch in this order, of which so many batches of 50 were seen; None for all."""
    side = trial.configuration.spec.resize or 28
    grid = PixelGrid.draw(side, side, f"{trial.seed}/{trial.block}")
    inspector = BatchInspector(grid, (1, side, side), len(split), budget=math.inf)
    batches = order.split(50)
    for numbers in batches[:seen]:
        images = split.images[numbers].unsqueeze(1) / 255
        resized = interpolate(images, (side, side), mode="bilinear", antialias=True)
        inspector((resized, split.labels[numbers]), 1)
    return inspector.observe(len(batches), len(split))


def shuffle(seed: int, samples: int = SAMPLES) -> torch.Tensor:
    return torch.randperm(samples, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def split() -> ImageSplit:
    return numbered_source(SAMPLES)


SAME = "audit: epochs 0 and 1 have the same order: 100% of the samples come at the same place in both"


def test_the_same_order_in_two_epochs_fails(split) -> None:
    auditor, trial = Auditor(), make_trial()
    assert auditor.judge(trial, 0, observe(trial, split, shuffle(0))).seen_share == 1
    with pytest.raises(AuditError) as error:
        auditor.judge(trial, 1, observe(trial, split, shuffle(0)))
    assert str(error.value) == SAME


def test_it_fails_in_every_trial_of_the_loader(split) -> None:
    """A trial with another step doesn't repeat epoch 0, and fails all the same."""
    auditor, trial = Auditor(), make_trial()
    auditor.judge(trial, 0, observe(trial, split, shuffle(0)))
    for step in ("none", "analytic", "autograd"):
        other = replace(trial, configuration=replace(trial.configuration, step=step))
        with pytest.raises(AuditError, match="same order"):
            auditor.judge(other, 1, observe(other, split, shuffle(0)))


def test_another_order_each_epoch_passes(split) -> None:
    """Epoch 0 may have the same order in every block."""
    auditor, trial = Auditor(), make_trial()
    for block in range(2):
        trial = replace(trial, block=block)
        for epoch in range(3):
            auditor.judge(trial, epoch, observe(trial, split, shuffle(epoch)))


def test_a_later_epoch_is_compared_too(split) -> None:
    auditor, trial = Auditor(), make_trial()
    for epoch in range(2):
        auditor.judge(trial, epoch, observe(trial, split, shuffle(epoch)))
    with pytest.raises(AuditError, match="epochs 1 and 2 have the same order"):
        auditor.judge(trial, 2, observe(trial, split, shuffle(1)))


@dataclass(frozen=True)
class Declared(BatchedDataLoader):
    same_order_each_epoch: ClassVar[bool] = True


def test_a_family_may_declare_it(split) -> None:
    auditor, trial = Auditor(), make_trial(Declared(batch_size=50))
    for epoch in range(2):
        auditor.judge(trial, epoch, observe(trial, split, shuffle(0)))


def test_loaders_are_not_compared_with_each_other(split) -> None:
    """With another seed, a loader is another one."""
    auditor, trial = Auditor(), make_trial()
    other = make_trial(BatchedDataLoader(batch_size=50, num_workers=1))
    auditor.judge(trial, 0, observe(trial, split, shuffle(0)))
    auditor.judge(other, 1, observe(other, split, shuffle(0)))
    reseeded = replace(trial, seed=1)
    auditor.judge(reseeded, 1, observe(reseeded, split, shuffle(0)))


def test_epochs_seen_in_part_have_no_order(split) -> None:
    auditor, trial = Auditor(), make_trial()
    for epoch in range(2):
        assert auditor.judge(trial, epoch, observe(trial, split, shuffle(0), seen=2)).seen_share == 0.5


def test_samples_too_alike_have_no_order(split) -> None:
    """Resized to one pixel, most of 200 pictures look like another."""
    auditor, trial = Auditor(), make_trial(resize=1)
    for epoch in range(2):
        auditor.judge(trial, epoch, observe(trial, split, shuffle(0)))


def test_few_samples_may_come_in_the_same_order_by_chance() -> None:
    split, trial = numbered_source(9), make_trial(samples=9)
    auditor = Auditor()
    for epoch in range(2):
        auditor.judge(trial, epoch, observe(trial, split, shuffle(0, 9)))
