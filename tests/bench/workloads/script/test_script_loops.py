"""Scripts whose loops have other shapes than a plain one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.records.rung_time import COLLATE, LOADER, RungTime
from bench.workloads.script import script_inspection
from bench.workloads.script.script_choice import pick_loader
from bench.workloads.script.script_file import ScriptFile
from bench.workloads.script.script_inspection import ScriptLook
from tests.bench.workloads.script.script_trials import MODULES, choose, probe, run

LOOPS = """
    import os
    import queue
    import sys
    import threading
    import time
    import types

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


    def by_trainer():
        '''The Hugging Face Trainer makes the DataLoader.'''
        trainer = types.ModuleType("transformers.trainer")
        exec("def make_loader(kind, *args, **settings): return kind(*args, **settings)", vars(trainer))
        loader = trainer.make_loader(DataLoader, TensorDataset(torch.zeros(24, 4)), batch_size=4)
        for epoch in range(3):
            for batch in loader:
                pass


    def zipped():
        '''Two DataLoaders are read in turn.'''
        train, other = make(), make(20)
        for epoch in range(3):
            for pair in zip(train, other):
                pass


    def swallowing():
        '''Whatever is raised is swallowed, and the training goes on for ever.'''
        loader = make()
        while True:
            try:
                for batch in loader:
                    pass
                print("after the loop")
            except:
                print("swallowed")


    def leaving(leave=os._exit):
        '''The only epoch is followed by the end of the process.'''
        for batch in make():
            pass
        leave(0 if leave is os._exit else "finished")


    def finishing():
        leaving(sys.exit)


    def finishing_twice():
        for epoch in range(2):
            for batch in make():
                pass
        sys.exit("finished")


    def split():
        for epoch in range(3):
            for batch in DataLoader(Stream(True), batch_size=4):
                pass


    def unsplit():
        for epoch in range(3):
            for batch in DataLoader(Stream(False), batch_size=4):
                pass


    def slow():
        '''A validation comes first, and an epoch takes long.'''
        validation, train = make(), make(48)
        for batch in validation:
            time.sleep(0.05)
        for epoch in range(3):
            for batch in train:
                time.sleep(0.05)


    if __name__ == "__main__":
        globals()[sys.argv[1]]()
        print("the script's end")
"""


def look_briefly(script: ScriptFile) -> ScriptLook:
    """Look at a script for a shorter time than others."""
    script_inspection.LONGEST_LOOK_S = 0.1
    return ScriptLook(script)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("loops")
    (path / "loops.py").write_text(dedent(LOOPS))
    return path


@pytest.mark.parametrize("loop", ["anew", "by_hand", "in_thread", "swallowing", "split"])
def test_a_loop_of_another_shape(folder, tmp_path, loop) -> None:
    """Each of its epochs is one, and the script doesn't go on for long."""
    choice = choose(folder, "loops.py", [loop])
    assert (choice.workload.picked.facts.samples, choice.workload.picked.facts.batches) == (24, 6)
    assert choice.workload.picked.beside == ()
    rows = run(choice, tmp_path, 2, num_workers=2)
    assert [(row.status, row.samples, row.batches) for row in rows] == [("ok", 24, 6)] * 2
    assert {row.audit for row in rows} == {"count" if loop == "split" else "index"}
    printed = (tmp_path / "trials.log").read_text()
    assert "the script's end" not in printed
    if loop == "swallowing":
        assert printed.count("after the loop") == 1
        assert printed.count("swallowed") == 1
    traces = probe(choice, tmp_path, "trace", num_workers=2)
    assert [(trace.epoch, trace.samples, trace.worker.tolist()) for trace in traces] == [
        (0, 24, [0, 1] * 3),
        (1, 24, [0, 1] * 3),
    ]
    assert all(trace.is_inside_known and len(trace.num_bytes) == 6 for trace in traces)
    if loop == "in_thread":
        # There the script's end is that of the process.
        ladder = probe(choice, tmp_path, "ladder", epochs=1, num_workers=2)
        assert {COLLATE, LOADER} < {item.rung for item in ladder if isinstance(item, RungTime)}
    assert "the script's end" not in (tmp_path / "trials.log").read_text()


