"""The display of a sweep's trials."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bench.analysis.leaders import LeaderBoard
from bench.report.progress.sweep_progress import SweepProgress
from tests.bench import runs
from tests.bench.report.sweeps import GPU_BOX, plan_sweep
from tests.bench.runs import timed


@pytest.fixture(autouse=True)
def now(monkeypatch) -> list[float]:
    """Give the progress a clock that tests set, in seconds."""
    now = [0.0]
    monkeypatch.setattr("bench.report.progress.sweep_progress.read_running_s", lambda: now[0])
    return now


def test_the_budget_bounds_the_time_left() -> None:
    """Trials beyond it take no time, and a trial that would end too late doesn't fit."""
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress(console, ["a", "b"], {0: 20.0, 1: 30.0}, blocks=2, budget_s=60) as progress:
        assert progress.fits(0, 1)
        assert not progress.fits(0, 1, 0)
        with progress.trial(0, 0):
            pass
    assert "about 1 min 0 s left" in console.file.getvalue()


def test_the_first_block_takes_its_time_without_a_budget_for_it(now) -> None:
    """It runs in any case, so there is never `about 0 s left` before its end."""
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress(console, ["a", "b"], {0: 20.0, 1: 30.0}, blocks=2, budget_s=10) as progress:
        for number, seconds in enumerate((20, 30)):
            with progress.trial(number, 0):
                now[0] += seconds
        with progress.trial(0, 1):
            pass
    times = [line.split(" left")[0].split("about ")[1] for line in console.file.getvalue().splitlines()]
    assert times == ["50 s", "30 s", "0 s"]


def test_a_pipe_gets_one_line_a_trial() -> None:
    """Each line has the place of the trial, the time left and the name."""
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress(console, ["num_workers=0", "num_workers=[4]"], {0: 2.0, 1: 3.0}, blocks=2) as progress:
        for block in range(2):
            for number in range(2):
                with progress.trial(number, block):
                    pass
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["[1/4]", "about", "10", "s", "left", "block", "1/2", "num_workers=0"]
    assert lines[3].startswith("[4/4]")
    assert lines[3].endswith("block 2/2  num_workers=[4]")


def test_a_terminal_gets_a_bar() -> None:
    """The bar has the same facts as a line."""
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with SweepProgress(console, ["num_workers=0"], {0: 2.0}, blocks=1) as progress, progress.trial(0, 0):
        pass
    text = console.file.getvalue()
    assert "num_workers=0" in text
    assert "about 2 s left" in text


def test_rows_make_the_leaders(tmp_path) -> None:
    """A resumed sweep begins with those on file."""
    console = Console(file=io.StringIO(), width=120)
    board = LeaderBoard(["a", "b"], runs.table(tmp_path, [timed(0, 0, 2.0)]))
    with SweepProgress(console, ["a", "b"], {0: 2.0, 1: 3.0}, blocks=2, board=board) as progress:
        with progress.trial(1, 0):
            progress.take(timed(1, 0, 1.0))
        with progress.trial(0, 1):
            pass
    assert console.file.getvalue().splitlines()[1] == (
        "Best so far: b at 1,000 samples/s (2 × base); a at 500 samples/s (baseline)"
    )


def test_a_quiet_console_shows_nothing() -> None:
    """Nor are leaders looked for."""
    console, board = Console(file=io.StringIO(), quiet=True), LeaderBoard([])
    board.find_leaders = lambda: 1 / 0
    with SweepProgress(console, ["a"], {0: 2.0}, blocks=1, board=board) as progress, progress.trial(0, 0):
        pass
    assert console.file.getvalue() == ""


def test_more_trials_than_planned() -> None:
    """Repetitions and blocks beyond the planned ones are counted when they come, and named."""
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress(console, ["a", "b"], {0: 2.0, 1: 3.0}, blocks=1) as progress:
        for number in (0, 1):
            with progress.trial(number, 0):
                pass
        progress.add([0])
        with progress.trial(0, 0, attempt=1):
            pass
        progress.add([1])
        with progress.trial(1, 1):
            pass
    lines = console.file.getvalue().splitlines()
    assert lines[2].endswith("block 1/1  a, again, as it was disturbed")
    assert lines[2].startswith("[3/3]")
    assert lines[3].endswith("block 2  b")


def test_a_failed_run_is_not_awaited_again() -> None:
    """Its other trials are left out, and its time comes back to the budget."""
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress(console, ["a", "b"], {0: 20.0, 1: 30.0}, blocks=3, budget_s=25) as progress:
        assert not progress.fits(1)
        progress.skip_rest(0, block=0)
        progress.give_back(10)
        assert progress.fits(1)
        with progress.trial(1, 0):
            pass
    assert console.file.getvalue().startswith("[1/4]")


@pytest.mark.parametrize(
    ("arguments", "prepared_s", "left_s"),
    [
        ((), 3.0, 95.0),
        # Looking at a GPU and reading the data took long.
        ((), 40.0, 65.0),
        # A download may take any time.
        ((), 300.0, 30.0),
        (("--budget", "60s"), 20.0, 50.0),
        (("--budget", "20s"), 300.0, 20.0),
        # Every configuration that was asked for is measured.
        (("--num-workers", "0", "--budget", "60s"), 300.0, 60.0),
    ],
)
def test_a_quick_sweep_ends_within_two_minutes(now, arguments, prepared_s, left_s) -> None:
    """The work before the trials counts too."""
    prepared = replace(plan_sweep(*arguments, machine=GPU_BOX), began_s=0.0)
    now[0] = prepared_s
    progress = SweepProgress.for_sweep(Console(file=io.StringIO()), prepared, 60_000)
    assert progress.budget_left_s == pytest.approx(left_s)


def test_the_time_left_of_a_quick_sweep_is_bounded() -> None:
    """Not even its first block takes longer than the budget."""
    prepared = plan_sweep(machine=GPU_BOX)
    prepared = replace(prepared, began_s=0.0)
    console = Console(file=io.StringIO(), width=120)
    with SweepProgress.for_sweep(console, prepared, 10_000_000) as progress, progress.trial(0, 0):
        pass
    assert " about 1 min 35 s left " in console.file.getvalue()
