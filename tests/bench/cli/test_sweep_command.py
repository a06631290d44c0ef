"""The command line of a sweep: its help, and the options that it makes."""

from __future__ import annotations

import click
import pytest

from bench.cli.option_groups import PRECISION_BUDGET_S, QUICK_BUDGET_S, STEADY_S, make_option_groups
from bench.cli.sweep_command import make_sweep_command
from loaders.registry import all_knobs
from tests.bench.report.sweeps import parse

WIDTH, SCREEN = 100, 48


@pytest.fixture
def help_text() -> str:
    command = make_sweep_command(lambda _: 0)
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name="python -m bench.sweep", **settings)
    return command.get_help(context)


def test_the_help_fits_two_screens(help_text) -> None:
    """In letters that every terminal has."""
    assert help_text.isascii()
    assert len(help_text.splitlines()) <= 2 * SCREEN
    assert max(len(line) for line in help_text.splitlines()) <= WIDTH


def test_the_help_shows_examples_first(help_text) -> None:
    """Then the options, group by group; each option has one place."""
    titles = [line for line in help_text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Examples:", *(f"{title}:" for title in make_option_groups())]
    options = [one for one in make_sweep_command(lambda _: 0).params if isinstance(one, click.Option)]
    for option in options:
        assert help_text.count(f"\n  {option.opts[0]} ") == 1
    assert "-h, --help" in help_text


def test_every_example_can_be_run(help_text) -> None:
    """Each makes options; the one that resumes needs a folder that is there."""
    lines = help_text.partition("Examples:")[2].partition("What to measure:")[0].splitlines()
    commands = [line.split("  ")[1] for line in lines if line.startswith("  python -m bench.sweep")]
    assert len(commands) >= 4
    for command in commands:
        arguments = command.removeprefix("python -m bench.sweep").split()
        if "--resume" not in arguments:
            assert parse(*arguments).request


def test_every_knob_is_an_option() -> None:
    """A value that is given goes to the request, under the knob's name."""
    names = {option.name for option in make_sweep_command(lambda _: 0).params}
    assert set(all_knobs()) <= names
    assert parse("--num-workers", "0,2").request.knobs == {"num_workers": (0, 2)}
    assert parse().request.knobs == {}


def test_the_budget_depends_on_the_amount() -> None:
    """Quick and precise sweeps have one, unless the blocks say how long it takes."""
    assert parse().budget_s == QUICK_BUDGET_S
    assert parse("--preset", "quick", "--num-workers", "0").budget_s == QUICK_BUDGET_S
    assert parse("--blocks", "5").budget_s is None
    assert parse("--num-workers", "0").budget_s is None
    assert parse("--num-workers", "0", "--precision", "3%").budget_s == PRECISION_BUDGET_S
    assert parse("--budget", "2m").budget_s == 120


def test_given_epochs_are_taken_exactly() -> None:
    """Else short epochs are repeated until they have lasted."""
    assert parse("--epochs", "4").schedule.epochs == 4
    assert parse("--epochs", "4").schedule.steady_s == 0
    assert parse().schedule.steady_s == STEADY_S
