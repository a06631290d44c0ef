"""The console: a real terminal, and everything else."""

from __future__ import annotations

import io
import os
import pty
import sys

import pytest
from rich.console import Console

from bench.report.console import FEWEST_COLUMNS, PIPE_WIDTH, make_console, print_line

VARIABLES = ("FORCE_COLOR", "NO_COLOR", "TERM", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
TEXT = "[bold yellow]Unstable:[/] " + "many words in one sentence " * 6 + "a" * 130


@pytest.fixture
def environment(monkeypatch):
    """Set variables of the terminal, and no others."""

    def set_variables(**values: str) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_variables


@pytest.fixture
def written(monkeypatch):
    """Print a text to standard output, in a pipe or on a terminal: (text that arrives, the console)."""

    def write(*, terminal: bool) -> tuple[str, Console]:
        if not terminal:
            stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
            monkeypatch.setattr(sys, "stdout", stream)
            console = make_console()
            print_line(console, TEXT)
            stream.flush()
            return stream.buffer.getvalue().decode(), console
        master, slave = pty.openpty()
        with open(slave, "w") as stream:  # noqa: PTH123 - a descriptor
            monkeypatch.setattr(sys, "stdout", stream)
            console = make_console()
            print_line(console, TEXT)
            # Text arrives in parts.
            stream.write("END\n")
            stream.flush()
            text = b""
            while not text.endswith(b"END\r\n"):
                text += os.read(master, 10_000)
        os.close(master)
        return text.decode().removesuffix("END\r\n"), console

    return write


def test_a_pipe_gets_one_plain_line(environment, written) -> None:
    """The line isn't broken, and COLUMNS changes nothing."""
    environment(COLUMNS="40", TERM="xterm")
    text, console = written(terminal=False)
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert console.width == PIPE_WIDTH


def test_a_forced_colour_is_colour_only(environment, written) -> None:
    """A log may be coloured, but it is still no terminal: no bar, no cursor movements."""
    environment(FORCE_COLOR="1", TERM="xterm")
    text, console = written(terminal=False)
    assert "\x1b[1;33mUnstable" in text
    assert not console.is_terminal
    environment(FORCE_COLOR="1", NO_COLOR="1", TERM="xterm")
    assert "33m" not in written(terminal=False)[0]


def test_a_terminal_gets_lines_wrapped_at_words(environment, written) -> None:
    """No word is broken, not even one that is longer than a line."""
    environment(TERM="xterm", COLUMNS="60", NO_COLOR="1")
    text, console = written(terminal=True)
    lines = text.splitlines()
    assert console.is_terminal
    assert len(lines) == 5
    assert max(len(line) for line in lines[1:-1]) <= 60
    assert lines[-1] == "a" * 130
    assert " ".join(line.strip() for line in lines[1:]) in TEXT


def test_a_dumb_terminal_gets_no_escape_sequence(environment, written) -> None:
    """It may be a log, or an editor's shell."""
    environment(TERM="dumb")
    text, console = written(terminal=True)
    assert "\x1b" not in text
    assert not console.is_terminal


@pytest.mark.parametrize("columns", ["0", "1", "many", ""])
def test_columns_may_say_anything(environment, written, columns) -> None:
    """Nothing crashes, and text is whole."""
    environment(TERM="xterm", COLUMNS=columns)
    text, console = written(terminal=True)
    assert "a" * 130 in text
    assert console.width >= FEWEST_COLUMNS


def test_a_notebook_gets_wrapped_lines_as_one_output(monkeypatch) -> None:
    """Standard error and files get plain lines there too."""
    pytest.importorskip("IPython")
    shown = []
    monkeypatch.setattr("bench.report.console.is_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    console = make_console()
    print_line(console, "<b> " + "many words " * 30)
    (output,) = shown
    assert console.is_jupyter
    assert "&lt;b&gt;" in output.html
    assert max(map(len, output.text.splitlines())) <= console.width
    assert not make_console(io.StringIO()).is_jupyter
