"""The end of a script whose further course isn't wanted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NoReturn

from bench.workloads.script.process_end import leave_process


class ScriptEnd(BaseException):
    """The end of a script whose further course isn't wanted. `except Exception` in it doesn't catch this."""


class ScriptEnder:
    """Ends a script from within functions of ours that it has called.

    It raises ScriptEnd once. A script that catches it and goes on ends with its process at our next call.
    """

    def __init__(self, finish: Callable[[], object]) -> None:
        """Prepare to end a script.

        Args:
            finish: does what is left to do, where the script's end is that of its process.
        """
        self._finish = finish
        self._has_raised = False

    def end_now(self) -> NoReturn:
        """End the script.

        Raises:
            ScriptEnd: in the main thread, the first time. The main thread may wait for another one for ever,
                so there the process ends at once.
        """
        if not self._has_raised and threading.current_thread() is threading.main_thread():
            self._has_raised = True
            raise ScriptEnd
        self._finish()
        sys.stdout.flush()
        leave_process(0)

    def end_soon(self, within: CodeType, outermost: CodeType) -> None:
        """Let the script raise ScriptEnd at its next line, once a function of ours has returned.

        It is called while the script drops an object of ours, where an exception would be ignored. A trace
        function may raise one, as the debugger's `quit` does.

        Args:
            within: code of our function. The script's frames are those that called it.
            outermost: code of the function that runs the script.
        """
        if self._has_raised or threading.current_thread() is not threading.main_thread():
            self.end_now()
        self._has_raised = True

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
