"""Tests of the log of a trial: only its own text, and only the end of it."""

from __future__ import annotations

from bench.runner import trial_log
from bench.runner.trial_log import TrialLog


def test_earlier_text_is_left_out(tmp_path) -> None:
    path = tmp_path / "log"
    path.write_text("an earlier trial\n")
    log = TrialLog(path)
    with path.open("a") as file:
        file.write("this trial\n")
    assert log.read() == "this trial\n"


def test_a_long_text_loses_its_start(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(trial_log, "MOST_BYTES", 4)
    log = TrialLog(tmp_path / "log")
    (tmp_path / "log").write_text("0123456789")
    assert log.read() == "6789"


def test_a_log_that_cannot_be_read_is_empty(tmp_path) -> None:
    assert TrialLog(tmp_path / "missing" / "log").read() == ""
