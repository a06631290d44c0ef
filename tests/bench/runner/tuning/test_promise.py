"""Tests of the order in which a tuning looks at configurations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.plan.axes import SpaceFacts
from bench.plan.configuration import Configuration
from bench.plan.request import Request
from bench.runner.first_look import FirstLook
from bench.runner.tuning.promise import order_by_promise
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.plan.test_search_space import OWN, TWO_CORES, WAITING, own_offer, space

# Loops that wait mostly for an epoch to start, for each batch, and for next to nothing.
STARTING = FirstLook(process_s=0.5, ends_s=1.0, batch_s=0.01, step_s=0.005, wait_s=0.005, late_batch_s=0.01)
LOADING = FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.1, step_s=0.01, wait_s=0.09, late_batch_s=0.1)
STEPPING = FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.1, step_s=0.0999, wait_s=0.0001, late_batch_s=0.1)
ALONE = SourceFacts("dataloader", DataLoaderSettings(8), map_style=True)


def order(
    look: FirstLook, batches: int | None, facts: SpaceFacts = TWO_CORES, own: SourceFacts = OWN
) -> tuple[Configuration, ...]:
    """Return the configurations of a loader, with three workers or those of other facts, in their order."""
    found = space(Request(single=True), own_offer(own), facts).configurations
    ordered = order_by_promise(found, look, batches, facts)
    assert ordered[0] == found[0]
    assert sorted(map(str, ordered)) == sorted(map(str, found))
    return ordered


def describe(one: Configuration) -> tuple[Any, ...]:
    """Return workers, whether they stay, and threads of torch."""
    knobs = one.spec.knobs()
    return knobs.get("num_workers"), knobs.get("persistent_workers"), one.num_threads


def test_no_workers_and_workers_that_stay_come_first_where_their_start_takes_long() -> None:
    """A training of many short epochs has nothing else to gain as much by."""
    assert [describe(one) for one in order(STARTING, 20)[:5]] == [
        (3, False, 2), (0, False, 2), (3, True, 2), (1, False, 2), (2, False, 2),
    ]  # fmt: skip
    # In long epochs, or where their length isn't known, it doesn't matter.
    for batches in (100_000, None):
        assert describe(order(STARTING, batches)[1]) == (2, False, 2)


def test_as_many_workers_as_cores_come_first_where_the_loop_waits() -> None:
    """Then come none, as handing batches over may be what takes long, and another loader."""
    found = order(LOADING, 1000)
    assert [describe(one) for one in found[1:4]] == [(2, False, 2), (0, False, 2), (1, False, 2)]
    assert (found[4].spec.family, found[4].num_threads) == ("in_memory", 2)
    unknown = order(replace(LOADING, wait_s=None), 1000)
    assert unknown == found


def test_many_workers_come_first_where_the_loading_itself_waits() -> None:
    """Only three numbers of workers come before changes of other settings."""
    found = order(LOADING, 1000, WAITING)
    assert [describe(one)[0] for one in found[1:4]] == [16, 0, 8]
    assert {describe(one)[0] for one in found[4:]} >= {1, 2, 4}


def test_fewer_workers_come_first_where_the_step_hides_the_loading() -> None:
    found = order(STEPPING, 1000)
    assert [describe(one)[0] for one in found[1:4]] == [0, 1, 2]


def test_first_workers_have_the_usual_settings() -> None:
    """Without workers, their number is the only change that isn't named by others."""
    found = order(LOADING, 1000, own=ALONE)
    assert [describe(one) for one in found[:3]] == [(0, False, 2), (2, False, 2), (1, False, 2)]
    assert [one.spec.knobs()["prefetch_factor"] for one in found[1:3]] == [2, 2]