def test_a_stream_that_is_not_split_between_workers(folder, tmp_path) -> None:
    """It delivers its samples once for each worker: a failed row says so, and how to mend it."""
    choice = choose(folder, "loops.py", ["unsplit"])
    (row,) = run(choice, tmp_path, 2, num_workers=2)
    assert row.status == "failed"
    assert "48 samples come from 2 workers, 24 without workers" in row.error
    assert "get_worker_info" in row.error


@pytest.mark.parametrize(
    ("loop", "code"),
    [
        ("anew", "DataLoader(..., num_workers=2)"),
        ("by_trainer", "TrainingArguments(..., dataloader_num_workers=2)"),
    ],
)
def test_the_code_of_a_setting(folder, loop, code) -> None:
    """A user of the Trainer makes no DataLoader, so its arguments are those of the Trainer."""
    choice = choose(folder, "loops.py", [loop])
    spec = choice.offer.specs["dataloader"].with_knobs({"num_workers": 2})
    assert choice.workload.make_code(spec)[-1] == code


def test_loaders_that_are_read_in_turn(folder) -> None:
    """Only one is varied, and loading the other counts as the step."""
    choice = choose(folder, "loops.py", ["zipped"])
    assert choice.workload.picked.beside == ("TensorDataset-2",)
    told: list[str] = []
    choice.find(told.append, None)
    assert told[0].endswith(
        "TensorDataset-2 is loaded within an epoch of TensorDataset: the step has that time."
    )


@pytest.mark.parametrize("loop", ["leaving", "finishing"])
def test_a_script_that_ends_its_process(folder, tmp_path, loop) -> None:
    """What was found of it is sent before. Its exit code after all of its epochs is its own matter."""
    choice = choose(folder, "loops.py", [loop])
    assert (choice.workload.epochs, choice.workload.picked.facts.samples) == (1, 24)
    for ceiling in (False, True):
        rows = run(choice, tmp_path, 2, ceiling=ceiling)
        assert [(row.status, row.error, row.samples) for row in rows] == [("ok", None, 24)]


def test_an_exit_code_after_more_epochs_than_are_needed(folder, tmp_path) -> None:
    """Short epochs are repeated as often as the script does. Its end is then no failure."""
    choice = choose(folder, "loops.py", ["finishing_twice"])
    assert choice.workload.epochs is None
    assert [row.status for row in run(choice, tmp_path, 2, steady_s=60)] == ["ok", "ok"]
    assert [row.status for row in run(choice, tmp_path, 3)] == ["ok", "ok", "failed"]


def test_workers_that_are_not_forked(folder, tmp_path) -> None:
    """They import the script as they would without us."""
    (folder / "model.py").write_text("raise RuntimeError('nobody imports this')")
    choice = choose(folder, "loops.py", ["split"])
    rows = run(choice, tmp_path, 2, num_workers=1, multiprocessing_context="spawn")
    assert [(row.status, row.error, row.samples) for row in rows] == [("ok", None, 24)] * 2


def test_the_first_run_of_a_long_training_ends_early(folder, tmp_path) -> None:
    """The DataLoader that is still in its first epoch is the larger one."""
    look = partial(look_briefly, ScriptFile.parse("loops.py", ("slow",), folder))
    log = tmp_path / "log"
    with FreshProcess(look, context=prepare_context(MODULES), log=log, title="slow") as process:
        found = process.take(read_running_s() + 60)
    assert (found.error, found.has_ended) == ("", False)
    picked = pick_loader("loops.py", found.loaders, None)
    assert (picked.name, picked.epochs, picked.facts.samples) == ("TensorDataset-2", 0, 48)
