"""Asking before a user's file is changed."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import click
import pytest

from bench.cli import ask_to_apply
from bench.cli.ask_to_apply import offer_edit
from bench.plan.screen import Screen
from bench.report.command_output import CommandOutput
from bench.report.tune.conclusion import TuneConclusion
from tests.bench.report.tune.tunings import make_gain

TEXT = "from torch.utils.data import DataLoader\nloader = DataLoader(a)\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "train.py"
    found.write_text(TEXT)
    return found


def offer(path, capsys, changes=None, verdict="gain", target="train.py:loader", **options) -> tuple[str, str]:
    tuning = make_gain(12)
    number = tuning.outcome.chosen
    changes = {"num_workers": "2", "persistent_workers": "on"} if changes is None else changes
    candidates = list(tuning.candidates)
    candidates[number] = replace(candidates[number], changes=changes)
    tuning = replace(tuning, candidates=tuple(candidates), outcome=replace(tuning.outcome, verdict=verdict))
    order = SimpleNamespace(target=target)
    given = SimpleNamespace(**{"apply": True, "assume_yes": False, "order": order, **options})
    offer_edit(given, TuneConclusion(path.parent, tuning), CommandOutput(Screen()))
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_yes_writes_the_file(path, capsys) -> None:
    """The diff is shown all the same."""
    printed, _ = offer(path, capsys, assume_yes=True)
    assert "+loader = DataLoader(a, num_workers=2, persistent_workers=True)\n" in printed
    assert path.read_text() == TEXT.replace("(a)", "(a, num_workers=2, persistent_workers=True)")


def test_nobody_is_asked_without_a_terminal(path, capsys) -> None:
    """The line says how to write it."""
    printed, _ = offer(path, capsys)
    assert "+loader" in printed
    assert printed.endswith("train.py stays as it is: nobody can be asked here. --apply --yes writes it.\n")
    assert path.read_text() == TEXT


@pytest.mark.parametrize("answer", [True, False, click.Abort()])
def test_the_answer_decides(path, capsys, monkeypatch, answer) -> None:
    """Ctrl-C at the question is a no."""

    def confirm(*_: object, **__: object) -> bool:
        if isinstance(answer, click.Abort):
            raise answer
        return answer

    monkeypatch.setattr(ask_to_apply.click, "confirm", confirm)
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    printed, _ = offer(path, capsys)
    assert (path.read_text() == TEXT) is (answer is not True)
    assert printed.endswith("is changed.\n" if answer is True else "stays as it is.\n")


@pytest.mark.parametrize("verdict", ["nothing", "undecided"])
def test_nothing_is_changed_without_a_gain(path, capsys, verdict) -> None:
    """It says so."""
    printed, _ = offer(path, capsys, verdict=verdict, assume_yes=True)
    assert "stays as it is, since no setting is shown to be faster" in printed
    assert path.read_text() == TEXT


@pytest.mark.parametrize(
    ("target", "changes", "problem"),
    [
        ("package.module:loader", {"num_workers": "2"}, "names no file: give it as FILE.py:NAME"),
        ("None", {"num_workers": "2"}, "names no file"),
        ("gone.py", {"num_workers": "2"}, "gone.py can't be read"),
        ("train.py:lader", {"num_workers": "2"}, "doesn't define lader"),
        ("train.py", {"loader": "in_memory"}, "loader can't be set"),
    ],
)
def test_what_can_not_be_changed_is_one_line(path, capsys, target, changes, problem) -> None:
    """The tuning isn't lost by it."""
    _, printed = offer(path, capsys, changes, target=target, assume_yes=True)
    assert problem in printed
    assert printed.count("\n") == 1
    assert path.read_text() == TEXT


def test_threads_are_noted(path, capsys) -> None:
    """No DataLoader takes them."""
    printed, _ = offer(path, capsys, {"num_threads": "1"}, target="train.py", assume_yes=True)
    assert "call torch.set_num_threads(1)" in printed
    assert printed.endswith("train.py stays as it is.\n")


def test_nothing_is_offered_unasked(path, capsys) -> None:
    """Without --apply, the file isn't read."""
    path.unlink()
    assert offer(path, capsys, apply=False) == ("", "")


def test_a_setting_that_is_there_is_said(path, capsys) -> None:
    """A second --apply changes nothing."""
    assert offer(path, capsys, {"num_workers": "0"})[0] == "train.py has this setting already.\n"
