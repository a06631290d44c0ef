"""Processes that outlive the one that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.paths import ROOT

# Starts a child that a signal does not end, says where its folder is, and waits to be killed.
SCRIPT = """
import os, subprocess, sys, time
from bench.process.socket_folder import make_socket_folder
from bench.process.watchdog import start_watchdog
start_watchdog()
start_watchdog()
code = "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print(1, flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, make_socket_folder().path, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system ends no process with its parent there")
def test_leftovers_of_a_killed_process_are_removed() -> None:
    """A user's bench.py is no obstacle. torch's empty folder for compiled code goes too."""
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary, tempfile.TemporaryDirectory() as user:
        (Path(user) / "bench.py").write_text("raise RuntimeError('the module of the user')")
        (cache := Path(temporary) / "torchinductor_somebody").mkdir()
        environment = {
            **os.environ, "TMPDIR": temporary, "TORCHINDUCTOR_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        script = Path(temporary) / "script.py"
        script.write_text(SCRIPT)
        with subprocess.Popen(
            [sys.executable, str(script)], cwd=user, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            child, folder = process.stdout.readline().split()
            assert Path(folder).parent == Path(temporary)
            assert Path(folder).is_dir()
            process.kill()
        script.unlink()
        deadline = time.monotonic() + 60
        while list(Path(temporary).iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(Path(temporary).iterdir()) == []
        # The system may still have to read the exit status of one that has ended.
        with suppress(psutil.NoSuchProcess):
            assert psutil.Process(int(child)).status() == psutil.STATUS_ZOMBIE
