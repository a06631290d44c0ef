"""Programs that end, fail, hang and can't be started."""

from __future__ import annotations

import os
import sys
import time

import pytest

from bench.process.timed_command import CommandResult, run_timed


def run(code: str, deadline_s: float = 60.0) -> CommandResult:
    """Run a program in Python."""
    return run_timed([sys.executable, "-c", code], deadline_s=deadline_s)


@pytest.mark.parametrize(
    ("code", "exit_code", "ending", "output"),
    [
        ("print('é\\n1')", 0, "ended with exit code 0", "é\n1\n"),
        ("import sys; print('a\\nb\\n', file=sys.stderr); sys.exit(3)", 3, "ended with exit code 3 (b)", ""),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", 0, "ended with exit code 0", "\ufffd"),
        ("input()", 1, "ended with exit code 1 (EOFError: EOF when reading a line)", ""),
        ("import sys; sys.exit('x' * 999)", 1, f"ended with exit code 1 ({'x' * 200})", ""),
    ],
)
def test_a_program_that_ends(monkeypatch, code, exit_code, ending, output) -> None:
    """The result has its exit code, its output and the last line of its errors."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    assert run(code) == CommandResult(exit_code, ending, output)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_program_that_is_killed() -> None:
    """The result names the signal."""
    done = run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert done == CommandResult(-9, "was killed by SIGKILL")


def test_a_program_that_hangs_keeps_what_it_printed(tmp_path) -> None:
    """It is killed at its deadline, even if it ignores other signals."""
    file = tmp_path / "pid"
    code = (
        "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(file)!r}).write_text(str(os.getpid())); print(1, flush=True); time.sleep(600)"
    )
    start = time.monotonic()
    assert run(code, deadline_s=2.0) == CommandResult(None, "takes more than 2 s", "1\n")
    assert time.monotonic() - start < 60
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_a_program_that_is_not_there() -> None:
    """The result says so, and no error is raised."""
    done = run_timed(["/nowhere/python"], deadline_s=1.0)
    assert done == CommandResult(None, "can't be started (No such file or directory)")
