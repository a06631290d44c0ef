"""The command line of a script: its arguments follow `--`."""

from __future__ import annotations

import click
import pytest

from tests.bench.report.sweeps import parse


def test_arguments_follow_two_dashes() -> None:
    """They go to the script as they are, even those that bear the name of an option."""
    options = parse("train.py", "--num-workers", "0,2", "--", "--epochs", "1", "--lr", ".1", "data")
    assert (options.target, options.script_args) == ("train.py", ("--epochs", "1", "--lr", ".1", "data"))
    assert options.request.knobs == {"num_workers": (0, 2)}
    assert options.request.step == ("script",)
    assert parse("train.py").script_args == ()
    assert parse("train.py", "--pick", "2").pick == "2"


def test_a_module_is_given_without_the_m_of_python() -> None:
    """It is typed as in `python -m mypackage.train`. Other unknown options keep their line."""
    with pytest.raises(click.UsageError) as caught:
        parse("-m", "mypackage.train", "--blocks", "3")
    assert caught.value.format_message().startswith("-m: give the module alone, as in ")
    assert caught.value.format_message().endswith(" mypackage.train")
    for words in (["-m"], ["-m", "--blocks", "3"], ["-x", "mypackage.train"]):
        with pytest.raises(click.NoSuchOption):
            parse(*words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train.py", "data"], "'data': the arguments of a script follow --"),
        (["train.py", "data", "--", "more"], "'data': the arguments of a script follow --"),
        (["train.py:loader", "--", "data"], "-- data: arguments are for a script"),
        (["--", "data"], "-- data: arguments are for a script"),
        (["train.py", "--step", "none"], "--step: a script has its own step"),
        (["train.py", "--step-ms", "3"], "--step-ms: a script has its own step"),
        (["train.py", "--param", "size=3"], "--param: a script takes its arguments after --"),
        (["train.py", "--device", "cpu"], "--device: a script chooses its own device"),
        (["train.py:loader", "--pick", "1"], "--pick: there is no script"),
        (["--pick", "1"], "--pick: there is no script"),
    ],
)
def test_what_a_script_leaves_no_room_for(arguments, message) -> None:
    """One line names the option and the reason."""
    with pytest.raises(click.UsageError) as caught:
        parse(*arguments)
    assert caught.value.format_message().startswith(message)
