"""Scripts whose loops have other shapes than a plain one."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.bench.workloads.script_trials import choose, run

LOOPS = """
    import queue
    import sys
    import threading

    import torch
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset, get_worker_info


    def make(count=24, **settings):
        return DataLoader(TensorDataset(torch.arange(count * 4.0).view(count, 4)), batch_size=4, **settings)


    class Stream(IterableDataset):
        def __init__(self, split):
            self.split = split

        def __iter__(self):
            worker = get_worker_info()
            share = slice(worker.id, None, worker.num_workers) if self.split and worker else slice(None)
            yield from [torch.full((2,), float(number)) for number in range(24)][share]


    def anew():
        '''Each epoch has a DataLoader and a dataset of its own.'''
        for _ in range(3):
            for batch in make():
                pass
            for batch in make(12):
                pass


    def by_hand():
        '''The iterator is kept, and asked for as many batches as there are.'''
        loader = make()
        for epoch in range(3):
            iterator = iter(loader)
            for _ in range(len(loader)):
                next(iterator)


    def in_thread():
        '''Another thread takes the batches.'''
        def fetch(batches):
            for batch in make():
                batches.put(batch)
            batches.put(None)

        for epoch in range(3):
            batches = queue.Queue(2)
            threading.Thread(target=fetch, args=(batches,), daemon=True).start()
            while batches.get() is not None:
                pass


    def swallowing():
        '''Whatever is raised is swallowed.'''
        loader = make()
        for epoch in range(3):
            try:
                for batch in loader:
                    pass
                print("after the loop")
            except:
                print("swallowed")
        sys.exit(0)


    def split():
        for epoch in range(3):
            for batch in DataLoader(Stream(True), batch_size=4):
                pass


    def unsplit():
        for epoch in range(3):
            for batch in DataLoader(Stream(False), batch_size=4):
                pass


    if __name__ == "__main__":
        globals()[sys.argv[1]]()
        print("the script's end")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("loops")
    (path / "loops.py").write_text(dedent(LOOPS))
    return path


@pytest.mark.parametrize("loop", ["anew", "by_hand", "in_thread", "swallowing", "split"])
def test_a_loop_of_another_shape(folder, tmp_path, loop) -> None:
    """Each of its epochs is one, and the script doesn't go on for long."""
    choice = choose(folder, "loops.py", [loop], timeout_s=30)
    assert (choice.workload.picked.facts.samples, choice.workload.picked.facts.batches) == (24, 6)
    rows = run(choice, tmp_path, 2, num_workers=2)
    assert [(row.status, row.samples, row.batches) for row in rows] == [("ok", 24, 6)] * 2
    assert {row.audit for row in rows} == {"count" if loop == "split" else "index"}
    printed = (tmp_path / "trials.log").read_text()
    assert "the script's end" not in printed
    if loop == "swallowing":
        assert printed.count("after the loop") == 1
        assert printed.count("swallowed") == 2


def test_a_stream_that_is_not_split_between_workers(folder, tmp_path) -> None:
    """It delivers its samples once for each worker: a failed row says so, and how to mend it."""
    choice = choose(folder, "loops.py", ["unsplit"])
    (row,) = run(choice, tmp_path, 2, num_workers=2)
    assert row.status == "failed"
    assert "48 samples come from 2 workers, 24 without workers" in row.error
    assert "get_worker_info" in row.error


def test_workers_that_are_not_forked(folder, tmp_path) -> None:
    """They import the script as they would without us."""
    (folder / "model.py").write_text("raise RuntimeError('nobody imports this')")
    choice = choose(folder, "loops.py", ["split"])
    rows = run(choice, tmp_path, 2, num_workers=1, multiprocessing_context="spawn")
    assert [(row.status, row.error, row.samples) for row in rows] == [("ok", None, 24)] * 2
