"""The command line of an explanation: one configuration, whatever the TARGET is."""

from __future__ import annotations

import click
import pytest

from bench.cli.explain_command import make_explain_command
from bench.cli.explain_groups import BLOCKS, make_explain_groups
from bench.cli.sweep_command import make_sweep_command
from bench.plan.explain_options import ExplainOptions
from bench.plan.grid import Machine, make_plan
from bench.plan.screen import Screen
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader

WIDTH, SCREEN = 100, 48
MACHINE = Machine(cuda=False, num_threads=2)
OWN = {"blocks", "verify", "check"}


def parse(*arguments: str) -> ExplainOptions:
    """Return the options that the command line makes of these arguments."""
    return make_explain_command(lambda options: options).main([*arguments], standalone_mode=False)


def refuse(*arguments: str) -> str:
    """Return the line that refuses these arguments."""
    with pytest.raises(click.UsageError) as error:
        parse(*arguments)
    assert "\n" not in error.value.message
    return error.value.message


@pytest.fixture(scope="module")
def help_text() -> str:
    command = make_explain_command(lambda _: 0)
    settings = {**command.context_settings, "terminal_width": WIDTH}
    return command.get_help(click.Context(command, info_name="python -m bench.explain", **settings))


def test_the_help_fits_two_screens(help_text) -> None:
    """In letters that every terminal has; each option has one place."""
    assert help_text.isascii()
    assert len(help_text.splitlines()) <= 2 * SCREEN
    assert max(len(line) for line in help_text.splitlines()) <= WIDTH
    for option in (one for group in make_explain_groups().values() for one in group):
        assert help_text.count(f"\n  {option.opts[0]} ") == 1
    assert "LIST" not in help_text


def test_every_example_can_be_run(help_text) -> None:
    """Save for the results folder, which must be there."""
    lines = help_text.partition("Examples:")[2].partition("What to explain")[0].splitlines()
    commands = [line.split("  ")[1] for line in lines if line.startswith("  python -m bench.explain")]
    assert len(commands) >= 5
    for command in commands:
        arguments = command.removeprefix("python -m bench.explain").split()
        if "results/DIR" not in arguments:
            assert parse(*arguments).order.request.single


def test_its_options_are_those_of_a_sweep() -> None:
    """Under the same names, so that what is known of one command holds for the other."""
    of_sweep = {option.name: option.opts for option in make_sweep_command(lambda _: 0).params}
    for option in make_explain_command(lambda _: 0).params:
        if option.name not in OWN:
            assert of_sweep[option.name] == option.opts


def test_without_a_target_the_tutorials_loader_is_explained() -> None:
    """At its defaults, in blocks enough for an interval."""
    options = parse()
    order = options.order
    assert (order.target, order.schedule.blocks, order.budget_s) == (None, BLOCKS, None)
    assert (options.verify, options.check, order.screen) == (False, False, Screen())
    (configuration,) = make_plan(order.request, MACHINE).configurations
    assert configuration.spec == TorchDataLoader().resolve()


def test_a_family_is_a_target() -> None:
    """Knobs that are given replace its defaults."""
    order = parse("tensor_slice", "--batch-size", "64").order
    (configuration,) = make_plan(order.request, MACHINE).configurations
    assert (order.target, configuration.spec) == (None, TensorSlice(batch_size=64).resolve())
    assert refuse("tensor_slice", "--family", "memory_map") == (
        "--family: TARGET names the family tensor_slice already"
    )
    assert refuse("in_memory").startswith("'in_memory' loads data of your own: name them first")


def test_a_target_keeps_its_own_settings() -> None:
    """And a step, parameters and a limit stand beside it."""
    options = parse(
        "train.py:loader", "--step-ms", "12", "--param", "size=64", "--batches", "9", "--verify", "--check"
    )  # fmt: skip
    order = options.order
    assert (order.target, order.batches, order.request.step) == ("train.py:loader", 9, ("12ms",))
    assert (options.verify, options.check) == (True, True)
    assert order.request.knobs == {"param.size": (64,)}
    assert order.command == (
        "python -m bench.explain train.py:loader --step-ms 12 --param size=64 --batches 9 --verify --check"
    )
    script = parse("train.py", "--pick", "2", "--", "--epochs", "1").order
    assert (script.script_args, script.pick, script.request.step) == (("--epochs", "1"), "2", ("script",))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--num-workers", "2,4"), "--num-workers: 2, 4 are 2 values, and an explanation is of one"),
        (("--step", "none,analytic"), "--step: none, analytic are 2 values"),
        (("train.py:loader", "--param", "size=64,128"), "--param: 64, 128 are 2 values"),
        (("--num-workers", "four"), "--num-workers: 'four' is not a whole number from 0 to 256"),
        (("nonsense",), "'nonsense' is no target, expected FILE.py:NAME or package.module:NAME, a script"),
        (("--step-ms", "3"), "--step-ms: there is no TARGET that it could be for"),
        (("--check",), "--check: the step of Fashion-MNIST trains its model"),
        (("train.py", "--check"), "--check: a script has its own step"),
        (("train.py", "--step-ms", "3"), "--step-ms: a script has its own step"),
        (("train.py:loader", "--step", "train.py:step", "--step-ms", "3"), "--step-ms: --step gives another"),
    ],
)
def test_a_mistake_is_one_line(arguments, line) -> None:
    """That says what was given, and what is allowed."""
    assert refuse(*arguments).startswith(line)


@pytest.mark.parametrize(("text", "meant"), [("train", "train.py"), ("tensor_slise", "tensor_slice")])
def test_the_nearest_target_is_named(tmp_path, monkeypatch, text, meant) -> None:
    """A script of the folder, or a loader family."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").touch()
    assert refuse(text).endswith(f"or the results folder of a sweep; did you mean {meant}?")


def test_the_help_speaks_of_one_configuration(help_text) -> None:
    """No word of a sweep's presets, precision or lists is left."""
    words = ("quick", "--precision", "Values of", "families:", "several", "every configuration", "to vary")
    assert [word for word in words if word in help_text] == []


def test_a_value_that_is_given_twice_counts_once() -> None:
    """As in a sweep."""
    assert parse("--num-workers", "4,4").order.request.knobs == {"num_workers": (4,)}
