"""Scripts whose loop lies inside of a framework. `tox -e frameworks` installs these."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.records.rung_time import COLLATE, FETCH, LOADER, ORDER, TRANSPORT, RungTime
from tests.bench.workloads.script.script_trials import choose, probe, run

SCRIPTS = Path(__file__).parent / "scripts"
FRAMEWORKS = {
    "train_lightning.py": "lightning",
    "train_accelerate.py": "accelerate",
    "train_trainer.py": "transformers",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(SCRIPTS, tmp_path / "scripts"))


@pytest.mark.parametrize("script", FRAMEWORKS)
def test_a_loop_of_a_framework(folder, tmp_path, script) -> None:
    """The training's DataLoader is found and varied, and each of its epochs holds all batches and steps."""
    pytest.importorskip(FRAMEWORKS[script])
    choice = choose(folder, script)
    picked = choice.workload.picked
    assert (picked.facts.samples, picked.facts.batches, picked.facts.settings.batch_size) == (96, 12, 8)
    rows = run(choice, tmp_path, 2, num_workers=2)
    assert [(row.epoch, row.status, row.samples, row.batches, row.audit) for row in rows] == [
        (0, "ok", 96, 12, "index"),
        (1, "ok", 96, 12, "index"),
    ], rows
    for row in rows:
        assert row.startup_s > 0.002  # two workers are started
        parts = row.startup_s + row.data_wait_s + row.step_s + row.teardown_s
        # A framework works for itself before its first `next()`, for longer than this short epoch lasts.
        assert row.step_s > 0
        assert parts < 1.02 * row.wall_s
    traces = probe(choice, tmp_path, "trace", num_workers=2)
    assert [(trace.epoch, trace.samples, trace.worker.tolist()) for trace in traces] == [
        (0, 96, [0, 1] * 6),
        (1, 96, [0, 1] * 6),
    ]
    for trace in traces:
        assert trace.is_inside_known
        assert sorted(index for batch in trace.indices for index in batch) == list(range(96))
        assert len(trace.starts) == 2
    ladder = probe(choice, tmp_path, "ladder", epochs=1, num_workers=2)
    rungs = {item.rung for item in ladder if isinstance(item, RungTime)}
    assert rungs == {ORDER, FETCH, COLLATE, LOADER, TRANSPORT}
    assert "not reached" not in (tmp_path / "trials.log").read_text()


@pytest.mark.parametrize("script", FRAMEWORKS)
def test_a_single_epoch_of_a_framework(folder, tmp_path, script) -> None:
    """A script with one epoch is measured by that one."""
    pytest.importorskip(FRAMEWORKS[script])
    choice = choose(folder, script, ["--epochs", "1"])
    assert choice.workload.epochs == 1
    assert [(row.status, row.batches) for row in run(choice, tmp_path, 2)] == [("ok", 12)]
