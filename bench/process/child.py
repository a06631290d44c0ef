"""Child: the other side of a fresh process, which sends its items one by one."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.text import describe_error


@dataclass(frozen=True)
class ChildFailure:
    """What the other process tells of an exception: one line."""

    error: str


def serve(work: Callable[[], Iterator[object]], sender: Connection, log: Path, title: str) -> None:
    """The process: hands over each item as soon as there is one."""
    if hasattr(os, "setsid"):
        # A group of its own: Ctrl-C at the terminal reaches the sweep, which ends its trials itself.
        os.setsid()
        # The server ignores these: what is measured is as a plain script.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        # A worker holds no end of the pipe: when this process dies, its end is seen, also amid a message.
        os.register_at_fork(after_in_child=sender.close)
    _print_to(log, title)
    _be_first_to_go()
    # What came with the server is no garbage: to look through it again would take a tenth of a second a time.
    gc.freeze()
    # A child of forkserver would start its own workers through a forkserver again (and import torch again).
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        items = work()
        # One at a time: no item may lie in memory while the next one is made.
        while (item := next(items, None)) is not None:
            if not send_item(sender, item):
                return
            del item
    except Exception as error:
        traceback.print_exc()
        send_item(sender, ChildFailure(describe_error(error)))


def send_item(sender: Connection, message: object) -> bool:
    """Send a message and wait until the next one is asked for; False where nobody listens any more."""
    buffers: list[pickle.PickleBuffer] = []
    # Arrays are sent from where they lie: copied into the message they would be in memory twice.
    head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    try:
        sender.send((head, len(buffers)))
        for buffer in buffers:
            sender.send_bytes(buffer.raw())
        sender.recv()
    except (EOFError, OSError):
        return False
    return True


def receive_item(messages: Connection) -> Any:
    head, count = messages.recv()
    return pickle.loads(head, buffers=[messages.recv_bytes() for _ in range(count)])


def _print_to(log: Path, title: str) -> None:
    """Point standard output and standard error of this process and its children to the end of the log."""
    try:
        stream = log.open("a", buffering=1, encoding="utf-8")
        stream.write(f"--- {title}\n")
    except OSError:
        # What a trial prints is worth no trial.
        stream = Path(os.devnull).open("a", encoding="utf-8")  # noqa: SIM115 - as long as the process
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream


def _be_first_to_go() -> None:
    """Where memory runs out, let the system end this process or its children before all others."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
