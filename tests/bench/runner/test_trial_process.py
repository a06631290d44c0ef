"""Tests of trials in processes of their own: a failure costs one row and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psutil
import pytest
import torch

from bench.plan.configuration import Configuration
from bench.runner import trial_process
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from loaders.families.torch_dataloader import TorchDataLoader
from tests.fakes import Misbehaving, numbered_workload


def make_runner(context, log: Path, timeout_s: float = 300) -> TrialRunner:
    return TrialRunner(context, TrialLimits(timeout_s), log)


def rows_of(spec, context, log: Path, *, epochs: int = 2, timeout_s: float = 300) -> list:
    configuration = Configuration(spec, "cpu", "analytic", "cross_entropy", 1)
    trial = Trial(configuration, 0, 0, 0, 0, numbered_workload(20), epochs, seed=0)
    return list(make_runner(context, log, timeout_s).run(trial))


def bad(behaviour: str, good_batches: int = 0) -> Misbehaving:
    return Misbehaving(behaviour=behaviour, good_batches=good_batches)


def test_every_epoch_is_a_row(context, tmp_path) -> None:
    """Rows come from another process, with its CPU time."""
    rows = rows_of(TorchDataLoader(num_workers=1, batch_size=8).resolve(), context, tmp_path / "log")
    assert [row.status for row in rows] == ["ok", "ok"]
    assert [row.epoch for row in rows] == [0, 1]
    assert all(row.samples == 20 and row.cpu_s > 0 for row in rows)
    assert all(row.started_at for row in rows)


def test_the_memory_of_the_tree_is_seen(context, tmp_path) -> None:
    """A process that has imported torch holds tens of MiB at least."""
    rows = rows_of(TorchDataLoader(num_workers=0, batch_size=8), context, tmp_path / "log")
    assert all(row.peak_memory_bytes > 50 * 2**20 for row in rows)


def test_the_next_epoch_waits_for_the_row(context, tmp_path) -> None:
    """The process measures nothing until the row is written."""
    configuration = Configuration(bad("raise", good_batches=20), "cpu", "none", None, 1)
    trial = Trial(configuration, 0, 0, 0, 0, numbered_workload(20), 2, seed=0)
    rows = make_runner(context, tmp_path / "log").run(trial)
    assert next(rows).status == "ok"
    time.sleep(0.5)
    assert "Traceback" not in (tmp_path / "log").read_text()
    assert next(rows).status == "failed"
    assert "Traceback" in (tmp_path / "log").read_text()
    rows.close()


def test_an_exception_is_a_row(context, tmp_path) -> None:
    """The row is `failed`, with type, text and place, after the rows of good epochs."""
    rows = rows_of(bad("raise", good_batches=25), context, tmp_path / "log")
    assert [row.status for row in rows] == ["ok", "failed"]
    assert rows[1].error.startswith("RuntimeError: the disk is on fire (fakes.py:")
    assert rows[1].epoch == 1
    assert rows[1].wall_s is None
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("behaviour", "says"), [("kill", "was killed by SIGKILL"), ("exit", "ended with exit code 3")]
)
def test_a_process_that_dies_is_a_row(context, tmp_path, behaviour, says) -> None:
    """The row names the signal or the exit code."""
    (row,) = rows_of(bad(behaviour), context, tmp_path / "log")
    assert row.status == "failed"
    assert says in row.error


def test_a_gpu_that_cannot_be_used_is_a_row(context, tmp_path) -> None:
    """The row has cause and cure, and the next trial is measured."""
    (row,) = rows_of(bad("cuda"), context, tmp_path / "log")
    assert row.status == "failed"
    cause = (
        "CUDA out of memory: use" if torch.cuda.is_available() else "no NVIDIA driver is found: install one"
    )
    assert row.error.startswith((cause, "no GPU is visible: check CUDA_VISIBLE_DEVICES"))
    assert [row.status for row in rows_of(bad("none"), context, tmp_path / "log")] == ["ok", "ok"]


def test_a_trial_that_hangs_is_ended_with_its_children(context, tmp_path) -> None:
    """The row is `timeout`, and neither the process nor its child is alive."""
    (row,) = rows_of(bad("hang"), context, tmp_path / "log", timeout_s=1)
    assert row.status == "timeout"
    assert row.error == "not done after 1 s"
    assert alive_with(str(tmp_path)) == []


def test_printed_text_goes_to_the_log(context, tmp_path, capfd) -> None:
    """Standard output stays clean."""
    rows_of(bad("print"), context, tmp_path / "log", epochs=1)
    assert "a word from the loader" in (tmp_path / "log").read_text()
    assert "a word" not in capfd.readouterr().out


def test_a_sweep_that_stops_listening_ends_its_trial(context, tmp_path) -> None:
    """Closing the iterator, as Ctrl-C does, kills the trial at once."""
    configuration = Configuration(bad("hang", good_batches=25), "cpu", "none", None, 1)
    trial = Trial(configuration, 0, 0, 0, 0, numbered_workload(20), 2, seed=0)
    rows = make_runner(context, tmp_path / "log", 600).run(trial)
    assert next(rows).status == "ok"
    started = time.monotonic()
    rows.close()
    assert time.monotonic() - started < 300
    assert alive_with(str(tmp_path)) == []


def test_a_trial_is_like_a_plain_script(context, tmp_path) -> None:
    """A trial has the platform's start method, and no library of the command line."""
    rows_of(bad("print"), context, tmp_path / "log", epochs=1)
    said = (tmp_path / "log").read_text()
    assert f"{multiprocessing.get_all_start_methods()[0]} workers by default" in said
    assert "\nalone\n" in said


def test_a_dead_trial_is_seen_past_its_orphans(context, tmp_path) -> None:
    """A child that holds the pipe open turns no death into a timeout, and doesn't outlive it."""
    (row,) = rows_of(bad("orphan"), context, tmp_path / "log")
    assert row.status == "failed"
    assert row.error.startswith("the trial's process was killed by SIGKILL")
    assert alive_with(str(tmp_path)) == []


@pytest.mark.parametrize("paused_s", [0.0, 12.0])
def test_a_pause_within_an_epoch_disturbs_it(context, tmp_path, monkeypatch, paused_s) -> None:
    """The trial may have been stopped with the sweep, and its time would then be wrong."""
    asked = []
    monkeypatch.setattr(trial_process, "find_pause_s", lambda *epoch: asked.append(epoch) or paused_s)
    (row,) = rows_of(TorchDataLoader(num_workers=0, batch_size=8), context, tmp_path / "log", epochs=1)
    assert ("the sweep was stopped for 12 s" in (row.disturbed or "")) is (paused_s > 0)
    ((start_ns, end_ns),) = asked
    assert (end_ns - start_ns) * 1e-9 == pytest.approx(row.wall_s)


@dataclass(frozen=True)
class SameOrder(Misbehaving):
    """A loader that shuffles once, and doesn't declare it."""

    same_order_each_epoch: ClassVar[bool] = False


def test_a_loader_that_repeats_its_order_fails(context, tmp_path) -> None:
    """The first epoch passes its audit, and the second one fails it."""
    first, second = rows_of(SameOrder(), context, tmp_path / "log")
    assert (first.status, second.status) == ("ok", "failed")
    assert second.error.startswith("audit: epochs 0 and 1 have the same order: 100% of the samples")


def alive_with(text: str) -> list[int]:
    """Return the processes that have a file under `text` open, as a test's trials have its log."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(text in file.path for file in process.open_files()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
