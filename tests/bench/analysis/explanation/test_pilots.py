"""Changes that are tried in short: which of them a first block suggests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.evidence import Evidence, PilotChange
from bench.analysis.explanation.pilots import LONGEST_DECODING_S, MOST_PILOTS, choose_pilots, make_pilot
from tests.bench.analysis.explanation.planted import BASE
from tests.bench.analysis.replay.traces import MadeUpLoader, add_pilot, hide_inside

MS = 1e-3
ALONE = replace(BASE, num_workers=0, cores=2, fetch_s=30 * MS)


def choose(evidence: Evidence) -> list[str]:
    return [change.name for change in choose_pilots(evidence.setup, evidence.blocks[0])]


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        (ALONE, "num_workers=2"),
        # Loading that waits keeps no core busy.
        (replace(ALONE, cpu={"fetch": 0.0, "collate": 0.0}), "num_workers=8"),
        # Three hide 31 ms of loading behind a step of 11 ms.
        (replace(ALONE, cpu={"fetch": 0.0, "collate": 0.0}, step_s=11 * MS), "num_workers=3"),
        (replace(BASE, num_workers=16, cores=4), "num_workers=4"),
    ],
)
def test_the_number_of_workers_that_no_replay_tells(loader, expected) -> None:
    assert choose(loader.make_evidence()) == [expected]


@pytest.mark.parametrize(
    "loader",
    [
        replace(BASE, cores=4, num_workers=4),
        # Workers that wait aren't in each other's way.
        replace(BASE, cores=4, num_workers=16, cpu={"fetch": 0.0, "collate": 0.0}),
        # Training waits for less than a twentieth of an epoch.
        replace(ALONE, fetch_s=0.2 * MS, collate_s=0.2 * MS, step_s=50 * MS),
    ],
)
def test_nothing_is_tried_where_nothing_is_open(loader) -> None:
    assert choose(loader.make_evidence()) == []


def test_one_worker_is_tried_over_an_iterable() -> None:
    """Two would each yield all samples, unless the dataset divides them."""
    assert choose(ALONE.make_evidence(map_style=False)) == ["num_workers=1"]


def test_nothing_is_tried_of_a_loader_that_cannot_be_set() -> None:
    assert choose(hide_inside(ALONE.make_evidence())) == []


def test_samples_are_kept_where_decoding_is_short() -> None:
    """All samples are decoded for it."""
    assert "in_memory" in choose(ALONE.make_evidence(in_memory_bytes=1000))
    assert "in_memory" not in choose(ALONE.make_evidence(in_memory_bytes=1000, no_in_memory="random"))
    too_long = int(2 * LONGEST_DECODING_S / ALONE.fetch_s)
    assert "in_memory" not in choose(ALONE.make_evidence(in_memory_bytes=1000, epoch_batches=too_long))


def test_fewer_threads_are_tried_where_workers_slow_the_step() -> None:
    """The step took 3 ms alone, and takes 8 ms beside workers."""
    slowed = replace(BASE, step_s=8 * MS)
    evidence = replace(
        slowed.make_evidence(num_threads=4, cores=4),
        blocks=tuple(
            replace(block, step_alone=(BASE.make_step_row(block.block),))
            for block in slowed.make_evidence().blocks
        ),
    )
    assert choose(evidence) == ["num_threads=2"]
    one = replace(evidence, setup=replace(evidence.setup, num_threads=1))
    waiting = replace(evidence, setup=replace(evidence.setup, step="8ms"))
    assert choose(one) == choose(waiting) == []


def test_a_pilot_may_suggest_another() -> None:
    """Only beside the workers of the first one is the step seen to slow down."""
    evidence = ALONE.make_evidence(num_threads=2)
    assert choose(evidence) == ["num_workers=2"]
    slowed = replace(ALONE, num_workers=2, step_s=4 * ALONE.step_s)
    tried = add_pilot(evidence, make_pilot("own", num_workers=2), slowed, num_threads=2)
    assert choose(tried) == ["num_workers=2", "num_threads=1 num_workers=2"]


def test_workers_are_forked_where_their_imports_take_long() -> None:
    loader = replace(BASE, start_s=3.0)
    assert choose(loader.make_evidence(multiprocessing_context="spawn")) == ["multiprocessing_context=fork"]
    assert choose(loader.make_evidence(multiprocessing_context="fork")) == []
    quick = replace(BASE, start_s=0.001)
    assert choose(quick.make_evidence(multiprocessing_context="spawn")) == []


def test_page_locked_memory_is_tried_on_a_gpu() -> None:
    loader = replace(BASE, transfer_s=5 * MS)
    assert choose(loader.make_evidence()) == ["pin_memory=True"]
    assert choose(loader.make_evidence(pin_memory=True)) == []


def test_there_are_few() -> None:
    """Each takes the time of a trace in every block."""
    loader: MadeUpLoader = replace(ALONE, transfer_s=5 * MS, start_s=3.0)
    found = choose(loader.make_evidence(in_memory_bytes=1000, multiprocessing_context="spawn"))
    assert 1 < len(found) <= MOST_PILOTS


def test_a_pilot_is_named_by_what_it_changes() -> None:
    assert PilotChange("in_memory").name == "in_memory"
    assert make_pilot("own", num_workers=2, num_threads=1).name == "num_threads=1 num_workers=2"
