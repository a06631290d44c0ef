"""Tests of the command line that compares two commits."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bench.analysis.comparison.comparison import ComparisonOptions
from bench.cli.revisions_command import make_revisions_command
from bench.plan.revision_options import RevisionOptions
from bench.plan.screen import Screen

BOTH = ("--revisions", "v1", "v2")


def parse(*words: str) -> tuple[RevisionOptions, ComparisonOptions]:
    command = make_revisions_command(lambda options, compared: (options, compared))
    return command.main(args=[*words], prog_name="python -m bench.compare", standalone_mode=False)


def test_the_loader_as_it_is_is_measured_by_default() -> None:
    options, compared = parse(*BOTH, "--", "train.py:loader")
    order = options.order
    assert (options.revisions, options.links, order.target) == (("v1", "v2"), (), "train.py:loader")
    assert order.request.single
    assert order.request.effective_preset is None
    assert order.schedule.blocks == 10
    assert compared == ComparisonOptions()
    assert order.command == "python -m bench.compare --revisions v1 v2 -- train.py:loader"


def test_options_of_a_sweep_and_of_a_comparison_stand_beside_each_other() -> None:
    options, compared = parse(
        *BOTH, "--link", "data", "--link", "more", "--num-workers", "0,2", "--blocks", "4", "--margin", "5%",
        "--format", "md", "--out", "there", "--step", "train.py:make_step", "train.py:loader",
    )  # fmt: skip
    assert options.links == (Path("data"), Path("more"))
    assert options.order.request.knobs == {"num_workers": (0, 2)}
    assert options.order.request.step == ("train.py:make_step",)
    assert (options.order.schedule.blocks, options.order.out) == (4, Path("there"))
    assert (compared.margin, compared.form) == (0.05, "md")


def test_progress_leaves_the_comparison_alone() -> None:
    """A file or a program takes standard output, or nobody wants it."""
    for words, screen in {
        (): Screen(),
        ("--json",): Screen(as_json=True),
        ("--format", "md"): Screen(as_json=True),
        ("--quiet",): Screen(quiet=True),
    }.items():
        assert parse(*BOTH, *words, "--", "train.py:loader")[0].order.screen == screen


@pytest.mark.parametrize(
    "words", [("--", "train.py", "--", "--epochs", "1"), ("train.py", "--", "--epochs", "1")]
)
def test_arguments_of_a_script_follow_it(words) -> None:
    order = parse(*BOTH, *words)[0].order
    assert (order.target, order.script_args) == ("train.py", ("--epochs", "1"))
    assert order.request.step == ("script",)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (BOTH, "--revisions: name what to measure, as in -- train.py:train_loader"),
        ((*BOTH, "train.py", "5"), "'5': a comparison has one target; a script's arguments follow --"),
        ((*BOTH, "--", "train.py:loader", "5"), "arguments are for a script"),
        ((*BOTH, "--device", "cpu", "train.py"), "--device: a script chooses its own device"),
        ((*BOTH, "--blocks", "0", "train.py"), "--blocks: "),
        (("--revisions", "v1"), "'--revisions' requires 2 arguments"),
        ((*BOTH, "--resume", "there", "train.py"), "No such option"),
        ((*BOTH, "--format", "md", "--json", "train.py"), "--json: --format md is another format"),
    ],
)
def test_bad_input_is_an_error_in_one_line(words, message) -> None:
    with pytest.raises(click.ClickException) as raised:
        parse(*words)
    assert message in raised.value.format_message()
    assert "\n" not in raised.value.format_message()


def test_the_help_shows_only_knobs_of_users_own_loaders(capsys) -> None:
    with pytest.raises(click.exceptions.Exit):
        make_revisions_command(print).make_context("compare", ["--help"])
    shown = capsys.readouterr().out
    assert "--num-workers" in shown
    assert "--decoder" not in shown
    assert "--margin" in shown
