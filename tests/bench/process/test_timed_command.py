"""Programs that end, fail, hang and can't be started."""

from __future__ import annotations

import signal
import subprocess
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


def test_a_program_that_hangs_keeps_what_it_printed(tmp_path, monkeypatch) -> None:
    """It is killed at its deadline, even if it ignores other signals."""
    file = tmp_path / "hangs"
    code = (
        "import pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"print(1, flush=True); pathlib.Path({str(file)!r}).touch(); time.sleep(600)"
    )
    communicate, programs = subprocess.Popen.communicate, []

    def start_first(program, *arguments, **options):
        """Let the deadline begin when the program hangs, as its start may take longer."""
        programs.append(program)
        while not file.exists():
            assert program.poll() is None
            time.sleep(0.01)
        return communicate(program, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "communicate", start_first)
    assert run(code, deadline_s=0.2) == CommandResult(None, "takes more than 0.2 s", "1\n")
    assert programs[0].returncode == -signal.SIGKILL


def test_a_program_that_is_not_there() -> None:
    """The result says so, and no error is raised."""
    done = run_timed(["/nowhere/python"], deadline_s=1.0)
    assert done == CommandResult(None, "can't be started (No such file or directory)")
