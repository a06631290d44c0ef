"""The parts of an epoch that one block has measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.evidence import BlockEvidence, Evidence
from bench.analysis.explanation.block_figures import compute_figures
from tests.bench import runs
from tests.bench.analysis.explanation.planted import BASE


def compute(*rows, **fields):
    """Return the figures of one block."""
    block = BlockEvidence(0, tuple(rows), **fields)
    (found,) = compute_figures(Evidence(BASE.make_setup(), (block,)))
    return found


def test_steady_epochs_count() -> None:
    """A training has many of them; a first one counts where there is no other."""
    cold, steady = runs.row(epoch=0, wall_s=3.0), runs.row(epoch=1, wall_s=1.0)
    assert compute(cold, steady, replace(steady, epoch=2, wall_s=2.0)).wall_s == 1.5
    assert compute(cold).wall_s == 3.0


def test_a_block_without_a_steady_epoch_is_left_out_beside_others() -> None:
    """Cold and steady epochs aren't averaged."""
    cold, steady = runs.row(epoch=0, wall_s=3.0), runs.row(block=1, epoch=1)
    blocks = (BlockEvidence(0, (cold,)), BlockEvidence(1, (steady,)))
    assert [one.block for one in compute_figures(Evidence(BASE.make_setup(), blocks))] == [1]


def test_traces_of_the_same_phase_count() -> None:
    """The others are kept for the start."""
    loader = replace(BASE, noise=0.0)
    block = loader.make_evidence(1).blocks[0]
    found = compute(*block.whole, traces=block.traces)
    assert [trace.epoch for trace in found.traces] == [1]
    assert [trace.epoch for trace in found.first_traces] == [0]
    only = compute(*block.whole, traces=block.traces[:1])
    assert [trace.epoch for trace in only.traces] == [0]


def test_of_two_attempts_the_undisturbed_one_counts() -> None:
    """The last one where both were disturbed."""
    first, again = runs.row(wall_s=2.0), runs.row(wall_s=1.0, attempt=1)
    others = "other processes used 30% of the cores"
    assert compute(replace(first, disturbed=others), again).wall_s == 1.0
    assert compute(first, replace(again, disturbed=others)).wall_s == 2.0
    both = compute(replace(first, disturbed=others), replace(again, disturbed=others))
    assert (both.wall_s, both.disturbed) == (1.0, others)


def test_failed_epochs_do_not_count() -> None:
    """Nor those of which nothing was delivered."""
    assert compute(runs.row(), runs.failed(0, 0), runs.row(batches=0, wall_s=9.0)).wall_s == 1.0


def test_the_step_alone_is_told_from_its_loop() -> None:
    """Its steady epochs count; the loop's time bounds what is possible."""
    alone = [
        runs.row(epoch=0, wall_s=9.0),
        runs.row(epoch=1, wall_s=0.8, step_s=0.6, batches=4, cpu_s=0.4),
    ]
    found = compute(runs.row(), step_alone=tuple(alone))
    assert (found.alone_s, found.alone_wall_s, found.alone_cpu_s) == pytest.approx((0.15, 0.2, 0.1))
    nothing = compute(runs.row())
    assert (nothing.alone_s, nothing.alone_wall_s, nothing.alone_cpu_s) == (None, None, None)


def test_what_no_part_has_is_other() -> None:
    """The parts sum to the wall with it."""
    found = compute(runs.row(wall_s=1.2))
    assert found.other_s == pytest.approx(1.2 - 0.05 - 0.5 - 0.4 - 0.05)
