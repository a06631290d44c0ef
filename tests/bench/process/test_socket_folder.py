"""The folder of multiprocessing's sockets if the temporary folder can't hold them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.util
import shutil
import tempfile
from multiprocessing.connection import Listener
from pathlib import Path

import pytest

from bench.process import socket_folder
from bench.process.errors import ProcessError
from bench.process.socket_folder import make_socket_folder

pytestmark = pytest.mark.skipif(not hasattr(socket_folder.socket, "AF_UNIX"), reason="no such sockets here")


@pytest.fixture
def long(tmp_path, monkeypatch) -> Path:
    """Set a temporary folder whose path is too long for a socket."""
    folder = tmp_path / ("job-" * 30)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)
    # A test removes its folder itself.
    monkeypatch.setattr(multiprocessing.util, "Finalize", lambda *_, **__: None)
    make_socket_folder.cache_clear()
    yield folder
    multiprocessing.current_process()._config.pop("tempdir", None)
    make_socket_folder.cache_clear()


def test_a_long_path_is_avoided(long, tmp_path, monkeypatch) -> None:
    """A listener works, and nothing is left in the long folder."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        monkeypatch.setattr(socket_folder, "SHORT_FOLDERS", (str(tmp_path / "missing"), str(long), short))
        made = make_socket_folder()
        assert Path(made.path).parent == Path(short)
        assert f"TMPDIR={long} can't hold sockets (AF_UNIX path too long)" in made.notice
        assert "\n" not in made.notice
        with Listener(family="AF_UNIX") as listener:
            assert Path(listener.address).parent == Path(made.path)
        assert tempfile.gettempdir() == str(long)
        assert list(long.iterdir()) == []
        shutil.rmtree(made.path)


def test_a_usual_folder_is_used(tmp_path, monkeypatch, long) -> None:
    """It needs no notice."""
    with tempfile.TemporaryDirectory(dir="/tmp") as usual:
        monkeypatch.setattr(tempfile, "tempdir", usual)
        made = make_socket_folder()
        assert (Path(made.path).parent, made.notice) == (Path(usual), None)
        assert make_socket_folder() is made


def test_where_no_folder_holds_sockets_the_error_names_tmpdir(long, monkeypatch) -> None:
    """It is one line, with the folders that were tried and the cure."""
    monkeypatch.setattr(socket_folder, "SHORT_FOLDERS", ("/nowhere",))
    with pytest.raises(ProcessError, match=r"^neither TMPDIR=\S+ nor /nowhere can hold sockets") as caught:
        make_socket_folder()
    assert "name a folder with a short path in TMPDIR" in str(caught.value)
    assert list(long.iterdir()) == []
