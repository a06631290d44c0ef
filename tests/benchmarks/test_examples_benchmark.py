"""The ranking of num_workers for the examples: by a sweep, and by their bare loops timed by hand in turn.

A bare loop runs in a fresh interpreter without this toolkit. In each turn every number of workers has one.
The first epoch of a process is cold, and counts on neither side.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

import pytest

from bench import Sweep
from tests.benchmarks import bare_example
from tests.benchmarks.turn_order import order_turn
from tests.examples.example import LOADERS, SCRIPT

TURNS = 5
EPOCHS = 3
WORKERS = {
    "image_folder": (0, 1, 2, 4),
    "text": (0, 1, 2),
    "slow_service": (0, 2, 4, 8, 16),
    "tar_shards": (0, 1, 2, 4),
    "script": (0, 1, 2, 4),
}
SECONDS = re.compile(r"^epoch \d+: .* ([\d.]+) s$", re.MULTILINE)
# Seconds of an epoch for each number of workers.
Times = Mapping[int, float]


@pytest.fixture
def turns(request: pytest.FixtureRequest) -> int:
    """Return the number of turns and blocks: one with `--benchmark-disable`, which only tries the code."""
    return 1 if request.config.getoption("benchmark_disable") else TURNS


def run_bare(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "ignore", *command], check=True, capture_output=True, text=True
    ).stdout


def time_loop(folder: Path, workers: int) -> float:
    """Return the seconds of a steady epoch of an example's own loop."""
    times = json.loads(run_bare(bare_example.__file__, str(folder), str(workers), str(EPOCHS)))
    return statistics.median(times[1:])


def time_script(checkpoints: Path, workers: int) -> float:
    """Return the seconds of a steady epoch of the script, as it prints them itself."""
    printed = run_bare(
        str(SCRIPT), "--epochs", str(EPOCHS), "--workers", str(workers), "--checkpoints", str(checkpoints)
    )
    times = [float(seconds) for seconds in SECONDS.findall(printed)]
    assert len(times) == EPOCHS
    return statistics.median(times[1:])


def time_by_hand(time_one: Callable[[int], float], workers: tuple[int, ...], turns: int) -> list[Times]:
    """Return the seconds of an epoch for each number of workers, turn by turn, each in another order."""
    return [{count: time_one(count) for count in order_turn(workers, turn)} for turn in range(turns)]


def time_in_sweep(sweep: Sweep) -> list[Times]:
    """Return the seconds of an epoch for each number of workers, block by block."""
    runs = sweep.run().runs
    assert set(runs["status"]) == {"ok"}, runs["error"].dropna().unique()
    steady = runs[runs["epoch"] > 0]
    # A disturbed trial was repeated; its last attempt counts.
    last = steady[steady["attempt"] == steady.groupby(["block", "num_workers"])["attempt"].transform("max")]
    medians = last.groupby(["block", "num_workers"])["wall_s"].median().unstack()
    return [{int(count): float(wall_s) for count, wall_s in row.items()} for _, row in medians.iterrows()]


def find_speeds(times: list[Times]) -> dict[int, float]:
    """Return the speed of each number of workers over that of the first: the median over turns or blocks."""
    first = next(iter(times[0]))
    return {count: statistics.median(turn[first] / turn[count] for turn in times) for count in times[0]}


def is_told_apart(times: list[Times], one: int, other: int) -> bool:
    """Return whether one was the faster of two in every turn; fewer turns than three tell nothing apart."""
    return len(times) >= 3 and len({turn[one] < turn[other] for turn in times}) == 1


def show(name: str, by_hand: list[Times], swept: list[Times]) -> list[str]:
    """Return lines with both orders and ratios, and where they disagree."""
    speeds = [find_speeds(sorted_times(times)) for times in (by_hand, swept)]
    lines = []
    for side, speed in zip(("by hand", "sweep"), speeds, strict=True):
        order = sorted(speed, key=speed.__getitem__, reverse=True)
        ratios = ", ".join(f"{count} workers {speed[count]:.2f}" for count in order)
        lines.append(f"{name:<13} {side:<8} {ratios}")
    swapped = [
        (one, other)
        for one, other in combinations(speeds[0], 2)
        if (speeds[0][one] < speeds[0][other]) != (speeds[1][one] < speeds[1][other])
    ]
    told = [pair for pair in swapped if is_told_apart(by_hand, *pair) and is_told_apart(swept, *pair)]
    words = f"other order of {swapped}, of which told apart on both sides {told}" if swapped else "same order"
    return [*lines, f"{name:<13} {words}"]


def sorted_times(times: list[Times]) -> list[Times]:
    """Return the times by rising number of workers, so that the first is the same on both sides."""
    return [dict(sorted(turn.items())) for turn in times]


def report(name: str, by_hand: list[Times], swept: list[Times], benchmark, capsys) -> None:
    assert {*by_hand[0]} == {*swept[0]} == {*WORKERS[name]}
    with capsys.disabled():
        print("", *show(name, by_hand, swept), sep="\n")
    benchmark.extra_info.update(by_hand=by_hand, swept=swept)
    benchmark.pedantic(lambda: None, rounds=1)


@pytest.mark.parametrize("example", LOADERS, ids=lambda example: example.name)
def test_a_loader(benchmark, capsys, tmp_path, example, turns) -> None:
    """Print both rankings of num_workers, as speeds over that without workers."""
    workers = WORKERS[example.name]
    by_hand = time_by_hand(lambda count: time_loop(example.folder, count), workers, turns)
    sweep = Sweep(
        example.target, step=example.step, family="dataloader", num_workers=list(workers), blocks=turns,
        epochs=EPOCHS, out=tmp_path / "out",
    )  # fmt: skip
    report(example.name, by_hand, time_in_sweep(sweep), benchmark, capsys)


def test_the_script(benchmark, capsys, tmp_path, turns) -> None:
    """Print both rankings of num_workers of the script, as speeds over that without workers."""
    workers = WORKERS["script"]
    by_hand = time_by_hand(lambda count: time_script(tmp_path, count), workers, turns)
    arguments = ["--epochs", str(EPOCHS), "--checkpoints", str(tmp_path)]
    sweep = Sweep(
        str(SCRIPT), script_args=arguments, num_workers=list(workers), blocks=turns, epochs=EPOCHS,
        out=tmp_path / "out",
    )  # fmt: skip
    report("script", by_hand, time_in_sweep(sweep), benchmark, capsys)
