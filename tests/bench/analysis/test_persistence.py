"""What workers that stay between epochs bring."""

from __future__ import annotations

import pytest

from bench.analysis.persistence import find_persistence
from bench.analysis.summary import summarise
from bench.analysis.throughputs import compute_throughputs
from tests.bench import runs


def make_rows(kept: tuple[float, float], restarted: tuple[float, float], blocks: int = 3) -> list:
    """Return rows of two configurations, from the seconds of a first and of a later epoch of each."""
    found = []
    for number, (value, walls) in enumerate((("off", restarted), ("on", kept))):
        knobs = {"batch_size": "64", "resize": "none", "num_workers": "2", "persistent_workers": value}
        for block in range(blocks):
            found += [
                runs.row(number, block, epoch, knobs=knobs, wall_s=wall * (1 + block / 1000))
                for epoch, wall in enumerate((walls[0], walls[1], walls[1]))
            ]
    return found


def compare(folder, *walls, blocks: int = 3):
    """Return the comparisons of such rows."""
    table = runs.table(folder, make_rows(*walls, blocks=blocks))
    return find_persistence(summarise(table), compute_throughputs(table))


@pytest.mark.parametrize(
    ("kept", "restarted", "epoch"),
    [
        ((2.0, 1.0), (2.0, 2.0), 2),
        # The first epoch isn't shorter because of what happens after it.
        ((1.9, 1.0), (2.0, 2.0), 2),
        # It takes 2.5 s longer at first and 1 s less each time: three epochs don't make up for it.
        ((4.5, 1.0), (2.0, 2.0), 4),
        ((2.0, 2.0), (2.0, 1.0), None),
    ],
)
def test_the_epoch_from_which_they_pay(tmp_path, kept, restarted, epoch) -> None:
    """The first at whose end less time has passed in all."""
    (found,) = compare(tmp_path, kept, restarted)
    assert (found.configuration, found.without, found.pays_from) == (1, 0, epoch)
    assert found.is_sure


def test_a_difference_within_noise_is_not_sure(tmp_path) -> None:
    """Nor is one of two blocks."""
    (equal,) = compare(tmp_path / "a", (2.0, 1.0), (2.0, 1.0))
    (few,) = compare(tmp_path / "b", (2.0, 1.0), (2.0, 2.0), blocks=2)
    assert not equal.is_sure
    assert not few.is_sure


def test_a_sweep_without_the_knob_has_none(tmp_path) -> None:
    """Nor has one that didn't vary it."""
    table = runs.table(tmp_path, runs.blocks(0, [1.0, 1.1, 1.2]))
    assert find_persistence(summarise(table), compute_throughputs(table)) == []
