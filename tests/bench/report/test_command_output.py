"""The places that a command prints to."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.statistics import Estimate
from bench.plan.screen import Screen
from bench.report.command_output import CommandOutput, describe_end


@pytest.mark.parametrize(
    ("screen", "out", "err"),
    [
        (Screen(), "progress\nanswer\n", ""),
        (Screen(as_json=True), "answer\n", "progress\n"),
        (Screen(quiet=True), "answer\n", ""),
        (Screen(as_json=True, quiet=True), "answer\n", ""),
    ],
)
def test_progress_leaves_the_answer_alone(capsys, screen, out, err) -> None:
    """It goes to standard error beside JSON, and nowhere if the command is quiet."""
    output = CommandOutput(screen)
    output.progress.print("progress")
    output.answer.print("answer")
    assert capsys.readouterr() == (out, err)
    assert [output.finish(code) for code in (0, 1, 130)] == [0, 1, 130]


def test_json_is_one_document(capsys) -> None:
    """Whose numbers any reader takes."""
    output = CommandOutput(Screen(as_json=True))
    output.print_json(
        {"a": Estimate(2.0, None, math.nan, 3), "b": np.int64(4), "c": (math.inf, "é"), "d": None}
    )
    assert json.loads(capsys.readouterr().out) == {
        "a": {"median": 2.0, "low": None, "high": None, "blocks": 3},
        "b": 4,
        "c": ["infinity", "é"],
        "d": None,
    }


def test_every_command_ends_alike() -> None:
    """In words and plain values."""
    assert describe_end(Path("out"), [ValueError("full")], interrupted=True, exit_code=130) == {
        "folder": "out", "problems": ["full"], "interrupted": True, "exit_code": 130,
    }  # fmt: skip


@pytest.mark.parametrize("code", [0, 1, 130])
def test_output_that_cannot_be_written_is_told(monkeypatch, capsys, code) -> None:
    """Standard error has the reason, and the command's exit code is not 0."""
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr("sys.stdout", full)
        output = CommandOutput(Screen(as_json=True))
        output.print_json({"answer": "x" * 100_000})
        assert output.finish(code) == (code or 1)
    assert capsys.readouterr().err == "error: standard output can't be written: No space left on device\n"
