"""SampleStore: samples that are decoded once, and read by other processes."""

from __future__ import annotations

import gc
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.machine.memory import Memory
from bench.workloads.inspection.source_inspection import find_facts
from bench.workloads.own import sample_store
from bench.workloads.own.sample_store import SampleStore
from bench.workloads.target.target import Target
from loaders.data.batch_format import SampleError
from loaders.data.errors import DataError
from loaders.families.in_memory import InMemory
from tests.bench.workloads.own import kept_samples
from tests.bench.workloads.own.kept_samples import SAMPLES, make_loader

PLAIN = replace(find_facts(make_loader(), None, name="mine"), pickle_error="")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """A copy of the module in a folder of the user's."""
    path = tmp_path / "train.py"
    path.write_text(Path(kept_samples.__file__).read_text())
    return Target.parse(f"{path}:make_loader", tmp_path)


def make_spec(kind: str | None = None) -> InMemory:
    return InMemory(PLAIN, () if kind is None else (("kind", kind),))


def test_what_one_process_decodes_another_one_reads(target: Target, context) -> None:
    """Progress is told, the time is known, and the file ends with the store."""
    store, told = SampleStore(), []
    spec = make_spec()
    store.fill(target, spec, lambda *done: told.append(done))
    assert told[-1] == (SAMPLES, SAMPLES)
    before = list(told)
    store.fill(target, spec, lambda *done: told.append(done))
    assert told == before
    other = pickle.loads(pickle.dumps(store))
    samples, decode_s = other.load(make_loader(), spec)
    assert decode_s > 0
    assert samples is not None
    loader = spec.build(make_loader(), samples)
    seen = {}
    for batch in loader:
        for wave, label in zip(batch["wave"], batch["label"].tolist(), strict=True):
            seen[label] = wave.clone()
    assert len(seen) == SAMPLES
    assert all(torch.equal(seen[n], make_loader().dataset[n]["wave"]) for n in range(SAMPLES))
    del store
    gc.collect()
    # The store of the sweep is gone: the loader of a trial decodes.
    assert other.load(make_loader(), spec) == (None, 0.0)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("augmented", r"samples differ from call to call: random transforms \(kind='augmented'\)"),
        ("late", r"its samples can't be decoded: ValueError: .*sample 250 is broken"),
    ],
)
def test_other_parameters_of_the_function(target: Target, context, kind: str, says: str) -> None:
    """They may add random transforms, or samples that can't be read. They are found out then."""
    with pytest.raises(DataError, match=says):
        SampleStore().fill(target, make_spec(kind), None)


def test_a_trial_that_decodes_for_itself_looks_first() -> None:
    """Nothing was decoded for these parameters."""
    store = SampleStore()
    samples, decode_s = store.load(make_loader(), make_spec("other"))
    assert (len(samples), decode_s) == (SAMPLES, 0.0)
    with pytest.raises(SampleError, match="random transforms"):
        store.load(make_loader("augmented"), make_spec("augmented"))


def test_a_dataset_that_hangs(target: Target, context, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says so, and its process is gone."""
    monkeypatch.setattr(sample_store, "TIMEOUT_S", 1.0)
    with pytest.raises(DataError, match="no sample was decoded within 1 s"):
        SampleStore().fill(target, make_spec("hangs"), None)
    with pytest.raises(DataError, match="its samples were not decoded within"):
        SampleStore().fill(target, make_spec("hangs"), None, within_s=0.5)


def test_without_room_every_trial_decodes(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file could lie in memory beside the trial's own copy."""
    needed = SAMPLES * 32
    for available, is_kept in ((needed * 5 // 2 - 5, False), (needed * 5 // 2 + 5, True)):
        monkeypatch.setattr(sample_store, "find_memory", lambda free=available: Memory(free, free, False))
        file = SampleStore()._make_file(make_spec())
        assert (file is not None) == is_kept
        if file is not None:
            file.close()
