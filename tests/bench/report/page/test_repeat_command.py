"""The command that repeats a run."""

from __future__ import annotations

import pytest

from bench.report.page.repeat_command import write_repeat_command


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "python -m bench.sweep train.py --out /tmp/a --blocks 3",
            "python -m bench.sweep train.py --blocks 3",
        ),
        ("python -m bench.sweep --out=/tmp/a", "python -m bench.sweep"),
        # The options of a script are its own.
        ("python -m bench.sweep train.py --out a -- --out b", "python -m bench.sweep train.py -- --out b"),
        ("python -m bench.sweep 'my train.py'", "python -m bench.sweep 'my train.py'"),
        ("broken 'quote", "broken 'quote"),
        (None, ""),
    ],
)
def test_the_folder_of_a_run_is_left_out(command, expected) -> None:
    """It isn't empty any more, so the same command would be refused."""
    assert write_repeat_command({"command": command}) == expected


@pytest.mark.parametrize("given", ["", "--budget 5 ", "--budget=5 "])
def test_an_option_can_have_another_value(given) -> None:
    """It stands before the arguments of a script."""
    command = write_repeat_command(
        {"command": f"python -m bench.sweep train.py {given}-- --budget 1"}, {"--budget": "2m"}
    )
    assert command == "python -m bench.sweep train.py --budget 2m -- --budget 1"
