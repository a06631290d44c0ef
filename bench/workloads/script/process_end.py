"""The calls by which a script ends or replaces its process, which become exceptions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

# A script's own calls of it are answered by us.
leave_process = os._exit


class ProcessExit(SystemExit):
    """The end of a script that calls `os._exit`. The findings so far can still be sent."""


class ProcessRestartError(Exception):
    """A call of `os.execv` or the like, after which nothing could be measured.

    Attributes:
        call: name of the function.
    """

    def __init__(self, call: str) -> None:
        """Note the call."""
        super().__init__(call)
        self.call = call


@contextmanager
def answer_process_ends() -> Iterator[None]:
    """Let `os._exit` and `os.exec*` in this process raise ProcessExit and ProcessRestartError in a block.

    Processes that this one forks are left alone. Threads beside the main one may call `os._exit`, since an
    exception would end the thread alone. multiprocessing ends this process by `os._exit` after the block.
    """
    process = os.getpid()
    execv, execve = os.execv, os.execve

    def leave(status: int) -> NoReturn:
        if os.getpid() == process and threading.current_thread() is threading.main_thread():
            raise ProcessExit(status)
        leave_process(status)

    def refuse(name: str, replace: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*args: Any, **settings: Any) -> Any:
            if os.getpid() == process:
                raise ProcessRestartError(name)
            return replace(*args, **settings)

        return answer

    os._exit = leave
    # The others, such as os.execvp, call one of these.
    os.execv, os.execve = refuse("os.execv", execv), refuse("os.execve", execve)
    try:
        yield
    finally:
        os._exit, os.execv, os.execve = leave_process, execv, execve
