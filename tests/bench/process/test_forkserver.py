"""The server that trials are forked from, started where a user's modules bear the names of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from multiprocessing.connection import Connection

import pytest
import torch

from bench.process import search_path
from tests.paths import ROOT

WORK = """
import os, sys
def look():
    import bench, loaders, model
    yield {
        "folder": os.getcwd(),
        "preloaded": PRELOADED,
        "files": [os.path.dirname(os.path.dirname(module.__file__)) for module in (bench, loaders, model)],
    }
# What the server has imported before a process is forked.
PRELOADED = "bench.process.forkserver_preload" in sys.modules
"""
SCRIPT = """
import json, pathlib, time
from bench.process.forkserver import prepare_context
from bench.process.fresh_process import FreshProcess
from work import look
if __name__ == "__main__":
    with FreshProcess(look, context=prepare_context(), log=pathlib.Path("log"), title="") as process:
        print(json.dumps(process.take(time.monotonic() + 60)))
        process.finish()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such server")
@pytest.mark.parametrize("find_path", [os.path.abspath, os.path.relpath], ids=["absolute", "relative"])
def test_modules_of_the_user_hide_none_of_ours(tmp_path, monkeypatch, find_path) -> None:
    """A script like pip's runs in the folder of the user. The server and its child find the others."""
    user, scripts = tmp_path / "user", tmp_path / "bin"
    user.mkdir()
    scripts.mkdir()
    for name in ("bench", "loaders", "model", "utils", "signal", "selectors"):
        (user / f"{name}.py").write_text("raise RuntimeError('the module of the user')")
    (scripts / "work.py").write_text(WORK)
    (scripts / "loaderbench").write_text(SCRIPT)
    monkeypatch.chdir(user)
    done = subprocess.run(
        [sys.executable, str(scripts / "loaderbench")],
        env={**os.environ, "PYTHONPATH": find_path(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "folder": str(user.resolve()), "preloaded": True, "files": [str(search_path.OWN_FOLDER)] * 3,
    }  # fmt: skip
    assert "the module of the user" not in (user / "log").read_text()


def tell_fork(sender: Connection) -> None:
    """Send whether this process was forked from one that has asked for CUDA devices."""
    sender.send(torch.cuda._is_in_bad_fork())


def test_a_child_can_start_cuda(context) -> None:
    """The server has not asked torch for CUDA devices, since none of its children could use one then."""
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=tell_fork, args=(sender,))
    child.start()
    assert receiver.poll(60)
    assert receiver.recv() is False
    child.join()
