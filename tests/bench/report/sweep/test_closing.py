"""The last lines of a sweep."""

from __future__ import annotations

import shlex
from pathlib import Path

from bench.report.sweep.closing import list_next, print_end, print_unmeasured
from bench.report.sweep.missing import Rest
from bench.report.sweep.outcome import SweepOutcome
from tests.bench.report.printing import capture
from tests.bench.report.sweeps import parse

FOLDER = Path("my results")
RESUME = "python -m bench.sweep --resume 'my results'"


def end(outcome: SweepOutcome, rest: Rest | None = None) -> list[str]:
    return capture(lambda c: print_end(c, FOLDER, outcome, rest), width=60).splitlines()


def test_a_complete_sweep_names_its_folder() -> None:
    """Nothing is missing."""
    assert end(SweepOutcome()) == ["Results: my results"]


def test_an_incomplete_sweep_can_be_resumed() -> None:
    """By a command that can be pasted: one line, with the folder's name quoted."""
    rest = Rest("To measure the rest", RESUME)
    command = f"To measure the rest: {RESUME}"
    assert end(SweepOutcome(problem=OSError("disk")), rest) == [command, "Results: my results"]
    assert end(SweepOutcome(left_out=2, interrupted=True), rest) == [
        "The budget left out 2 trials",
        "Interrupted: what was measured until then is kept.",
        command,
        "Results: my results",
    ]


def test_what_was_not_measured_at_all_is_named() -> None:
    """In one line, whatever the width. The trials that others lack are counted apart."""

    def show(*names: str) -> str:
        return capture(lambda c: print_unmeasured(c, names), width=60)

    assert show() == ""
    assert show("a x=[1]", "b") == "The budget had no time for 2 configurations: a x=[1] and b\n"
    assert end(SweepOutcome(left_out=2, unmeasured=(1,)))[0] == (
        "The budget left out 2 trials, of configurations that have others"
    )


def test_the_next_command_is_that_of_the_same_program() -> None:
    """A GPU has one more."""
    assert list_next("loaderbench sweep", on_cuda=False) == [
        "Next, the fastest setting of your own loader: loaderbench tune train.py"
    ]
    larger = list_next("python -m bench.sweep", on_cuda=True)[1]
    assert larger.startswith("Larger batches on this GPU: python -m bench.sweep --family ")
    assert parse(*shlex.split(larger.partition("bench.sweep ")[2])).request.graphs == (False, True)
