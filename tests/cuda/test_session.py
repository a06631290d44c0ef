"""Sessions of small parts: one that passes, one that fails and one that hangs."""

from __future__ import annotations

import json
import os
import sys
import tarfile

import pytest

from tests.cuda import run_part as module
from tests.cuda.part import Fate, Part
from tests.cuda.session import Session
from tests.cuda.summary import SUMMARY, SUMMARY_JSON

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs process groups")

MACHINE = {"gpu": "a GPU", "torch": "2.11.0", "python": "3.12.3", "cores": 16, "cores_usable": 4.0}


def make_part(name: str, script: str, **more) -> Part:
    return Part(name, f"what {name} does", 60.0, lambda setting: ["sh", "-c", script], **more)


PASSES = make_part("passes", "echo 3 of 3 right", read_figures=lambda folder: ["12 M samples/s"])
FAILS = make_part("fails", "echo the reason; exit 1")
HANGS = make_part("hangs", "trap '' INT; echo begun; sleep 600 & wait; sleep 600")


@pytest.fixture
def session(tmp_path, monkeypatch) -> Session:
    """A session in a folder of its own."""
    monkeypatch.setattr(module, "LEFTOVER_S", 0.2)
    folder = tmp_path / "out"
    folder.mkdir()
    return Session(folder, MACHINE, os.environ, archive=tmp_path / "out.tar.gz")


def test_no_part_costs_the_others_anything(session, capsys) -> None:
    """Each has its folder, and the summary says how each ended."""
    assert session.run([FAILS, HANGS, PASSES], {"hangs": 1.0}) == 1
    printed = capsys.readouterr().out
    lines = (session.folder / SUMMARY).read_text().splitlines()
    assert lines[0] == "a GPU, torch 2.11.0, Python 3.12.3, 4 of 16 cores"
    words = [line.split() for line in lines[2:]]
    assert words[0] == [
        "fails",
        "failed",
        "0",
        "of",
        "60",
        "s",
        "the",
        "reason;",
        "ended",
        "with",
        "exit",
        "code",
        "1",
    ]
    assert words[1][:5] == ["hangs", "out", "of", "time", "1"]
    assert words[2] == ["passes", "passed", "0", "of", "60", "s"]
    assert words[3] == ["12", "M", "samples/s"]
    assert lines[-1].startswith("1 passed, 1 failed, 1 out of time; ")
    assert "\n".join(lines) in printed
    assert "  | the reason" in printed
    assert "  | 3 of 3 right" not in printed
    told = json.loads((session.folder / SUMMARY_JSON).read_text())
    assert told["succeeded"] is False
    assert [(part["name"], part["fate"]) for part in told["parts"]] == [
        ("fails", "failed"), ("hangs", "out of time"), ("passes", "passed"),
    ]  # fmt: skip
    with tarfile.open(session.archive) as archive:
        assert {"out/summary.txt", "out/hangs/output.txt", "out/passes/output.txt"} <= set(archive.getnames())


def test_parts_that_pass_exit_with_0(session) -> None:
    """And the summary says so."""
    assert session.run([PASSES], {}) == 0
    assert json.loads((session.folder / SUMMARY_JSON).read_text())["succeeded"] is True


@pytest.mark.parametrize(("rehearsal", "code"), [(True, 0), (False, 1)])
def test_skipped_tests_are_right_in_a_rehearsal_alone(session, rehearsal, code) -> None:
    """On a GPU they would mean that nothing was tested."""
    outcomes = session.folder / "skips" / "outcomes.csv"
    part = make_part("skips", f"printf 'test,outcome\\na,skipped\\n' > {outcomes}")
    rehearsed = Session(session.folder, MACHINE, os.environ, rehearsal)
    assert rehearsed.run([part], {}) == code
    text = (session.folder / SUMMARY).read_text()
    assert "skips  skipped" in text
    assert text.startswith("Rehearsal without a GPU" if rehearsal else "a GPU")


def test_an_interrupt_ends_the_session(session, monkeypatch) -> None:
    """Parts that did not run are told."""

    def interrupt(process, started_s: float, bound_s: float) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_wait", interrupt)
    assert session.run([HANGS, PASSES], {}) == 130
    told = json.loads((session.folder / SUMMARY_JSON).read_text())
    assert [part["fate"] for part in told["parts"]] == [Fate.INTERRUPTED, Fate.NOT_RUN]
    assert not (session.folder / "passes").exists()
