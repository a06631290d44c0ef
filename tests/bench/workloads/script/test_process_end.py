"""Calls by which a script ends or replaces its process."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from bench.workloads.script.process_end import ProcessExit, ProcessRestartError, answer_process_ends


@pytest.mark.parametrize(
    ("replace", "call"),
    [
        (lambda: os.execv("/nowhere", ["x"]), "os.execv"),
        (lambda: os.execve(path="/nowhere", argv=["x"], env={}), "os.execve"),
        (lambda: os.execvp("/nowhere", ["x"]), "os.execv"),
        (lambda: os.execle("/nowhere", "x", {}), "os.execve"),
    ],
)
def test_a_call_is_told_by_its_name(replace: Callable[[], None], call: str) -> None:
    with answer_process_ends(), pytest.raises(ProcessRestartError) as refused:
        replace()
    assert refused.value.call == call


def test_an_exit_is_an_exception_with_its_code() -> None:
    with answer_process_ends(), pytest.raises(ProcessExit) as left:
        os._exit(3)
    assert left.value.code == 3


def test_the_calls_are_python_s_again_after_the_script() -> None:
    """multiprocessing ends the process by one of them, without the exit handlers of libraries."""
    before = (os._exit, os.execv, os.execve)
    with pytest.raises(ZeroDivisionError), answer_process_ends():
        raise ZeroDivisionError
    assert (os._exit, os.execv, os.execve) == before
