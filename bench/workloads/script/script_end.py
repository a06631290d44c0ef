"""The end of a script whose further course isn't wanted."""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any, NoReturn


class ScriptEnd(BaseException):
    """The end of a script whose further course isn't wanted. `except Exception` in it doesn't catch this."""


def end_now() -> NoReturn:
    """End a script from within a function of ours that it has called.

    Raises:
        ScriptEnd: in the main thread. The main thread may wait for another one for ever, so there the process
            ends at once.
    """
    if threading.current_thread() is threading.main_thread():
        raise ScriptEnd
    sys.stdout.flush()
    os._exit(0)


def end_soon(within: CodeType, outermost: CodeType) -> None:
    """Let a script raise ScriptEnd at its next line, after a function of ours that it has called unknowingly.

    It is called while the script drops an object of ours, where an exception would be ignored. A trace
    function may raise one, as the debugger's `quit` does.

    Args:
        within: code of our function. The script's frames are those that called it.
        outermost: code of the function that runs the script.
    """
    if threading.current_thread() is not threading.main_thread():
        end_now()

    def trace(frame: FrameType, event: str, argument: Any) -> None:
        del event, argument
        # Frames that begin now, such as that of a `__del__`, have no such function of their own.
        if frame.f_trace is trace:
            raise ScriptEnd

    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not within:
        frame = frame.f_back
    while frame is not None and frame.f_code is not outermost:
        if frame.f_code is not within:
            frame.f_trace = trace
        frame = frame.f_back
    # Python ends the tracing by itself once the function has raised.
    sys.settrace(trace)
