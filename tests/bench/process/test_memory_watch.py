"""Samples of memory, and which of them an epoch's peak is taken from."""

from __future__ import annotations

import pytest

from bench.process import process_tree
from bench.process.memory_watch import MemoryWatch


def test_the_peak_is_of_the_epochs_own_time() -> None:
    """Samples before and long after don't count."""
    watch = MemoryWatch(
        1, samples=[(10, 900, 9, 9), (20, 5, 2, 1), (30, 7, 1, 3), (40, 6, None, 2), (50, 800, 8, 8)]
    )
    assert watch.peak_bytes(20, 45) == 800  # the sample just after the end counts: the epoch may hide it
    assert watch.peak_bytes(20, 35) == 7
    assert watch.processes(20, 45) == 8
    assert watch.processes(20, 35) == 3


def test_a_short_epoch_has_the_sample_after_it() -> None:
    """Between two samples nothing was seen: the next one is nearest."""
    watch = MemoryWatch(1, samples=[(10, 1, None, 5), (100, 2, None, 4)])
    assert (watch.peak_bytes(20, 30), watch.processes(20, 30)) == (2, 4)


def test_nothing_seen_is_unknown() -> None:
    """Not 0."""
    assert MemoryWatch(1).peak_bytes(0, 10) is None
    assert MemoryWatch(1).processes(0, 10) is None


@pytest.fixture
def tree(monkeypatch):
    """A process of 100 bytes with two workers of 90, of which `shared` are shared."""
    state = {"shared": 80, "mapped": 20, "workers": [2, 3], "gone": [], "readings": 0}

    def shared(pid):
        state["readings"] += 1
        return state["shared"]

    monkeypatch.setattr(
        process_tree,
        "resident_and_mapped_bytes",
        lambda pid: (100, 30) if pid == 1 else (0, 0) if pid in state["gone"] else (90, state["mapped"]),
    )
    monkeypatch.setattr(process_tree, "descendants", lambda pid: state["workers"])
    monkeypatch.setattr(process_tree, "shared_bytes", shared)
    return state


def test_workers_add_only_their_own(tree) -> None:
    """What a fork shares counts once."""
    watch = MemoryWatch(1)
    watch.sample()
    assert watch.samples[0][1] == 100 + 2 * (90 - 80)


def test_processes_that_are_there_are_counted(tree) -> None:
    """The training process and its workers, but for one that has ended and not been waited for."""
    watch = MemoryWatch(1)
    watch.sample()
    tree["gone"] = [3]
    watch.sample()
    assert [processes for _, _, _, processes in watch.samples] == [3, 2]


def test_workers_that_grow_after_the_reading_map_libraries(tree) -> None:
    """A spawned worker is small when it is first seen; the libraries that it then maps are not its own."""
    tree["shared"], tree["mapped"] = 5, 70
    watch = MemoryWatch(1)
    watch.sample()
    assert watch.samples[0][1] == 100 + 2 * (90 - 70)


def test_the_costly_reading_is_rare(tree) -> None:
    """Of ten samples two read what is shared: the first and the fourth with workers."""
    watch = MemoryWatch(1)
    tree["workers"] = []
    watch.sample()
    tree["workers"] = [2, 3]
    for _ in range(10):
        watch.sample()
    assert tree["readings"] == 2 * len(tree["workers"])


def test_workers_that_are_ending_are_no_measure(tree) -> None:
    """Where what they share can't be read, there is no sample rather than a wrong one."""
    tree["shared"] = None
    watch = MemoryWatch(1)
    watch.sample()
    assert watch.samples == []


def test_a_process_that_is_gone_has_no_sample(monkeypatch) -> None:
    """Not a sample of 0."""
    monkeypatch.setattr(process_tree, "resident_and_mapped_bytes", lambda pid: (0, 0))
    watch = MemoryWatch(1)
    watch.sample()
    assert watch.samples == []
