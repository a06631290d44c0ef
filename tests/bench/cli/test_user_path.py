"""Paths on the command line."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from bench.cli.sweep_command import make_sweep_command
from bench.cli.user_path import UserPath
from tests.bench.report.sweeps import parse


def read(text: str) -> Path:
    return UserPath().convert(text, click.Option(["--out"]), None)


def test_a_tilde_is_the_home_folder(monkeypatch) -> None:
    """At the start of a path only."""
    monkeypatch.setenv("HOME", "/home/me")
    assert read("~/results") == Path("/home/me/results")
    assert read("~") == Path("/home/me")
    assert read("a/~/b") == Path("a/~/b")
    assert read("./~") == Path("~")


def test_an_unknown_home_is_refused() -> None:
    """A folder called ~nobody-at-all is not meant."""
    with pytest.raises(click.UsageError, match="--out: the home folder of '~nobody-at-all/x' is not known"):
        read("~nobody-at-all/x")


def test_every_path_of_a_sweep_is_one(monkeypatch) -> None:
    """Also one that is added later."""
    monkeypatch.setenv("HOME", "/home/me")
    paths = [option for option in make_sweep_command(lambda _: 0).params if option.metavar == "DIR"]
    assert {option.name for option in paths} == {"data_dir", "out", "resume"}
    assert all(isinstance(option.type, UserPath) for option in paths)
    options = parse("--data-dir=~/pictures", "--out=~/results")
    assert (options.data_dir, options.out) == (Path("/home/me/pictures"), Path("/home/me/results"))
