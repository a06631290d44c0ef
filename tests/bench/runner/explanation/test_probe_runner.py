"""Probes in processes of their own: their items, their failures, and what they leave behind."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan.configuration import Configuration
from bench.records.batch_trace import BatchTrace
from bench.records.rung_time import MissingRung, PickleCost, RungTime
from bench.runner.explanation.probe_runner import ProbeError, ProbeRunner
from bench.runner.trial_limits import TrialLimits
from bench.trial.probe import Kind, Probe
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.runner.test_trial_process import alive_with
from tests.fakes import Misbehaving, numbered_workload

STEP = "def make_step():\n    return lambda batch: None\n"
# It fails in any process in which bench.py isn't theirs.
SHADOWED = """
import bench, torch
from torch.utils.data import DataLoader, Dataset
class Numbers(Dataset):
    def __init__(self):
        self.transform = Half()
    def __len__(self):
        return 40
    def __getitem__(self, index):
        import bench, loaders, model
        assert (bench.WORD, loaders.WORD, model.WORD) == ("theirs",) * 3
        return self.transform(torch.tensor(float(index)))
class Half:
    def __call__(self, value):
        return value / 2
train_loader = DataLoader(Numbers(), batch_size=4, num_workers=1)
"""

FAILING = """
import torch
from torch.utils.data import DataLoader, Dataset
class Numbers(Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        assert index != 6
        return torch.tensor(index)
train_loader = DataLoader(Numbers(), batch_size=4, num_workers=1)
"""


def look(probe: Probe, context, folder: Path, *, timeout_s: float = 300) -> list:
    return ProbeRunner(context, TrialLimits(timeout_s), folder / "log").run(probe)


def probe_of(kind: Kind, spec, workload=None, step: str = "analytic", epochs: int = 2) -> Probe:
    loss = "cross_entropy" if step == "analytic" else None
    configuration = Configuration(spec, "cpu", step, loss, 1)
    return Probe(kind, configuration, workload or numbered_workload(80), 3, 0, epochs, 0.0)


def own_workload(folder: Path, text: str) -> OwnLoader:
    """Return the workload of a file with a DataLoader of one forked worker."""
    (folder / "train.py").write_text(text + STEP)
    settings = DataLoaderSettings(4, 1, prefetch_factor=2)
    return OwnLoader(
        Target.parse("train.py:train_loader", folder),
        SourceFacts("dataloader", settings, map_style=True),
        "0",
    )


def test_a_ladder_of_a_family_with_workers(context, tmp_path) -> None:
    """All rungs are there, for the transforms of torchvision too, and the block is the probe's."""
    spec = TorchDataLoader(num_workers=1, batch_size=8).resolve()
    items = look(probe_of("ladder", spec), context, tmp_path)
    times = [item for item in items if isinstance(item, RungTime)]
    rungs = {(time.place, time.rung, time.stage) for time in times}
    assert sorted(rungs) == [
        (0, "order", ""), (1, "fetch", ""), (2, "transform", "ToTensor"), (3, "collate", ""),
        (4, "loader", ""), (5, "transport", ""),
    ]  # fmt: skip
    assert {time.block for time in times} == {3}
    assert len(times) == 12
    # Only the first block measures what pickling takes.
    assert [item for item in items if not isinstance(item, RungTime)] == []
    first = look(replace(probe_of("ladder", spec), block=0), context, tmp_path)
    assert [type(item) for item in first if not isinstance(item, RungTime)] == [PickleCost]
    assert alive_with(str(tmp_path)) == []


def test_a_trace_of_a_family(context, tmp_path) -> None:
    """With the step; the inside is known for a DataLoader, and for no other loader."""
    spec = TorchDataLoader(num_workers=1, batch_size=8).resolve()
    traces = look(probe_of("trace", spec), context, tmp_path)
    assert [type(trace) for trace in traces] == [BatchTrace] * 2
    assert [trace.epoch for trace in traces] == [0, 1]
    assert all(trace.is_inside_known and trace.batches == 10 and trace.samples == 80 for trace in traces)
    assert all((trace.step_s > 0).all() for trace in traces)
    [outside] = look(probe_of("trace", TensorSlice(batch_size=8), epochs=1), context, tmp_path)
    assert (outside.batches, outside.samples, outside.is_inside_known) == (10, 80, False)
    assert (outside.wait_s > 0).all()
    [rung] = look(probe_of("ladder", TensorSlice(batch_size=8), epochs=1), context, tmp_path)
    assert rung.rung == "loader"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_modules_of_our_names(context, tmp_path, method) -> None:
    """The workers of each rung find the user's bench.py, loaders.py and model.py."""
    for name in ("bench", "loaders", "model"):
        (tmp_path / f"{name}.py").write_text("WORD = 'theirs'\n")
    workload = own_workload(tmp_path, SHADOWED)
    spec = OwnDataLoader(facts=workload.facts, multiprocessing_context=method).resolve()
    items = look(probe_of("ladder", spec, workload, "none", epochs=1), context, tmp_path)
    assert not [item.reason for item in items if isinstance(item, MissingRung)]
    rungs = {item.rung for item in items if isinstance(item, RungTime)}
    assert rungs == {"order", "fetch", "transform", "collate", "loader", "transport"}


@pytest.mark.parametrize("kind", ["trace", "ladder"])
def test_a_failure_is_one_line(context, tmp_path, kind) -> None:
    """It names what was raised and where, or the cause, and its traceback is in the log."""
    with pytest.raises(ProbeError) as failed:
        look(probe_of(kind, Misbehaving(behaviour="raise")), context, tmp_path)
    assert str(failed.value).startswith("RuntimeError: the disk is on fire (fakes.py:")
    assert "Traceback" in (tmp_path / "log").read_text()
    with pytest.raises(ProbeError, match="killed by SIGKILL"):
        look(probe_of(kind, Misbehaving(behaviour="orphan")), context, tmp_path)
    assert alive_with(str(tmp_path)) == []


def test_a_failing_sample_is_named(context, tmp_path) -> None:
    """The loader is the user's own, and a worker fails."""
    workload = own_workload(tmp_path, FAILING)
    spec = OwnDataLoader(facts=workload.facts, multiprocessing_context="fork").resolve()
    with pytest.raises(ProbeError, match=r"dataset\[6\] raises AssertionError"):
        look(probe_of("trace", spec, workload, "none"), context, tmp_path)


def test_a_probe_that_hangs_is_ended(context, tmp_path) -> None:
    """With its workers and its temporary folder, and one line says so."""
    workload = own_workload(tmp_path, FAILING.replace("assert index != 6", "__import__('time').sleep(600)"))
    spec = OwnDataLoader(facts=workload.facts, multiprocessing_context="fork").resolve()
    before = set(Path(tempfile.gettempdir()).iterdir())
    with pytest.raises(ProbeError, match=r"^not done after 2 s$"):
        look(probe_of("trace", spec, workload, "none"), context, tmp_path, timeout_s=2)
    assert alive_with(str(tmp_path)) == []
    assert set(Path(tempfile.gettempdir()).iterdir()) == before
