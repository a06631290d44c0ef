"""One line for what went wrong, and lists of values."""

from __future__ import annotations

import click
import pytest

from bench.cli.command_line import run_command
from bench.cli.option_readers import make_list_reader


def command(function, *options: click.Option) -> click.Command:
    return click.Command("x", callback=function, params=list(options))


def exit_code(function, *arguments: str, options: tuple[click.Option, ...] = ()) -> int:
    with pytest.raises(SystemExit) as left:
        run_command(command(function, *options), user_errors=(LookupError,), arguments=arguments)
    return left.value.code


def test_the_exit_code_is_the_commands() -> None:
    """What the function returns."""
    assert exit_code(lambda: 1) == 1


def test_a_users_error_is_one_line(capsys) -> None:
    """Whatever line ends it held."""

    def fail() -> int:
        raise LookupError("no such\nthing")

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == "error: no such thing\n"


def test_a_bug_is_not_hidden() -> None:
    """An exception that is no word to the user keeps its traceback."""

    def bug() -> int:
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        run_command(command(bug), user_errors=(LookupError,), arguments=[])


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


def test_lists_are_parsed_part_by_part(capsys) -> None:
    """Spaces are allowed, twice counts once, and an error names the option and the part."""
    seen = []
    option = click.Option(["--n"], callback=make_list_reader(int, "a number"))

    def function(n: tuple[int, ...]) -> int:
        seen.append(n)
        return 0

    assert exit_code(function, "--n", "3, 1,3", options=(option,)) == 0
    assert seen == [(3, 1)]
    assert exit_code(function, "--n", "3,x", options=(option,)) == 2
    assert capsys.readouterr().err == "error: --n: 'x' is not a number (several are separated by commas)\n"
