"""The command line of a tuning: what is tried, within which limits, and where the setting goes."""

from __future__ import annotations

import click
import pytest

from bench.cli.sweep_command import make_sweep_command
from bench.cli.tune_command import make_tune_command
from bench.cli.tune_groups import LEFT_OUT, make_tune_groups
from bench.plan.screen import Screen
from bench.plan.tune_options import BUDGET_S, REGRET, TuneOptions

WIDTH, SCREEN = 100, 48
OWN = {"shm_limit", "regret", "exhaustive", "apply", "assume_yes"}


def parse(*arguments: str) -> TuneOptions:
    """Return the options that the command line makes of these arguments."""
    return make_tune_command(lambda options: options).main([*arguments], standalone_mode=False)


def refuse(*arguments: str) -> str:
    """Return the line that refuses these arguments."""
    with pytest.raises(click.UsageError) as error:
        parse(*arguments)
    assert "\n" not in error.value.message
    return error.value.message


@pytest.fixture(scope="module")
def help_text() -> str:
    command = make_tune_command(lambda _: 0)
    settings = {**command.context_settings, "terminal_width": WIDTH}
    return command.get_help(click.Context(command, info_name="python -m bench.tune", **settings))


def test_the_help_fits_two_screens(help_text) -> None:
    """In letters that every terminal has; each option has one place."""
    assert help_text.isascii()
    assert len(help_text.splitlines()) <= 2 * SCREEN
    assert max(len(line) for line in help_text.splitlines()) <= WIDTH
    for option in (one for group in make_tune_groups().values() for one in group):
        assert help_text.count(f"\n  {option.opts[0]} ") == 1


def test_every_example_can_be_run(help_text) -> None:
    """Each one is a tuning of what it says."""
    lines = help_text.partition("Examples:")[2].partition("What to tune")[0].splitlines()
    commands = [line.split("  ")[1] for line in lines if line.startswith("  python -m bench.tune")]
    assert len(commands) >= 5
    for command in commands:
        assert parse(*command.removeprefix("python -m bench.tune").split()).order.request.single


def test_its_options_are_those_of_a_sweep() -> None:
    """Under the same names; those that a tuning decides itself are absent."""
    of_sweep = {option.name: option.opts for option in make_sweep_command(lambda _: 0).params}
    names = {option.name for option in make_tune_command(lambda _: 0).params}
    assert names & set(LEFT_OUT) == set()
    for option in make_tune_command(lambda _: 0).params:
        if option.name not in OWN:
            assert of_sweep[option.name] == option.opts


def test_defaults() -> None:
    """Five minutes, a regret of 3%, nothing written, and no knob that is fixed."""
    options = parse()
    order = options.order
    assert (order.budget_s, order.name, order.target, order.request.knobs) == (BUDGET_S, "tune", None, {})
    assert (options.regret, options.shm_limit, order.memory_limit) == (REGRET, None, None)
    assert (options.exhaustive, options.apply, options.assume_yes) == (False, False, False)
    assert order.screen == Screen()


def test_limits_and_lists() -> None:
    """Values of knobs are lists; sizes and times have units."""
    options = parse(
        "train.py:train_loader", "--num-workers", "0,2,4", "--batch-size", "64", "--param", "size=1,2",
        "--budget", "3m", "--memory-limit", "8G", "--shm-limit", "1G", "--regret", "5%",
        "--num-threads", "1,2", "--exhaustive", "--seed", "7",
    )  # fmt: skip
    order = options.order
    assert order.request.knobs == {"num_workers": (0, 2, 4), "batch_size": (64,), "param.size": (1, 2)}
    assert order.request.num_threads == (1, 2)
    assert (order.budget_s, order.memory_limit, options.shm_limit) == (180.0, 8 << 30, 1 << 30)
    assert (options.regret, options.exhaustive, order.schedule.seed) == (0.05, True, 7)


def test_a_family_may_be_the_target() -> None:
    """As with an explanation."""
    order = parse("tensor_slice").order
    assert (order.target, order.request.family) == (None, ("tensor_slice",))
    assert "TARGET names the family" in refuse("tensor_slice", "--family", "stream")
    assert "did you mean tensor_slice?" in refuse("tensor_slise")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--step", "analytic,none"), "a tuning compares loaders of the same work"),
        (("--loss", "squared,cross_entropy"), "a tuning compares loaders of the same work"),
        (("train.py:x", "--step", "train.py:step", "--step-ms", "3"), "--step-ms: --step gives another step"),
        (("--regret", "0.03"), "'0.03' is not a percentage"),
        (("--shm-limit", "lots"), "'lots' is not a size above 0"),
        (("--apply",), "--apply: it changes the DataLoader call in a file, and no file is given"),
        (("tensor_slice", "--apply"), "no file is given"),
        (("package.module:loader", "--apply"), "'package.module:loader' names a module"),
        (("train.py", "--yes"), "--yes: it answers the question of --apply"),
        (("train.py", "--apply", "--json"), "add --yes"),
        (("docs",), "'docs' is a folder"),
    ],
)
def test_what_contradicts_is_refused_in_one_line(arguments, message) -> None:
    """The line names the option, what was given and what is allowed."""
    assert message in refuse(*arguments)


@pytest.mark.parametrize("option", ["--blocks", "--epochs", "--precision", "--aa", "--resume", "--preset"])
def test_what_a_tuning_decides_itself_is_no_option(option) -> None:
    """click's own error names the option."""
    with pytest.raises(click.exceptions.NoSuchOption):
        parse("train.py", option, "2")


def test_the_configuration_file_means_the_same(tmp_path) -> None:
    """All options of a run, read again; what writes a file of the user's is for one run alone."""
    arguments = ["train.py:train_loader", "--num-workers", "0,2", "--regret", "5%", "--shm-limit", "1G"]
    first = parse(*arguments, "--apply", "--yes")
    (tmp_path / "config.toml").write_text(first.order.config, encoding="utf-8")
    again = parse("--config", str(tmp_path / "config.toml"))
    assert again.order.request == first.order.request
    assert (again.regret, again.shm_limit, again.order.budget_s) == (0.05, 1 << 30, BUDGET_S)
    assert (again.apply, again.assume_yes) == (False, False)
