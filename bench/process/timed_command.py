"""Timed command: another program, run until it ends or its time is up."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

# How long the end of a killed program is waited for, in seconds. A broken driver may keep it from ending.
DEATH_S = 5.0
# The last line that a program prints on standard error is cut to this length.
MAX_LAST_LETTERS = 200


@dataclass(frozen=True)
class CommandResult:
    """Result of a command.

    Attributes:
        exit_code: its exit code, negative for a signal; None if it wasn't started or took too long.
        ending: how it ended, in words that follow "it", such as `ended with exit code 3`.
        output: what it printed on standard output.
    """

    exit_code: int | None
    ending: str
    output: str = ""


def run_timed(
    command: list[str], *, deadline_s: float, environment: Mapping[str, str] | None = None
) -> CommandResult:
    """Run a command without input, and kill it when its time is up.

    Args:
        command: the program and its arguments.
        deadline_s: seconds that it may take.
        environment: its environment; default None, that of this process.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
    except OSError as error:
        return CommandResult(None, f"can't be started ({error.strerror})")
    try:
        output, errors = process.communicate(timeout=deadline_s)
    except subprocess.TimeoutExpired:
        return CommandResult(None, f"takes more than {deadline_s:g} s", _kill(process))
    finally:
        if process.poll() is None:
            _kill(process)
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    ending = describe_exit_code(process.returncode)
    return CommandResult(
        process.returncode, f"{ending} ({last[:MAX_LAST_LETTERS]})" if last else ending, output
    )


def describe_exit_code(code: int) -> str:
    """Return an exit code in words, such as `ended with exit code 3` or `was killed by SIGKILL`."""
    if code >= 0:
        return f"ended with exit code {code}"
    names = {number.value: number.name for number in signal.Signals}
    return f"was killed by {names.get(-code, f'signal {-code}')}"


def _kill(process: subprocess.Popen[str]) -> str:
    """Kill a program, and return what it had printed; "" if it doesn't end."""
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=DEATH_S)[0]
    return ""
