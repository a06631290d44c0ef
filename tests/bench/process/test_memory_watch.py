"""The samples that a watch takes of a made-up process tree, and the peaks that it finds in them."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from bench.process import memory_watch, process_tree
from bench.process.memory_sample import MemoryPeak, MemorySample, WorkerMemory
from bench.process.memory_watch import MemoryWatch
from bench.process.process_status import ProcessStatus
from bench.process.shared_pages import SharedPages


def watch_of(*samples: MemorySample) -> MemoryWatch:
    """Return a watch that has taken these samples."""
    watch = MemoryWatch(1, with_workers=True)
    watch.samples.extend(samples)
    return watch


def sample(at_ns: int, resident_bytes: int, anonymous_bytes: int | None, processes: int) -> MemorySample:
    return MemorySample(at_ns, resident_bytes, anonymous_bytes, WorkerMemory(0, processes - 1))


def test_the_peak_is_of_the_epochs_own_time() -> None:
    """Samples before and long after don't count."""
    watch = watch_of(
        sample(10, 900, 9, 9), sample(20, 5, 2, 1), sample(30, 7, 1, 3), sample(40, 6, None, 2), sample(50,
        800, 8, 8)
    )  # fmt: skip
    # The sample just after the end counts: the epoch may hide its memory.
    assert watch.find_peak(20, 45) == MemoryPeak(800, 8, 8)
    assert watch.find_peak(20, 35) == MemoryPeak(7, 2, 3)


def test_a_short_epoch_has_the_sample_after_it() -> None:
    """Between two samples nothing was seen: the next one is nearest."""
    assert watch_of(sample(10, 1, None, 5), sample(100, 2, None, 4)).find_peak(20, 30) == MemoryPeak(
        2, None, 4
    )


def test_nothing_seen_is_unknown() -> None:
    """Not 0."""
    assert MemoryWatch(1).find_peak(0, 10) == MemoryPeak()
    assert MemoryWatch(1, with_workers=True).find_worker_memory(0, 10) is None


@pytest.fixture
def tree(monkeypatch):
    """A process of 100 bytes with two workers of 90, of which 80 are shared, 60 of these without a file."""
    state = SimpleNamespace(
        process=ProcessStatus(100, 60, 30, 10),
        worker=ProcessStatus(90, 70, 15, 5),
        workers=[2, 3],
        gone=[],
        shared=SharedPages(80, 60),
        readings=0,
        walks=0,
    )

    def read_shared_pages(pid):
        state.readings += 1
        return state.shared

    def find_workers(pid):
        state.walks += 1
        return state.workers

    def read_status(pid):
        return state.process if pid == 1 else None if pid in state.gone else state.worker

    monkeypatch.setattr(memory_watch, "read_status_text", lambda pid: None)
    monkeypatch.setattr(memory_watch, "read_status", read_status)
    monkeypatch.setattr(memory_watch, "read_shared_pages", read_shared_pages)
    monkeypatch.setattr(process_tree, "list_descendants", find_workers)
    monkeypatch.setattr(process_tree, "list_children", find_workers)
    return state


def take(watch: MemoryWatch, count: int = 1) -> MemorySample:
    """Take samples and return the last one."""
    for _ in range(count):
        watch.sample()
    return watch.samples[-1]


def test_workers_add_only_their_own(tree) -> None:
    """Memory that a fork shares counts once: 10 bytes a worker are its own, all of no file."""
    taken = take(MemoryWatch(1, with_workers=True))
    assert (taken.resident_bytes, taken.anonymous_bytes) == (100, 70)
    assert taken.workers == WorkerMemory(2 * 10, 2)


def test_a_timed_epoch_leaves_its_workers_alone(tree) -> None:
    """Nothing is read of them, they are found once, and the peak waits for their memory from elsewhere."""
    watch = MemoryWatch(1)
    taken = take(watch, 10)
    assert taken.workers is None
    assert (tree.readings, tree.walks) == (0, 1)
    assert watch.saw_workers
    assert watch.find_peak(0, taken.at_ns) == MemoryPeak()
    assert watch.find_peak(0, taken.at_ns, WorkerMemory(20, 4)) == MemoryPeak(120, 90, 5)


