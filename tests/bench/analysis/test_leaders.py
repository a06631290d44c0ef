"""The leaders of a sweep while it runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.leaders import LeaderBoard, Leaders
from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed, timed

NAMES = [f"num_workers={number}" for number in range(6)]


def find(rows, names=NAMES) -> Leaders:
    board = LeaderBoard(names)
    for row in rows:
        board.add(row)
    return board.find_leaders()


def name(leaders: Leaders) -> list[str]:
    return [leader.name for leader in leaders.places]


def test_nothing_measured_leads_nothing() -> None:
    """Neither before the first row nor after a failure alone."""
    assert find([]) == find([failed(0, 0)]) == Leaders()


def test_the_best_come_first_and_the_baseline_is_among_them() -> None:
    """Four configurations, however many there are."""
    rows = [
        line for number, wall_s in enumerate((6.0, 5, 4, 3, 2, 1)) for line in blocks(number, [wall_s] * 3)
    ]
    leaders = find(rows)
    assert name(leaders) == ["num_workers=5", "num_workers=4", "num_workers=3", "num_workers=0"]
    assert [leader.is_baseline for leader in leaders.places] == [False, False, False, True]
    assert (leaders.kinds, leaders.configurations) == (1, 6)


@pytest.mark.parametrize(("count", "has_interval"), [(2, False), (3, True)])
def test_three_blocks_give_an_interval(count, has_interval) -> None:
    """Fewer give the ratio alone."""
    best, _ = find([*blocks(0, [2.0] * count), *blocks(1, [1.0] * count)]).places
    assert best.ratio.median == 2
    assert (best.ratio.low is not None) == has_interval


def test_the_figures_are_those_of_the_summary(tmp_path) -> None:
    """Also where a disturbed trial was repeated, a cold epoch differs and a sweep was resumed."""
    rows = [
        *blocks(0, [3.0, 3.1, 2.9]), *blocks(1, [1.0, 1.1, 1.2]),
        *(replace(line, epoch=0, wall_s=9.0) for line in blocks(1, [1.0, 1.1, 1.2])),
        timed(2, 0, 5.0, disturbed="noise"), timed(2, 0, 2.0, attempt=1), timed(2, 1, 2.0), timed(2, 2, 2.2),
    ]  # fmt: skip
    table = runs.table(tmp_path, rows)
    summary = summarise(table).set_index("configuration")
    half = LeaderBoard(NAMES, table[table["block"] == 0])
    for row in rows:
        if row.block > 0:
            half.add(row)
    for leaders in (find(rows), half.find_leaders()):
        assert name(leaders) == ["num_workers=1", "num_workers=2", "num_workers=0"]
        for leader, number in zip(leaders.places, (1, 2, 0), strict=True):
            line = summary.loc[number]
            assert leader.samples_per_s.median == pytest.approx(line["samples_per_s"])
            assert leader.ratio.high == pytest.approx(line["ratio_high"])


def test_a_failed_configuration_leads_nothing() -> None:
    """Nor is anything compared with it."""
    (best,) = find([*blocks(0, [1.0] * 2), failed(0, 2), *blocks(1, [2.0] * 3)]).places
    assert best.name == "num_workers=1"
    assert best.ratio is None


def test_the_step_alone_comes_last() -> None:
    """It says what an infinitely fast loader would gain. Reading the data is no ceiling of the training."""
    rows = [*blocks(0, [2.0] * 3), *ceiling("step", [0.5] * 3), *ceiling("read", [0.1] * 3)]
    *_, last = find(rows).places
    assert (last.name, last.ratio.median, last.is_ceiling) == ("the step alone", 4, True)


def test_the_best_of_each_kind_of_work() -> None:
    """They can't be ranked against each other, and several ceilings say too much."""
    small = {"knobs": {"batch_size": "64", "resize": "none", "num_workers": "0"}}
    rows = [
        *blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3),
        *blocks(2, [4.0] * 3, **small), *blocks(3, [5.0] * 3, **small), *ceiling("step", [0.5] * 3),
    ]  # fmt: skip
    leaders = find(rows)
    assert name(leaders) == ["num_workers=1", "num_workers=2"]
    assert leaders.kinds == 2


def test_the_kind_of_the_baseline_comes_first() -> None:
    """Also where its best configuration lies behind another kind in the grid: a line names two kinds only."""
    small = {"knobs": {"batch_size": "64", "resize": "none", "num_workers": "0"}}
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [4.0] * 3, **small), *blocks(2, [1.0] * 3)]
    assert name(find(rows)) == ["num_workers=2", "num_workers=1"]


def test_epochs_on_the_gpu_beside_another_load_count_for_nothing() -> None:
    """They are rows of another file."""
    (only,) = find([timed(0, 0, 1.0), timed(0, 0, 9.0, epoch=2, timed_by="events")]).places
    assert only.samples_per_s.median == 1000
