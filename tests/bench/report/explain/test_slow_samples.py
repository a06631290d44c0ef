"""Slow samples are named where they are told from their neighbours, and not else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.report.explain.slow_samples import name_slow
from tests.bench.report.explain import explanations

(BATCH, *_) = explanations.stragglers().slow_batches


def make_batches(*suspects: tuple[int | str, ...]):
    return [replace(BATCH, number=number, indices=indices) for number, indices in enumerate(suspects)]


@pytest.mark.parametrize(
    ("suspects", "named"),
    [
        ([(7,)], "sample 7 in 1 slow batch"),
        ([(33,), (7,), (7,)], "samples 7 and 33 in 3 slow batches"),
        # A slow sample accounts for each batch that it lies in; its neighbours there are innocent.
        ([(7,), (7, 230)], "sample 7 in 2 slow batches"),
        ([(237, 457)], "batch 0 of epoch 1 in block 0 (one of its samples 237 and 457)"),
        (
            [(7,), (237, 457)],
            "sample 7 in 1 slow batch and batch 1 of epoch 1 in block 0 (one of its samples 237 and 457)",
        ),
        ([()], "batch 0 of epoch 1 in block 0"),
        (
            [(), (), (), (), ()],
            "batch 0 of epoch 1 in block 0, batch 1 of epoch 1 in block 0, batch 2 of epoch 1 in block 0 and "
            "2 more slow batches",
        ),
        (
            [tuple(range(64))],
            "batch 0 of epoch 1 in block 0 (64 samples, which explanation.json lists)",
        ),
        ([("a\nb", "c")], "batch 0 of epoch 1 in block 0 (one of its samples a b and c)"),
    ],
)
def test_only_samples_that_are_told_apart_are_named(suspects, named) -> None:
    """Among a few suspects any may be the slow one."""
    assert name_slow(make_batches(*suspects)) == named
