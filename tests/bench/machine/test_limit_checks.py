"""Limits on open files and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from bench.machine import limit_checks
from bench.machine.limit_checks import check_processes
from bench.machine.requirements import Requirements
from tests.bench.machine.fake_root import write


def under(limit: str, number: int, code: str) -> str:
    """Return what a program prints under a limit of its own."""
    resource = pytest.importorskip("resource")

    def lower() -> None:
        resource.setrlimit(getattr(resource, limit), (number, number))

    command = [sys.executable, "-c", f"from bench.machine.limit_checks import *\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=lower).stdout


def test_open_files() -> None:
    """The need is held against the limit, and the cure is the limit that would do."""
    ask = "print(*check_open_files(Requirements(open_files={})), sep='|')"
    assert under("RLIMIT_NOFILE", 100, ask.format(100)) == "ok|at most 100 a process; up to 100 needed|None\n"
    few = under("RLIMIT_NOFILE", 100, ask.format(101))
    assert few.startswith("fail|at most 100 a process; up to 101 needed|raise the hard limit, 100 (docker: ")
    raised = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (50, {})); "
    assert under("RLIMIT_NOFILE", 80, raised.format(80) + ask.format(60)).endswith("|ulimit -n 80\n")


@pytest.mark.parametrize(
    ("current", "verdict", "told"), [(60, "ok", "40 more of 100"), (61, "fail", "39 more of 100")]
)
def test_processes_of_a_container(current: int, verdict: str, told: str, tmp_path: Path) -> None:
    """The narrowest control group counts."""
    files = {
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/pids.max": "max",
        "sys/fs/cgroup/a/pids.max": "100",
        "sys/fs/cgroup/a/pids.current": str(current),
    }
    found = check_processes(Requirements(processes=40), write(tmp_path, files))
    if found is None:
        pytest.skip("no such limits on Windows")
    assert found[0] == verdict
    assert found[1] == f"{told} allowed; up to 40 needed, with threads"
    assert found[2] in (None, "raise the limit (docker: --pids-limit=1024), or fewer --num-workers")


def test_processes_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of all users count if they leave enough; else the user's own are counted."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    mine = [types.SimpleNamespace(uids=lambda: types.SimpleNamespace(real=12345), num_threads=lambda: 50)] * 2
    monkeypatch.setattr(limit_checks.psutil, "process_iter", lambda: mine)
    root = write(tmp_path, {"proc/loadavg": "0.4 0.7 0.8 2/60 1\n"})
    assert check_processes(Requirements(processes=40), root)[:2] == (
        "ok",
        "40 more of 100 allowed; up to 40 needed, with threads",
    )
    verdict, found, cure = check_processes(Requirements(processes=41), root)
    assert verdict == "fail"
    assert cure == "raise the limit (ulimit -u 1024), or fewer --num-workers"
    if sys.platform == "linux":
        assert found == "0 more of 100 allowed; up to 41 needed, with threads"
