"""Lines of the doctor on terminals and in pipes, and its JSON."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from bench.machine.check import Check
from bench.machine.requirements import LoaderSettings
from bench.report.doctor_report import find_worst, format_json, print_check, print_checks

SOUND = Check("cores", "ok", "2 usable of 2", None)
WARNED = Check("load", "warn", "56% of all cores in use now", "wait until it is quiet" + ", or not" * 10)
FAILED = Check("/dev/shm", "fail", "64 MiB free", "docker: --shm-size=1g")
UNKNOWN = Check("gpu", "unknown", "not looked at, since torch fails", None)


def print_lines(check: Check, **console) -> list[str]:
    """Print a check, and return its lines."""
    out = io.StringIO()
    print_check(Console(file=out, color_system=None, **console), check)
    return out.getvalue().splitlines()


def test_lines_fit_a_terminal() -> None:
    """They are wrapped at words, under each other."""
    first, second, *others = print_lines(WARNED, width=80, force_terminal=True)
    assert first == "warn    load           56% of all cores in use now"
    assert second.startswith(" " * 23 + "-> wait until")
    assert others
    assert all(len(line) <= 80 and line.startswith(" " * 26) for line in others)


def test_a_pipe_gets_whole_lines() -> None:
    """Each check and each cure is one line."""
    assert print_lines(WARNED, width=40) == [
        "warn    load           56% of all cores in use now",
        f"{' ' * 23}-> {WARNED.cure}",
    ]


def test_a_terminal_of_a_few_columns_loses_no_word() -> None:
    """Its lines are longer than the terminal is wide."""
    lines = print_lines(WARNED, width=10, force_terminal=True)
    words = " ".join(line.strip() for line in lines).replace("-> ", "")
    assert words == f"warn    load           {WARNED.found} {WARNED.cure}"


def test_names_from_outside_are_no_markup() -> None:
    """The name of a folder can look like markup."""
    (line,) = print_lines(Check("data folder", "ok", "[red]data[/] :smile:", None))
    assert "[red]data[/] :smile:" in line


@pytest.mark.parametrize(
    ("checks", "worst", "result"),
    [
        ([], "ok", "0 failed, 0 warnings, 0 in all. Nothing stands in the way of measuring."),
        (
            [SOUND, UNKNOWN],
            "unknown",
            "0 failed, 0 warnings, 2 in all. Nothing stands in the way of measuring.",
        ),
        ([WARNED, UNKNOWN], "warn", "0 failed, 1 warning, 2 in all. Nothing stands in the way of measuring."),
        ([FAILED, WARNED, WARNED], "fail", "1 failed, 2 warnings, 3 in all."),
    ],
)
def test_the_result_of_all_checks(checks, worst, result) -> None:
    """The last line counts the concerns, and the worst severity is found."""
    out = io.StringIO()
    made = print_checks(Console(file=out), LoaderSettings(64), iter(checks))
    assert made == checks
    assert out.getvalue().splitlines()[0] == "Without workers, for batches of 64:"
    assert out.getvalue().splitlines()[-1] == result
    assert find_worst(checks) == worst


def test_the_keys_of_json() -> None:
    """Programs read these keys."""
    assert json.loads(format_json([SOUND, FAILED])) == {
        "checks": [
            {"name": "cores", "verdict": "ok", "found": "2 usable of 2", "cure": None},
            {"name": "/dev/shm", "verdict": "fail", "found": "64 MiB free", "cure": "docker: --shm-size=1g"},
        ],
        "verdict": "fail",
    }
