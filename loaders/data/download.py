"""Download of a few files: it ends in bounded time, and leaves all of the files or none."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue

from loaders.data.errors import DataError
from loaders.data.staging import staging_folder

Progress = Callable[[str, int, int | None], None]
"""Function of a file's name, the bytes received so far, and the size in bytes or None where it is unknown."""

_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True)
class DownloadLimits:
    """Time and size that a download may take.

    Attributes:
        answer_s: seconds until a server has answered, name look-up and connection included.
        stall_s: seconds over which the speed is judged.
        least_bytes_per_s: speed below which a download ends, in bytes a second.
        total_s: seconds for all files together.
        file_bytes: most bytes that one file may have.
    """

    answer_s: float = 10.0
    stall_s: float = 20.0
    least_bytes_per_s: float = 1024.0
    total_s: float = 600.0
    file_bytes: int = 64 << 20


def download(
    files: Sequence[tuple[str, str]],
    base_url: str,
    folder: Path,
    *,
    staging: Path,
    limits: DownloadLimits,
    progress: Progress | None = None,
) -> None:
    """Fetch gzip files into a folder that isn't there yet, and unpack each beside itself.

    The folder appears by one rename, when every file is there and has its MD5. A download that fails or is
    killed leaves no such folder.

    Args:
        files: name, ending in `.gz`, and MD5 in hex of each file.
        base_url: URL of the folder that holds the files.
        folder: folder for the files: missing or empty.
        staging: folder on the same file system for unfinished files; made where it is missing.
        limits: time and size that the download may take.
        progress: function to report progress to.

    Raises:
        DataError: A file can't be fetched (the message names the URL), or the folder can't be written.
    """
    deadline = time.monotonic() + limits.total_s
    try:
        if folder.exists() and any(folder.iterdir()):
            raise DataError(
                f"{folder}: found other files in it, expected an empty folder or none to download into"
            )
        with staging_folder(staging, ".download-") as temporary:
            # One level down: only its owner may enter the temporary folder itself.
            staged = temporary / folder.name
            staged.mkdir()
            for name, md5 in files:
                _fetch(f"{base_url.rstrip('/')}/{name}", md5, staged / name, limits, deadline, progress)
            for name, _ in files:
                with gzip.open(staged / name) as packed, (staged / name).with_suffix("").open("wb") as plain:
                    shutil.copyfileobj(packed, plain, _BLOCK_BYTES)
            try:
                folder.parent.mkdir(parents=True, exist_ok=True)
                staged.rename(folder)
            except OSError:
                # Another process may have been faster, and has checked its download like this one.
                if not all((folder / name).exists() for name, _ in files):
                    raise
    except OSError as error:
        raise DataError(
            f"{folder}: can't be written ({error.strerror or error}), expected a place for the download"
        ) from error


def _fetch(
    url: str, md5: str, target: Path, limits: DownloadLimits, deadline: float, progress: Progress | None
) -> None:
    """Fetch one file and check its size and MD5. Raises DataError."""
    received, total, digest = 0, None, hashlib.md5(usedforsecurity=False)
    with target.open("wb") as file, closing(_blocks(url, limits, deadline)) as blocks:
        for block, total in blocks:
            received += len(block)
            if max(received, total or 0) > limits.file_bytes:
                raise DataError(f"{url}: more than the {limits.file_bytes} bytes that a file may have")
            digest.update(block)
            file.write(block)
            if progress is not None:
                progress(target.name, received, total)
    if total is not None and received != total:
        raise DataError(f"{url}: the connection ended after {received} bytes, expected {total}")
    if digest.hexdigest() != md5:
        raise DataError(f"{url}: found the MD5 {digest.hexdigest()} ({received} bytes), expected {md5}")


_Arrival = tuple[bytes, int | None]


def _blocks(url: str, limits: DownloadLimits, deadline: float) -> Generator[_Arrival]:
    """Yield each block of the body with the size of the whole file, None where it is unknown.

    The first block is empty and marks the answer. A thread reads, since the time-out of a socket limits
    neither name look-ups nor slow headers.
    """
    arrivals: SimpleQueue[_Arrival | Exception | None] = SimpleQueue()
    left = threading.Event()
    threading.Thread(target=_pump, args=(url, limits, arrivals, left), daemon=True).start()
    answered, received, window_end = False, 0, time.monotonic() + limits.answer_s
    least = limits.stall_s * limits.least_bytes_per_s
    try:
        while True:
            now = time.monotonic()
            if now >= deadline:
                raise DataError(f"{url}: not done {limits.total_s:g} s after the download began")
            if now >= window_end:
                if not answered:
                    raise DataError(f"{url}: no answer within {limits.answer_s:g} s")
                if received < least:
                    raise DataError(
                        f"{url}: stalled, {received} bytes in {limits.stall_s:g} s, expected {least:.0f}"
                    )
                received, window_end = 0, now + limits.stall_s
            try:
                arrival = arrivals.get(timeout=min(window_end, deadline) - now)
            except Empty:
                continue
            if arrival is None:
                return
            if isinstance(arrival, Exception):
                raise DataError(f"{url}: {_reason(arrival)}") from arrival
            if not answered:
                answered, window_end = True, time.monotonic() + limits.stall_s
            received += len(arrival[0])
            yield arrival
    finally:
        left.set()


def _pump(
    url: str,
    limits: DownloadLimits,
    arrivals: SimpleQueue[_Arrival | Exception | None],
    left: threading.Event,
) -> None:
    """Read a URL and put each block into a queue, then None or the error."""
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "loaderbench"})
        # This time-out ends the thread when no caller waits for it any longer.
        with urllib.request.urlopen(request, timeout=limits.answer_s + limits.stall_s) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length is not None else None
            arrivals.put((b"", total))
            while not left.is_set() and (block := response.read1(_BLOCK_BYTES)):
                arrivals.put((block, total))
        arrivals.put(None)
    except Exception as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        arrivals.put(error)


def _reason(error: BaseException | str) -> str:
    """Return why a request failed, in the words of a user."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return _reason(error.reason)
    if isinstance(error, socket.gaierror):
        return f"the server's name can't be resolved ({error.strerror}; is there a network?)"
    if isinstance(error, HTTPException):
        return f"the server's answer broke off or is no HTTP ({type(error).__name__})"
    return str(getattr(error, "strerror", None) or error).lower()
