"""Fresh interpreter: a new Python process that calls one function of ours, which prints its answers."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

# Tells our lines from those that a library prints.
MARK = "loaderbench-answer "


def make_command(function: Callable[..., None], *arguments: str) -> list[str]:
    """Return the command that calls a function in a fresh interpreter.

    The interpreter looks for modules where this process does. By itself it would look in the current folder
    first, where a user's bench.py may lie.

    Args:
        function: a function at the top level of one of our modules.
        arguments: its arguments.
    """
    path = [entry or os.curdir for entry in sys.path]
    module, name = function.__module__, function.__name__
    code = f"import sys; sys.path[:] = {path!r}; from {module} import {name}; {name}(*sys.argv[1:])"
    return [sys.executable, "-c", code, *arguments]


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer for `read_answers`, at once and on a line of its own."""
    print(f"\n{MARK}{json.dumps(answer)}", flush=True)  # noqa: T201


def read_answers(printed: str) -> list[dict[str, Any]]:
    """Return the answers in what a fresh interpreter has printed, without one that was cut off."""
    answers = []
    for line in printed.splitlines():
        if line.startswith(MARK):
            with contextlib.suppress(ValueError):
                answers.append(json.loads(line.removeprefix(MARK)))
    return answers
