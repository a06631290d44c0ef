"""Probes of a script: traces of its own epochs, and the ladder of its DataLoader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from bench.records.rung_time import COLLATE, FETCH, LOADER, ORDER, TRANSFORM, TRANSPORT, RungTime
from bench.runner.explanation.probe_runner import ProbeError
from tests.bench.workloads.script.script_trials import choose, probe

SCRIPT = """
    import sys
    import time

    import torch
    from torch.utils.data import DataLoader, Dataset

    import model


    class Points(Dataset):
        def __init__(self, count, bad=None):
            self.points = torch.rand(count, 4)
            self.bad = bad
            self.transform = torch.nn.Sequential(model.Scale(), model.Shift())

        def __len__(self):
            return len(self.points)

        def __getitem__(self, index):
            if index == self.bad:
                raise ValueError(f"sample {index} is bad")
            return self.transform(self.points[index]), index % 2


    def train(loader, validation):
        layer = torch.nn.Linear(4, 2)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        for epoch in range(3):
            for points, labels in loader:
                torch.nn.functional.cross_entropy(layer(points), labels).backward()
                optimizer.step()
                time.sleep(0.002)
            print("epoch", epoch, "is over")
            for _ in validation:
                pass


    if __name__ == "__main__":
        bad = int(sys.argv[1]) if sys.argv[1:] else None
        loader = DataLoader(Points(48, bad), batch_size=8, shuffle=True)
        try:
            train(loader, DataLoader(Points(16), batch_size=8))
        except Exception as error:
            if sys.argv[2:]:
                raise
            print("swallowed", error)
        finally:
            if "late" in sys.argv:
                raise RuntimeError("half done")
        print("the end")
"""
MODEL = """
    import torch

    class Scale(torch.nn.Module):
        def forward(self, points):
            return points * 2

    class Shift(torch.nn.Module):
        def forward(self, points):
            return points + 1
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with a script, and modules that bear names of ours, which workers must not find for ours."""
    folder = tmp_path_factory.mktemp("probed")
    files = {"train.py": SCRIPT, "model.py": MODEL, "bench.py": "", "loaders.py": "", "utils.py": ""}
    for name, text in files.items():
        (folder / name).write_text(dedent(text))
    return folder


@pytest.fixture(scope="module")
def choice(project):
    return choose(project, "train.py")


@pytest.mark.parametrize(
    "knobs",
    [
        {"num_workers": 0},
        {"num_workers": 2},
        {"num_workers": 2, "persistent_workers": True},
        {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": "spawn"},
    ],
    ids=["none", "anew", "kept", "spawned"],
)
def test_a_trace_sees_the_script_from_the_inside(choice, tmp_path, knobs) -> None:
    """Each batch of two of its epochs, in the process or in the workers; then the script ends."""
    traces = probe(choice, tmp_path, "trace", **knobs)
    workers = knobs["num_workers"]
    assert [trace.epoch for trace in traces] == [0, 1]
    for trace in traces:
        assert (trace.batches, trace.samples) == (6, 48)
        assert trace.is_inside_known
        assert trace.transforms == ("Scale", "Shift")
        numbers = [batch % workers for batch in range(6)] if workers else [-1] * 6
        assert trace.worker.tolist() == numbers
        assert sorted(index for batch in trace.indices for index in batch) == list(range(48))
        assert (trace.begun_s < trace.fetched_s).all()
        assert (trace.fetched_s < trace.ended_s).all()
        assert (trace.ended_s < trace.arrived_s).all()
        assert (trace.step_s > 0.002).all()
        assert (np.diff(trace.asked_s) > 0).all()
        assert trace.asked_s[0] > 0
        assert trace.done_s[-1] <= trace.wall_s
    expected = workers, 0 if knobs.get("persistent_workers") else workers
    assert tuple(len(trace.starts) for trace in traces) == expected
    printed = (tmp_path / "trials.log").read_text()
    assert printed.count("is over") == 1
    assert "the end" not in printed


def test_a_ladder_is_climbed_in_the_script(choice, tmp_path) -> None:
    """Over its DataLoader as the script made it, at its first `iter()`. No step is made."""
    items = probe(choice, tmp_path, "ladder", epochs=1, num_workers=2)
    rungs = sorted((item for item in items if isinstance(item, RungTime)), key=lambda rung: rung.place)
    assert [(rung.rung, rung.stage) for rung in rungs] == [
        (ORDER, ""),
        (FETCH, ""),
        (TRANSFORM, "Scale"),
        (TRANSFORM, "Shift"),
        (COLLATE, ""),
        (LOADER, ""),
        (TRANSPORT, ""),
    ]
    assert {rung.samples / rung.batches for rung in rungs} == {8}
    printed = (tmp_path / "trials.log").read_text()
    assert "is over" not in printed
    assert "the end" not in printed


@pytest.mark.parametrize(("kind", "arguments"), [("trace", ("40", "raise")), ("ladder", ("40",))])
def test_a_script_that_fails_is_told(choice, tmp_path, kind, arguments) -> None:
    """In one line. An error of the ladder is none of the script's, which can't swallow it."""
    workload = choice.workload
    failing = replace(workload, script=replace(workload.script, arguments=arguments))
    with pytest.raises(ProbeError, match=r"ValueError: sample 40 is bad \(train.py:") as caught:
        probe(replace(choice, workload=failing), tmp_path, kind)
    assert "\n" not in str(caught.value)
    assert "swallowed" not in (tmp_path / "trials.log").read_text()


def test_a_script_may_fail_once_it_is_ended(choice, tmp_path) -> None:
    """As Lightning does, which closes a loop that has not begun. That is no failure of the probe."""
    workload = choice.workload
    failing = replace(workload, script=replace(workload.script, arguments=("-1", "late")))
    items = probe(replace(choice, workload=failing), tmp_path, "ladder", epochs=1)
    assert {item.rung for item in items if isinstance(item, RungTime)} >= {FETCH, COLLATE, LOADER}


STREAM = """
    from torch.utils.data import DataLoader, IterableDataset

    class Numbers(IterableDataset):
        def __iter__(self):
            return iter(map(float, range(400)))

    for _ in range(2):
        for batch in DataLoader(Numbers(), batch_size=4):
            pass
"""


def test_the_ladder_of_a_stream_ends_with_its_epochs(tmp_path) -> None:
    """It asks for no more batches than `--batches` says."""
    (tmp_path / "stream.py").write_text(dedent(STREAM))
    items = probe(choose(tmp_path, "stream.py", batches=5), tmp_path, "ladder", epochs=1)
    rungs = {item.rung: item.batches for item in items if isinstance(item, RungTime)}
    assert set(rungs) == {FETCH, COLLATE, LOADER}
    # The first batch is the start-up.
    assert set(rungs.values()) == {4}
