"""One line for an error, and the exit codes."""

from __future__ import annotations

import io
import sys

import click
import pytest

from bench.cli.command_line import run_command


def exit_code(function, *arguments: str) -> int:
    """Run a function as a command and return its exit code."""
    command = click.Command("x", callback=function)
    with pytest.raises(SystemExit) as left:
        run_command(command, user_errors=(LookupError,), arguments=arguments)
    return left.value.code


def test_the_exit_code_is_the_functions() -> None:
    """The number that it returns."""
    assert exit_code(lambda: 1) == 1


def test_a_users_error_is_one_line(capsys) -> None:
    """Even if its text has line ends."""

    def fail() -> int:
        raise LookupError("no such\nthing")

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == "error: no such thing\n"


def test_a_bug_is_not_hidden() -> None:
    """An exception that tells the user nothing keeps its traceback."""

    def bug() -> int:
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        exit_code(bug)


def test_an_unknown_option_is_one_line(capsys) -> None:
    """Without the usage before it."""
    assert exit_code(lambda: 0, "--nope") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: No such option")


def test_an_interrupt_is_130() -> None:
    """As shells have it."""

    def interrupt() -> int:
        raise KeyboardInterrupt

    assert exit_code(interrupt) == 130


def test_every_command_can_print_every_letter(monkeypatch) -> None:
    """Also into a stream that takes ASCII only."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    def talk() -> int:
        print("3 × 2 …")
        return 0

    assert exit_code(talk) == 0
    stream.flush()
    assert stream.buffer.getvalue() == b"3 x 2 ...\n"
