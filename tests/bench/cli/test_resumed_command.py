"""The recorded command of a sweep that is resumed."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from bench.plan.screen import Screen
from bench.records.errors import ResultsError
from tests.bench.report.sweeps import parse


def record(out: Path, command: str, program: str = "python -m bench.sweep", **dataset: str) -> Path:
    """Make a results folder with an environment.json of that command and data."""
    out.mkdir(parents=True)
    values = {"command": f"{program} {command}", "dataset": dataset}
    (out / "environment.json").write_text(json.dumps(values))
    return out


def make_synthetic(data_dir: Path, count: int = 20) -> Path:
    """Make the folder of a synthetic set; its content doesn't matter here."""
    (data_dir / f"synthetic-{count}").mkdir(parents=True)
    return data_dir


@pytest.mark.parametrize("program", ["python -m bench.sweep", "loaderbench sweep"])
def test_the_command_is_restored(tmp_path, program) -> None:
    """With the options that may stand beside --resume."""
    data = make_synthetic(tmp_path / "data")
    command = f"--num-workers 0,2 --data-dir {data}"
    folder = record(tmp_path / "out", command, program, name="synthetic:20")
    options = parse("--resume", str(folder), "--budget", "1m")
    assert options.request.knobs == {"num_workers": (0, 2)}
    assert (options.resume, options.budget_s, options.data_dir) == (folder, 60, data)


def test_other_options_are_refused(tmp_path) -> None:
    """They would change what is measured; the error names those that go."""
    folder = record(tmp_path / "out", "--num-workers 0")
    with pytest.raises(click.UsageError) as error:
        parse("--resume", str(folder), "--blocks", "9")
    assert error.value.message.startswith(
        "--blocks: the recorded command says what a resumed sweep measures;"
    )
    assert error.value.message.endswith(
        "--data-dir, --mirror, --budget, --timeout, --memory-limit, --resume-anyway, --dry-run, --json, "
        "--quiet"
    )


def test_the_screen_is_that_of_the_run(tmp_path) -> None:
    """Not of the one that was interrupted."""
    data = make_synthetic(tmp_path / "data")
    folder = record(tmp_path / "out", f"--data-dir {data} --json", name="synthetic:20")
    assert parse("--resume", str(folder)).screen == Screen()
    assert parse("--resume", str(folder), "--quiet").screen == Screen(quiet=True)


def test_the_synthetic_set_is_not_chosen_anew(tmp_path) -> None:
    """A choice that auto made without a network stays when there is one."""
    data = make_synthetic(tmp_path / "data")
    folder = record(tmp_path / "out", f"--data-dir {data}", name="synthetic:20")
    assert parse("--resume", str(folder)).dataset == "synthetic:20"


def test_relative_paths_are_those_of_the_first_run(tmp_path, monkeypatch) -> None:
    """The sweep may be resumed from any folder."""
    make_synthetic(tmp_path / "data")
    folder = record(tmp_path / "results" / "x", "", name="synthetic:20", folder="../../data")
    monkeypatch.chdir(make_synthetic(tmp_path / "elsewhere" / "data").parent)
    assert parse("--resume", "../results/x").data_dir.resolve() == tmp_path / "data"
    assert folder.is_dir()


def test_data_that_lie_elsewhere_are_asked_for(tmp_path, monkeypatch) -> None:
    """Nothing is downloaded, drawn or made where the command runs."""
    folder = record(tmp_path / "out", "", name="synthetic:20", folder="../data")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(ResultsError, match=r"was measured on synthetic:20 in data, .* --data-dir"):
        parse("--resume", str(folder))
    assert list((tmp_path / "elsewhere").iterdir()) == []
    moved = make_synthetic(tmp_path / "moved")
    assert parse("--resume", str(folder), "--data-dir", str(moved)).data_dir == moved


@pytest.mark.parametrize(
    "command", ["rm -r", "python -m bench.doctor", "python -m 'bench", "loaderbench doctor"]
)
def test_other_commands_are_refused(tmp_path, command) -> None:
    """The folder is somebody else's."""
    (tmp_path / "environment.json").write_text(json.dumps({"command": command}))
    with pytest.raises(ResultsError, match="holds no command of a sweep"):
        parse("--resume", str(tmp_path))
