"""Sweeps of targets as users type them: bad input, several steps, and a sweep that is resumed elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.results_folder import read_runs

TRAIN = """
import model
from torch.utils.data import DataLoader

train_loader = DataLoader(model.numbers, batch_size=8)
lambdas = DataLoader(model.numbers, batch_size=8, collate_fn=lambda samples: samples)
once = (batch for batch in train_loader)


def make(size):
    return DataLoader(model.numbers, batch_size=size)


def make_step():
    return print


def make_failing(device):
    def step(batch):
        raise ValueError("no such label")
    return step
"""
QUICK = ("--num-workers", "0", "--num-threads", "1", "--blocks", "1", "--epochs", "1")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project with a module of one of our names, as the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "model.py").write_text("import torch\nnumbers = torch.arange(20)\nprint('terminal')\n")
    (folder / "broken.py").write_text("print('terminal')\nraise RuntimeError('no data here')\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["gone.py:loader"], "gone.py:loader: there is no file "),
        (["train.py:gone"], "train.py:gone: train has no gone; it has "),
        (
            ["broken.py:loader"],
            "broken.py:loader: RuntimeError: no data here (broken.py:2 in <module>); its trac",
        ),
        (
            ["train.py:make"],
            "train.py:make: missing a required argument: 'size'; it takes size; give argumen",
        ),
        (
            ["train.py:make", "--param", "sice=8"],
            "train.py:make: there is no parameter sice; it takes size; give a",
        ),
        (
            ["train.py:train_loader", "--param", "size=8"],
            "train.py:train_loader: --param is for a function; this",
        ),
        (["train.py:train_loader", "--step", "train.py:gone"], "train.py:gone: train has no gone; it has "),
        (
            ["train.py:once"],
            "train.py:once ends after one epoch, as an iterator does: give the function that mak",
        ),
        (
            ["train.py:lambdas", "--num-workers", "1", "--multiprocessing-context", "spawn"],
            "nothing to measure: workers by spawn get the DataLoader's parts pickled: collate_fn: ",
        ),
    ],
)
def test_bad_input_is_one_line(sweep_here, project, arguments, error) -> None:
    """And exit code 2; nothing of the user's is printed, and no results folder is made."""
    code, out, err = sweep_here(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith(f"error: {error}")
    assert err.count("\n") == 1
    assert "terminal" not in err
    assert not (project / "results").exists()


def test_several_steps_and_a_resumption_elsewhere(sweep_here, project, tmp_path, monkeypatch) -> None:
    """A step that raises is a failed row that names it; the sweep goes on from another folder."""
    steps = ("--step", "none,train.py:make_step,train.py:make_failing", "--step-ms", "1")
    code, out, err = sweep_here("train.py:train_loader", *steps, *QUICK, "--out", "results/mine")
    assert code == 1, out + err
    assert "terminal" not in out + err
    folder = project / "results" / "mine"
    runs = read_runs(folder).set_index("step")
    assert runs["status"].to_dict() == {
        "none": "ok", "train.py:make_step": "ok", "train.py:make_failing": "failed", "1ms": "ok",
    }  # fmt: skip
    error = runs[runs["status"] == "failed"]["error"].iloc[0]
    assert error.startswith("step train.py:make_failing: ValueError: no such label (train.py:")
    assert set(runs[runs["status"] == "ok"]["samples"]) == {20}

    lines = (folder / "runs.csv").read_text().splitlines(keepends=True)
    (folder / "runs.csv").write_text("".join(lines[:2]))
    monkeypatch.chdir(tmp_path)
    code, out, err = sweep_here("--resume", "project/results/mine", "--resume-anyway")
    assert code == 1, out + err
    assert set(read_runs(folder)["configuration"]) == {0, 1, 2, 3}

    (project / "model.py").write_text("import torch\nnumbers = torch.arange(24)\n")
    code, _, err = sweep_here("--resume", "project/results/mine")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: the sweep began with other code (SHA-256 ")
