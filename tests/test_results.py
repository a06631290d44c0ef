"""The kept results: each folder's command still works with the options of today."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from bench import validate
from bench.cli.explain_command import make_explain_command
from bench.cli.regret_options import make_regret_options
from bench.cli.sweep_command import make_sweep_command
from tests.paths import ROOT

FOLDERS = sorted(path for path in (ROOT / "results").iterdir() if path.is_dir())
# What docs/results.md says of commands that an earlier version recorded.
OLDER, RENAMED = "20261122", {"--threads": "--loader-threads", "none,closed_form": "none,analytic"}


def keep(options: object) -> object:
    return options


def check_sweep(words: list[str]) -> None:
    make_sweep_command(keep).main(words, "sweep", standalone_mode=False)


def check_explain(words: list[str]) -> None:
    make_explain_command(keep).main(words, "explain", standalone_mode=False)


def check_validate(words: list[str]) -> None:
    given = validate.command.make_context("validate", words).params
    validate._check_kind([name for name in validate.KINDS if given[name]], given)
    if given["regret"]:
        options = make_regret_options(given["words"], given["budget"] or "2m", 1, 1, None)
        options.make_tuning(0, Path("out"))


def check_pytest(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


def check_script(words: list[str]) -> None:
    assert (ROOT / words[0]).is_file()


CHECKS: dict[str, Callable[[list[str]], None]] = {
    "python -m bench.sweep ": check_sweep,
    "python -m bench.explain ": check_explain,
    "python -m bench.validate ": check_validate,
    "python -m pytest ": check_pytest,
    "pytest ": check_pytest,
    "python examples": check_script,
}


def read_commands(folder: Path) -> list[str]:
    """Return the commands that made a folder: of its environment, or of lines with a prompt."""
    environment = folder / "environment.json"
    if environment.exists():
        return [json.loads(environment.read_text(encoding="utf-8"))["command"]]
    return re.findall(r"^\$ (.*)$", (folder / "benchmark.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_command_of_kept_results_works_today(folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    commands = read_commands(folder)
    assert commands
    for command in commands:
        words = shlex.split(re.sub(r"^(\w+=\S+ )+", "", command))
        if folder.name.startswith(OLDER):
            words = [RENAMED.get(word, word) for word in words]
        told = f"{shlex.join(words)} "
        start = next(one for one in CHECKS if told.startswith(one))
        CHECKS[start](words[len(start.split()) - (start == "python examples") :])


def test_an_option_that_is_gone_is_noticed() -> None:
    for check, words in (
        (check_sweep, ["--threads", "0,1"]),
        (check_explain, ["train.py", "--pilots", "3"]),
        (check_validate, ["--regret", "--", "train.py", "--num-worker", "3"]),
    ):
        with pytest.raises(click.ClickException):
            check(words)
