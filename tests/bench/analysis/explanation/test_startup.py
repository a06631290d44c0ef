"""Time to the first batch, by cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.block_figures import compute_figures
from bench.analysis.explanation.startup import find_start_up
from tests.bench.analysis.explanation.planted import BASE
from tests.bench.analysis.replay.traces import hide_inside


def find(evidence):
    return find_start_up(evidence, compute_figures(evidence))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_causes_sum_to_the_time_to_the_first_batch(num_workers) -> None:
    """Of first epochs."""
    found = find(replace(BASE, num_workers=num_workers, start_s=0.3, first_s=0.2).make_evidence())
    causes = found.starting_s, found.importing_s, found.fetching_s, found.handing_s
    assert sum(causes) == pytest.approx(found.first_s)
    assert found.fetching_s == pytest.approx(0.203, rel=0.05)


def test_imports_are_what_workers_take_after_their_creation() -> None:
    """Where `iter(loader)` returns long before they begin."""
    evidence = replace(BASE, start_s=2.0).make_evidence()
    blocks = tuple(
        replace(block, traces=tuple(replace(trace, startup_s=0.1) for trace in block.traces))
        for block in evidence.blocks
    )
    found = find(replace(evidence, blocks=blocks, pickled_bytes=4096))
    assert found.importing_s == pytest.approx(1.9, rel=0.05)
    assert found.starting_s == pytest.approx(0.1, rel=0.05)
    assert found.pickled_bytes == 4096


@pytest.mark.parametrize(
    ("method", "pickle_s", "expected_s"),
    [("spawn", 0.01, 0.02), ("forkserver", 5.0, 0.3), ("fork", 0.01, 0.0), ("spawn", None, 0.0)],
)
def test_pickling_is_a_part_of_starting(method, pickle_s, expected_s) -> None:
    """Each of two workers gets its own, unless it is forked; it takes no longer than all of the starting."""
    evidence = replace(BASE, start_s=0.3).make_evidence()
    setup = replace(evidence.setup, multiprocessing_context=method)
    found = find(replace(evidence, setup=setup, pickle_s=pickle_s))
    assert found.pickling_s == pytest.approx(expected_s, rel=0.05)
    assert found.pickling_s <= found.starting_s


def test_workers_that_live_on_are_not_started_again() -> None:
    """Later epochs take what the loading of a batch does; else they pay the start again."""
    slow = replace(BASE, start_s=1.0)
    again, once = find(slow.make_evidence()), find(replace(slow, persistent_workers=True).make_evidence())
    assert again.each_epoch_s == pytest.approx(again.first_s, rel=0.05)
    assert once.first_s > 1.0
    assert once.each_epoch_s < 0.02


def test_a_first_epoch_alone_tells_what_the_next_ones_pay() -> None:
    """By whether workers start again."""
    evidence = replace(BASE, start_s=1.0).make_evidence()
    blocks = tuple(replace(block, whole=block.whole[:1]) for block in evidence.blocks)
    assert find(replace(evidence, blocks=blocks)).each_epoch_s > 1.0


def test_an_inside_that_is_not_known_has_no_causes() -> None:
    """Nothing is guessed from outside."""
    assert find(hide_inside(BASE.make_evidence())) is None
