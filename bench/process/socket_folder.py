"""Socket folder: the temporary folder in which multiprocessing keeps its sockets."""

from __future__ import annotations

import functools
import multiprocessing.util
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.process.errors import ProcessError

# Folders with short paths, in which everybody may write.
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
# A name as long as those that multiprocessing gives to its folder and to a socket in it.
FOLDER_PREFIX, SOCKET_NAME = "pymp-", "listener-12345678"


@dataclass(frozen=True)
class SocketFolder:
    """The folder of multiprocessing's sockets, for this process and its descendants.

    Attributes:
        path: the folder. It is removed when this process ends.
        notice: one line that says why it isn't in the usual temporary folder; None where it is.
    """

    path: str
    notice: str | None = None


@functools.cache
def make_socket_folder() -> SocketFolder:
    """Make the folder in the first place that can hold sockets: the usual temporary folder, or a short path.

    A socket's path is limited to 108 bytes on Linux, and some file systems hold no sockets. Batch systems set
    TMPDIR to longer paths.

    Raises:
        ProcessError: no place can hold sockets.
    """
    usual = tempfile.gettempdir()
    problem = _find_problem(usual)
    if problem is None:
        return SocketFolder(multiprocessing.util.get_temp_dir())
    for folder in SHORT_FOLDERS:
        if _find_problem(folder) is None:
            notice = f"TMPDIR={usual} can't hold sockets ({problem}): those of processes are in {folder}."
            return SocketFolder(_make_in(folder), notice)
    raise ProcessError(
        f"neither TMPDIR={usual} nor {', '.join(SHORT_FOLDERS)} can hold sockets ({problem}): "
        "name a folder with a short path in TMPDIR"
    )


def _find_problem(folder: str) -> str | None:
    """Return why a folder can't hold sockets; None where it can."""
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        with (
            tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, dir=folder) as inner,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            listener.bind(str(Path(inner) / SOCKET_NAME))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _make_in(folder: str) -> str:
    """Let multiprocessing make its folder in this one."""
    usual, tempfile.tempdir = tempfile.tempdir, folder
    try:
        return multiprocessing.util.get_temp_dir()
    finally:
        tempfile.tempdir = usual
