"""Verdicts on configurations that do the same work, and blocks that disagree."""

from __future__ import annotations

import math

import pytest

from bench.analysis.ranking import group_by_work
from bench.analysis.stability import find_unstable
from bench.analysis.summary import summarise
from bench.analysis.verdict import reach_verdict
from tests.bench import runs
from tests.bench.runs import blocks

NOISY, NOISY_TOO = [1.0, 1.2, 1.1], [1.1, 1.0, 1.2]


def judged(folder, rows):
    (group,) = group_by_work(summarise(runs.table(folder, rows)))
    return reach_verdict(group)


def test_one_is_fastest(tmp_path) -> None:
    """Nothing ties with it, so it is the cheapest of its kind too."""
    found = judged(tmp_path, [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3)])
    assert (found.kind, found.best, found.tied, found.cheapest) == ("fastest", 1, (), 1)


def test_two_are_tied(tmp_path) -> None:
    """The best comes first in the tie set, whatever its number. The slow third is not in it."""
    found = judged(tmp_path, [*blocks(0, NOISY), *blocks(1, [1.09, 0.99, 1.19]), *blocks(2, [3.0] * 3)])
    assert (found.kind, found.best, found.tied, found.blocks) == ("tied", 1, (1, 0), 3)


def test_two_percent_is_equal(tmp_path) -> None:
    """Their interval has no width, and excludes 1."""
    found = judged(tmp_path, [*blocks(0, [1.0] * 3), *blocks(1, [1.015] * 3)])
    assert (found.kind, found.tied) == ("equal", (0, 1))


def test_without_an_interval_nobody_knows(tmp_path) -> None:
    """The third, of two blocks, is unknown. The tie of the others stands."""
    rows = [*blocks(0, NOISY), *blocks(1, NOISY_TOO), *blocks(2, [1.3, 1.3]), *blocks(3, [9.0, 9.0])]
    found = judged(tmp_path, rows)
    assert (found.kind, found.tied, found.unknown) == ("unknown", (0, 1), (2,))


def test_alone_is_no_verdict(tmp_path) -> None:
    """A single configuration is not the fastest of anything."""
    found = judged(tmp_path, blocks(0, [1.0] * 3))
    assert (found.kind, found.best, found.cheapest) == ("alone", 0, 0)


@pytest.mark.parametrize(
    ("first", "second", "cheapest"),
    [
        pytest.param({"processes": 4}, {"processes": 3}, 2, id="processes"),
        pytest.param(
            {"processes": 2, "peak_memory_bytes": 9},
            {"processes": 1, "peak_memory_bytes": 8},
            1,
            id="workers that were not seen",
        ),
        pytest.param({"peak_memory_bytes": 9}, {"peak_memory_bytes": 8}, 1, id="memory comes after"),
        pytest.param(
            {"processes": 3, "peak_memory_bytes": 9}, {"processes": 3, "peak_memory_bytes": 8}, 2, id="memory"
        ),
        pytest.param({"peak_memory_bytes": None}, {"processes": 2, "peak_memory_bytes": 8}, 1, id="unknown"),
    ],
)
def test_the_cheapest_has_fewest_processes(tmp_path, first, second, cheapest) -> None:
    """Of equally many, the least memory decides. Configuration 1 has one worker, and 2 has two."""
    rows = [*blocks(1, NOISY, **first), *blocks(2, NOISY_TOO, **second)]
    assert judged(tmp_path, rows).cheapest == cheapest


def test_families_without_workers_cost_one_process(tmp_path) -> None:
    """An empty knob is no worker."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": ""}
    assert judged(tmp_path, [*blocks(1, NOISY), *blocks(2, NOISY_TOO, knobs=knobs)]).cheapest == 2


@pytest.mark.parametrize(
    ("walls", "warned"),
    [
        pytest.param([1.0, 1.09, 1.18], False, id="8% deviation"),
        pytest.param([1.0, 1.13, 1.26], True, id="11% deviation"),
        pytest.param([1.0] * 30 + [0.66], True, id="one 51% faster"),
        pytest.param([1.0] * 60 + [2.01], True, id="one 50% slower"),
        pytest.param([1.0] * 30 + [0.68], False, id="one 47% faster"),
        pytest.param([1.0], False, id="one block"),
    ],
)
def test_blocks_that_disagree_are_found(tmp_path, walls, warned) -> None:
    """The rule is pyperf's: a deviation of a tenth, or one value half off the middle."""
    assert bool(find_unstable(summarise(runs.table(tmp_path, blocks(0, walls))))) is warned


def test_the_worst_comes_first(tmp_path) -> None:
    """It is told with its slowest and its fastest block."""
    rows = [*blocks(0, [1.0, 1.5, 1.0]), *blocks(1, [1.0, 1.0, 2.0]), *blocks(2, [1.0, 1.0, 1.0])]
    found = find_unstable(summarise(runs.table(tmp_path, rows)))
    assert [one.configuration for one in found] == [1, 0]
    assert (found[0].slowest, found[0].fastest) == (500, 1000)


def test_how_many_blocks_it_would_take(tmp_path) -> None:
    """It is (1.96 √(π/2) s / 5%)² for a deviation s. A narrow interval needs no more."""
    noisy, narrow = find_unstable(
        summarise(runs.table(tmp_path, [*blocks(0, [1.0, 1.5, 1.0]), *blocks(1, [1.0] * 30 + [0.6])]))
    )
    speeds_deviation = (1 / 3) / math.sqrt(3) / (8 / 9)
    assert noisy.blocks_needed == math.ceil(
        (1.959964 * math.sqrt(math.pi / 2) * speeds_deviation / 0.05) ** 2
    )
    assert narrow.blocks_needed is None


def test_it_takes_more_blocks_than_there_were(tmp_path) -> None:
    """The formula for normal noise gives 30 blocks, although 40 were not enough."""
    (found,) = find_unstable(summarise(runs.table(tmp_path, blocks(0, [1.0, 1.25] * 20))))
    assert found.blocks_needed == 41
