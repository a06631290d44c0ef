"""Running of a part: its command in a process group of its own, which is ended when its time is up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.process import process_tree
from bench.process.timed_command import describe_exit_code
from bench.text import describe_error, format_count
from tests.cuda.outcomes import count_outcomes, describe_outcomes
from tests.cuda.part import Fate, Part, PartResult, Setting
from tests.paths import ROOT

OUTPUT = "output.txt"
# A part is interrupted, as by Ctrl-C, when this share of its time is left, at most so many seconds. pytest
# then prints its failures, and a sweep summarises what it has measured.
GRACE_SHARE, MOST_GRACE_S = 0.125, 15.0
# Time that Python gets to print where each thread is, before a part is killed, in seconds.
TRACEBACK_S = 0.5
# Time that processes which outlive a part get to end by themselves, in seconds. A watchdog takes one.
LEFTOVER_S = 3.0
LOOK_S = 0.05
# The end of a part's output that its last lines are looked for in.
MOST_READ_BYTES = 1 << 16


def run_part(part: Part, setting: Setting, environment: Mapping[str, str]) -> PartResult:
    """Run a part to its end, or until its time is up; no process of it is alive afterwards.

    Its output is in `output.txt` in its folder, which is made here. Processes that it has started are ended
    too, also those in sessions of their own. On Linux, this process adopts them when their parents end.

    Args:
        part: the part.
        setting: its folder, its time, and whether it is rehearsed.
        environment: variables of its process.
    """
    setting.folder.mkdir(parents=True)
    command = part.make_command(setting)
    others = frozenset(process_tree.list_children(os.getpid()))
    process_tree.become_subreaper()
    started_s = time.monotonic()
    with (setting.folder / OUTPUT).open("wb") as output, _write_no_core_files():
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    cut: Fate | None = None
    left: list[int] = []
    try:
        if not _wait(process, started_s, setting.bound_s):
            cut = Fate.OUT_OF_TIME
    except KeyboardInterrupt:
        cut = Fate.INTERRUPTED
    finally:
        left = _end(process, others)
        process_tree.stop_adopting()
    figures = _read_figures(part, setting.folder)
    fate, details = _judge(setting.folder, process.returncode if cut is None else 0, bool(figures))
    if left and cut is None:
        details.append(f"left {format_count(len(left), 'process')} running")
    return PartResult(
        part.name,
        cut or fate,
        setting.bound_s,
        time.monotonic() - started_s,
        "; ".join(details),
        tuple(command),
        figures,
    )


def read_last_lines(folder: Path, count: int) -> list[str]:
    """Return the last lines that a part printed, without empty ones.

    Args:
        folder: folder of the part.
        count: most lines.
    """
    with (folder / OUTPUT).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - MOST_READ_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return [line.rstrip() for line in lines if line.strip()][-count:]


def _wait(process: subprocess.Popen[bytes], started_s: float, bound_s: float) -> bool:
    """Wait for the end of a process, and return whether it came before the process was interrupted."""
    grace_s = min(MOST_GRACE_S, GRACE_SHARE * bound_s) + TRACEBACK_S
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(started_s + bound_s - grace_s - time.monotonic())
        return True
    _signal_group(process.pid, signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, started_s + bound_s - TRACEBACK_S - time.monotonic()))
        return False
    # With PYTHONFAULTHANDLER, a process of Python prints the stack of each thread.
    _signal_group(process.pid, signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(TRACEBACK_S)
    return False


def _end(process: subprocess.Popen[bytes], others: frozenset[int]) -> list[int]:
    """Kill a process if it still runs, and the processes that it has left.

    Args:
        process: leader of a session.
        others: children of this process that don't belong to it.

    Returns:
        The ids of processes that outlived it and didn't end by themselves.
    """
    if process.poll() is None:
        process_tree.kill(process.pid)
    process.wait()
    # Processes that only clean up end by themselves.
    deadline_s = time.monotonic() + LEFTOVER_S
    while _find_running(others) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    _signal_group(process.pid, signal.SIGKILL)
    return process_tree.end_adopted(keep=others)


def _find_running(others: frozenset[int]) -> list[int]:
    """Return the ids of adopted processes that run. Those that have ended are waited for."""
    running = []
    for pid in process_tree.list_children(os.getpid()):
        if pid not in others:
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    running.append(pid)
    return running


@contextlib.contextmanager
def _write_no_core_files() -> Iterator[None]:
    """Let processes that are started in this context leave no image of their memory when they are killed."""
    # Windows has no such module. It imports this one for the tests that it skips.
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read_figures(part: Part, folder: Path) -> tuple[str, ...]:
    """Return the figures of a part. Files that can't be read must not end the session."""
    try:
        return tuple(part.read_figures(folder)) if part.read_figures else ()
    except Exception as error:
        return (f"no figures: {describe_error(error)}",)


def _judge(folder: Path, code: int, has_figures: bool) -> tuple[Fate, list[str]]:
    """Return how a part ended by its exit code and its tests, and the words that say more.

    Args:
        folder: folder of the part.
        code: its exit code.
        has_figures: whether figures say more than the last line of its output.
    """
    ending = [] if code == 0 else [describe_exit_code(code)]
    counts = count_outcomes(folder)
    if counts is None:
        last = [] if has_figures else read_last_lines(folder, 1)
        return Fate.FAILED if code else Fate.PASSED, [*last, *ending]
    fate = Fate.FAILED if code else Fate.PASSED if counts["passed"] else Fate.SKIPPED
    # pytest exits with 1 where tests failed, which their number says already.
    return fate, [describe_outcomes(counts), *(ending if code != 1 else [])]