def test_a_text_is_parsed_after_the_epoch(tree, monkeypatch) -> None:
    """It gives the same sample as a status, with the time at which it was read."""
    text = b"State:\tT (stopped)\nVmRSS:\t 9 kB\nRssAnon:\t 5 kB\nRssFile:\t 3 kB\nRssShmem:\t 1 kB\n"
    texts = iter([text, b"State:\tZ (zombie)\n"])
    monkeypatch.setattr(memory_watch, "read_status_text", lambda pid: next(texts))
    parsed = []
    parse_status = memory_watch.parse_status
    monkeypatch.setattr(memory_watch, "parse_status", lambda text: parsed.append(text) or parse_status(text))
    watch = MemoryWatch(1)
    began_ns = time.perf_counter_ns()
    watch.sample()
    ended_ns = time.perf_counter_ns()
    watch.sample()
    assert parsed == []
    (taken,) = watch.samples
    assert began_ns <= taken.at_ns <= ended_ns
    assert taken == MemorySample(taken.at_ns, 9 * 1024, 6 * 1024, is_stopped=True)
    assert watch.samples == [taken]


def test_workers_that_start_late_are_found(tree) -> None:
    """They are looked for at every fourth sample."""
    watch, tree.workers = MemoryWatch(1), []
    taken = take(watch, 4)
    assert not watch.saw_workers
    assert watch.find_peak(0, taken.at_ns) == MemoryPeak(100, 70, 1)
    tree.workers = [2]
    take(watch)
    assert watch.saw_workers


def test_processes_that_are_there_are_counted(tree) -> None:
    """A worker that has ended and not been waited for isn't."""
    watch = MemoryWatch(1, with_workers=True)
    take(watch)
    tree.gone = [3]
    take(watch)
    assert [taken.workers.processes for taken in watch.samples] == [2, 1]
    assert watch.find_worker_memory(0, 2**62) == WorkerMemory(20, 2)


def test_libraries_that_workers_map_are_not_their_own(tree) -> None:
    """A spawned worker shares little when it is first seen, and maps libraries later."""
    tree.shared, tree.worker = SharedPages(5, 0), ProcessStatus(90, 20, 60, 10)
    assert take(MemoryWatch(1, with_workers=True)).workers == WorkerMemory(2 * 20, 2)


def test_without_the_systems_word_shared_pages_are_of_the_resident_set(tree) -> None:
    """Of 90 bytes a worker, 80 are shared."""
    tree.worker = ProcessStatus(90)
    assert take(MemoryWatch(1, with_workers=True)).workers == WorkerMemory(2 * 10, 2)


def test_the_costly_reading_is_rare(tree) -> None:
    """Of twenty samples two read shared pages: the first and the eighth with workers."""
    watch, tree.workers = MemoryWatch(1, with_workers=True), []
    take(watch)
    tree.workers = [2, 3]
    take(watch, 20)
    assert tree.readings == 2 * len(tree.workers)


def test_workers_that_are_ending_are_no_measure(tree) -> None:
    """There is no sample rather than a wrong one if their shared pages can't be read."""
    watch, tree.shared = MemoryWatch(1, with_workers=True), None
    watch.sample()
    assert watch.samples == []


def test_a_process_that_is_gone_has_no_sample(tree) -> None:
    """Not a sample of 0."""
    watch, tree.process = MemoryWatch(1), None
    watch.sample()
    assert watch.samples == []


def test_a_limit_holds_for_all_processes_without_files(tree) -> None:
    """70 of the training process and 10 of each worker; the shared pages are read again before it is said."""
    take(MemoryWatch(1, limit_bytes=90))
    assert tree.readings == 2
    with pytest.raises(MemoryError, match="in 3 processes, the limit is 0 MiB"):
        take(MemoryWatch(1, limit_bytes=89))
    assert tree.readings == 6


def test_pages_shared_since_cost_no_trial(tree) -> None:
    """Workers that seemed to hold more are within the limit by the second reading."""
    watch = MemoryWatch(1, limit_bytes=90)
    take(watch)
    tree.worker, tree.shared = ProcessStatus(190, 170, 15, 5), SharedPages(180, 160)
    take(watch)
    tree.shared = SharedPages(0, 0)
    with pytest.raises(MemoryError):
        take(watch, 7)


def test_without_the_systems_word_a_limit_holds_for_all_pages(tree) -> None:
    """100 of the training process and 10 of each worker."""
    tree.process, tree.worker = ProcessStatus(100), ProcessStatus(90)
    take(MemoryWatch(1, limit_bytes=120))
    with pytest.raises(MemoryError):
        take(MemoryWatch(1, limit_bytes=119))


def test_time_in_which_the_process_was_stopped() -> None:
    """From each sample that saw it stopped to the next one, within the epoch."""
    watch = watch_of(*(MemorySample(at * 10**9, 1, 1, is_stopped=at in (2, 3, 7)) for at in range(10)))
    assert watch.find_stopped_s(0, 9 * 10**9) == 3
    assert watch.find_stopped_s(int(2.5e9), int(3.5e9)) == 1
    assert watch.find_stopped_s(4 * 10**9, 6 * 10**9) == 0
