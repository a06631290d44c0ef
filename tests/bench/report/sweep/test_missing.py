"""How to measure what a sweep lacks."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from bench.analysis.summary import summarise
from bench.report.sweep.missing import lacks_baseline, repeat_within, resume_within
from tests.bench import runs
from tests.bench.report.sweeps import parse
from tests.bench.runs import blocks, failed

COMMAND = "python -m bench.sweep --budget 5 --seed 1 --out a"


def test_a_budget_that_was_too_short_is_not_repeated() -> None:
    """The recorded one would leave the same trials out. The new one has time for them."""
    rest = resume_within(Path("my results"), "loaderbench sweep", 100.0)
    assert rest.lead == "To measure what is missing, about 1 min 40 s"
    assert rest.command == "loaderbench sweep --resume 'my results' --budget 3m"
    assert resume_within(Path("a"), "loaderbench sweep", 0.0).command.endswith(" --budget 30s")


@pytest.mark.parametrize(("budget_s", "expected_s"), [(5.0, 120.0), (95.0, 420.0), (None, 120.0)])
def test_a_sweep_without_its_baseline_is_repeated(budget_s, expected_s) -> None:
    """A resumed one runs no failed trial again. The command can be run, as its folder is a new one."""
    command = repeat_within({"command": COMMAND}, budget_s).command
    options = parse(*shlex.split(command.partition("bench.sweep ")[2]))
    assert (options.budget_s, options.schedule.seed, options.out) == (expected_s, 1, None)


def test_a_failed_baseline_is_noticed(tmp_path) -> None:
    """Another configuration that failed is none."""

    def lacks(name: str, rows: list) -> bool:
        return lacks_baseline(summarise(runs.table(tmp_path / name, rows)))

    assert lacks("first", [failed(0, 0, "timeout"), *blocks(1, [1.0])])
    assert not lacks("second", [*blocks(0, [1.0]), failed(1, 0)])
    assert not lacks("third", [failed(0, 0, "unavailable"), *blocks(1, [1.0])])
