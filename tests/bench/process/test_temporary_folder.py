"""A machine without a temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.paths import ROOT


@pytest.mark.parametrize("command", ["bench.doctor", "bench.plot"])
def test_a_command_says_in_one_line_that_there_is_none(command) -> None:
    """torch, which needs one, would end it with a traceback."""
    code = (
        "import runpy, sys, tempfile; tempfile._candidate_tempdir_list = lambda: ['/nowhere']; "
        f"sys.argv, sys.orig_argv[-1] = ['-m'], {command!r}; "
        f"runpy.run_module({command!r}, run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "error: No usable temporary directory found in ['/nowhere']: "
        "name a folder that can be written in TMPDIR\n"
    )


def test_a_folder_that_is_not_there_is_no_error() -> None:
    """Python takes another one."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.plot", "--help"],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
