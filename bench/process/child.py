"""Child: the code of a fresh process, which sends its items one by one."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import pickle
import signal
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

from bench.process.errors import ExplainedError
from bench.process.module_names import pickle_ours
from bench.text import describe_error

T = TypeVar("T")


@dataclass(frozen=True)
class ChildFailure:
    """An exception in the child.

    Attributes:
        error: description of the exception, in one line.
    """

    error: str

    @classmethod
    def of(cls, error: Exception) -> ChildFailure:
        """Return the failure that an exception means."""
        return cls(str(error) if isinstance(error, ExplainedError) else describe_error(error))


class ChildEnd:
    """The end of a child's items, which a `Push` sends when it is done."""


class Push(ABC, Generic[T]):
    """Work that drives itself, such as a script that is run as it is, and sends its items on its way."""

    @abstractmethod
    def push(self, send: Callable[[T], bool]) -> None:
        """Do the work.

        Args:
            send: sends an item, and waits until the next one is requested. It returns False if none will be.
        """


def serve(
    work: Callable[[], Iterator[object] | Push[Any]], sender: Connection, log: Path, title: str
) -> None:
    """Send each item of an iterator as soon as it is made. This is the main function of the process.

    Args:
        work: makes the iterator, or a `Push` that sends the items itself.
        sender: end of the pipe that the items go through.
        log: file that takes what the process prints, at its end.
        title: line in the file before that.
    """
    if hasattr(os, "setsid"):
        # In a group of its own, Ctrl-C at the terminal doesn't reach it. The sweep ends its trials itself.
        os.setsid()
        # The server ignores these. A trial handles them like any script.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        # The sweep sees the end of the pipe when this process dies, since no worker keeps the pipe open.
        os.register_at_fork(after_in_child=sender.close)
    _print_to(log, title)
    _volunteer_for_oom_killer()
    # The server's objects are no garbage. Without this, each collection would take a tenth of a second.
    gc.freeze()
    # This process would start workers through another forkserver, which would import torch again.
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        items = work()
        if isinstance(items, Push):
            items.push(partial(send_item, sender))
            send_item(sender, ChildEnd())
            return
        # An item must be gone before the next one is made, for it takes memory.
        while (item := next(items, None)) is not None:
            if not send_item(sender, item):
                return
            del item
    except Exception as error:
        traceback.print_exc()
        send_item(sender, ChildFailure.of(error))


def send_item(sender: Connection, message: object) -> bool:
    """Send a message, and wait until the next one is requested. Return False if the receiver is gone."""
    buffers: list[pickle.PickleBuffer] = []
    # Arrays are sent from their own memory. In the message they would be in memory twice.
    head = pickle_ours(message, buffers.append)
    try:
        sender.send((head, len(buffers)))
        for buffer in buffers:
            sender.send_bytes(buffer.raw())
        sender.recv()
    except (EOFError, OSError):
        return False
    return True


def receive_item(messages: Connection) -> Any:
    """Receive a message that `send_item` has sent."""
    head, count = messages.recv()
    return pickle.loads(head, buffers=[messages.recv_bytes() for _ in range(count)])


def _print_to(log: Path, title: str) -> None:
    """Append standard output and standard error of this process and its children to the log."""
    try:
        stream = log.open("a", buffering=1, encoding="utf-8")
        stream.write(f"--- {title}\n")
    except OSError:
        # A trial is measured even if its output is lost.
        stream = Path(os.devnull).open("a", encoding="utf-8")  # noqa: SIM115 - as long as the process
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream
    # A program that this process starts must not wait for the user at the terminal.
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)


def _volunteer_for_oom_killer() -> None:
    """Let Linux kill this process or its children before any other when memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
