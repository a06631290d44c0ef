"""Which configurations fit into the machine."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from typing import Any

import pytest

from bench.machine.feasibility import (
    MEMORY,
    OPEN_FILES,
    SHARED_MEMORY,
    Footprint,
    Limit,
    estimate_needs,
    find_limits,
    list_infeasible,
)
from bench.machine.requirements import LoaderSettings, Requirements, estimate_for_batches
from bench.plan.configuration import Configuration
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts

MIB = 2**20
BATCH = 3 * MIB
FACTS = SourceFacts("dataloader", DataLoaderSettings(8), map_style=True)
KNOWN = Footprint(
    training_bytes=500 * MIB,
    worker_bytes=50 * MIB,
    method="fork",
    batch_bytes=BATCH,
    object_bytes=200 * MIB,
    pickled_bytes=300 * MIB,
    kept_bytes=900 * MIB,
)


def configure(family: str = "dataloader", device: str = "cpu", **knobs: Any) -> Configuration:
    spec: Any = (
        InMemory(facts=FACTS, **knobs) if family == "in_memory" else OwnDataLoader(facts=FACTS, **knobs)
    )
    return Configuration(spec.resolve(cuda=device == "cuda"), device, "none", None, 1)


def find_needs(configuration: Configuration, footprint: Footprint = KNOWN) -> dict[str, int]:
    def estimate(settings: LoaderSettings) -> Requirements:
        return estimate_for_batches([settings], BATCH)

    return estimate_needs(configuration, footprint, estimate)


def test_the_queue_lies_in_shared_memory() -> None:
    """P·W + 2 batches, rounded up to pages; two files each; nothing of it without workers."""
    needs = find_needs(configure(num_workers=4, prefetch_factor=3))
    assert (4 * 3 + 2) * BATCH <= needs[SHARED_MEMORY] <= (4 * 3 + 4) * BATCH
    assert needs[OPEN_FILES] > 2 * (4 * 3 + 2)
    assert SHARED_MEMORY not in find_needs(configure(num_workers=0))
    assert find_needs(configure(num_workers=0))[MEMORY] == KNOWN.training_bytes


def test_forked_workers_come_to_copy_the_objects() -> None:
    """Each takes what was measured, and the pages of the dataset's objects."""
    two, three = (
        find_needs(configure(num_workers=n, multiprocessing_context="fork"))[MEMORY] for n in (2, 3)
    )
    assert three - two == pytest.approx((50 + 200) * MIB + 2 * BATCH, abs=MIB)


def test_fresh_workers_get_a_copy_of_what_is_pickled() -> None:
    """Where such workers were not measured, the interpreter and torch come on top."""
    assert KNOWN.estimate_worker_bytes("spawn") > (300 + 100) * MIB
    measured = replace(KNOWN, method="spawn", worker_bytes=700 * MIB)
    assert measured.estimate_worker_bytes("spawn") == 700 * MIB
    assert Footprint().estimate_worker_bytes("fork") > 0


def test_pinned_batches_take_powers_of_two() -> None:
    """Three MiB take four, for each batch that may wait."""
    pinned, plain = (
        find_needs(configure(device="cuda", num_workers=2, pin_memory=pin))[MEMORY] for pin in (True, False)
    )
    assert pinned - plain == (2 * 2 + 2) * 4 * MIB


def test_samples_in_memory_are_kept() -> None:
    """They lie in the training process."""
    assert find_needs(configure("in_memory"))[MEMORY] == (500 + 900) * MIB


def test_unknown_memory_is_no_reason() -> None:
    """Where the trial has shown nothing, only what is known counts."""
    assert find_needs(configure(num_workers=64), Footprint())[MEMORY] == 0


def test_what_does_not_fit_is_named_with_figures() -> None:
    """One sentence for each resource, with what is needed and what there is; the present one stays."""
    workers = [8, 1, 2, 4, 8]
    needs = [find_needs(configure(num_workers=n, multiprocessing_context="fork")) for n in workers]
    limits = {SHARED_MEMORY: Limit(32 * MIB, "--shm-limit"), MEMORY: Limit(1100 * MIB, "--memory-limit")}
    numbers, infeasible = list_infeasible(needs, [f"num_workers={n}" for n in workers], limits)
    assert numbers == [3, 4]
    (one,) = infeasible
    assert one.names == ("num_workers=4", "num_workers=8")
    assert one.reason.startswith("/dev/shm: they need ")
    assert one.reason.endswith("and 32 MiB may be taken (--shm-limit)")
    limits = {MEMORY: Limit(1100 * MIB, "--memory-limit"), OPEN_FILES: Limit(30, "ulimit -n")}
    _, infeasible = list_infeasible(needs, [str(n) for n in workers], limits)
    assert [one.reason.partition(":")[0] for one in infeasible] == [OPEN_FILES, MEMORY]
    assert "and 30 may be taken (ulimit -n)" in infeasible[0].reason
    assert list_infeasible(needs, [str(n) for n in workers], {}) == ([], ())


def test_limits_are_the_users_or_most_of_what_is_free() -> None:
    """80% of it."""
    given = find_limits(memory_limit=8 << 30, shm_limit=1 << 30)
    assert (given[MEMORY], given[SHARED_MEMORY]) == (
        Limit(8 << 30, "--memory-limit"),
        Limit(1 << 30, "--shm-limit"),
    )
    found = find_limits()
    assert found[MEMORY].amount > 0
    assert found[MEMORY].source.startswith("80% of the ")
    if multiprocessing.get_all_start_methods()[0] == "fork":
        assert found[SHARED_MEMORY].source.endswith(" free")
