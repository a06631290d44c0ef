"""Tests of simulated tunings: true regrets, trials with planned times, and runs that repeat."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.validation.tuning.grids import SIZES, make_grid
from bench.validation.tuning.landscape import Landscape, TrueTimes, put_first
from bench.validation.tuning.landscapes import MAKERS, make_landscape
from bench.validation.tuning.noise import Drift, Noise
from bench.validation.tuning.simulate import Setting, simulate
from bench.validation.tuning.simulated_lab import SimulatedLab

WITHOUT_GAIN = ("equal", "present-best")
QUIET = Noise(1e-6)


def make_lab(*times: TrueTimes, budget_s: float = math.inf, batches: int = 600) -> SimulatedLab:
    landscape = Landscape("planned", times, batches=batches, batch_size=10)
    return SimulatedLab(landscape, QUIET, np.random.default_rng(0), budget_s)


@pytest.mark.parametrize("size", SIZES)
def test_a_grid_has_as_many_settings_as_it_says(size) -> None:
    points = make_grid(size)
    assert len(set(points)) == len(points) == size
    assert all(point.cost[0] == 1 + point.workers for point in points)


@pytest.mark.parametrize("name", MAKERS)
def test_a_landscape_has_a_best_that_is_faster_where_there_is_a_gain(name) -> None:
    """The present one is drawn by chance, and may be the best."""
    best_gains = []
    for seed in range(5):
        landscape = make_landscape(name, 24, np.random.default_rng(seed))
        assert len(landscape.times) == len(landscape.costs) == len(landscape.settings) == 24
        assert min(map(landscape.find_regret, range(24))) == 0
        best_gains.append(max(map(landscape.find_gain, range(24))))
    assert (max(best_gains) == 1) is (name in WITHOUT_GAIN)


def test_regrets_and_gains_are_those_of_whole_warm_epochs() -> None:
    """The start of an epoch counts; the first batches of a process don't."""
    slow = TrueTimes(batch_s=0.02)
    fast = TrueTimes(batch_s=0.01, start_s=1.0, cold_batches=50, cold_factor=9.0)
    landscape = Landscape("planned", (slow, fast), batches=100)
    assert landscape.find_gain(1) == pytest.approx(1.0)
    assert landscape.find_regret(0) == 0
    landscape = Landscape("planned", (slow, fast), batches=1000)
    assert landscape.find_gain(1) == pytest.approx(20 / 11)
    assert landscape.find_regret(0) == pytest.approx(9 / 11)
    assert landscape.find_regret(0, among=[0]) == 0
    # 2 epochs of 20 s and of 11 s, 50 batches that take 80 ms more, and a second of the process each.
    assert landscape.find_grid_s(blocks=5, epochs=2) == pytest.approx(5 * (41 + 23 + 4))


def test_the_present_configuration_comes_first() -> None:
    one, two, three = (TrueTimes(batch_s=number * 0.01) for number in (1, 2, 3))
    assert put_first([one, two, three], 1) == (two, one, three)


def test_cold_batches_are_summed() -> None:
    times = TrueTimes(batch_s=1.0, cold_batches=10, cold_factor=3.0)
    assert times.sum_batches_s(0, 20) == 20 + 20
    assert times.sum_batches_s(8, 12) == 4 + 4
    assert times.sum_batches_s(10, 20) == 10


def test_a_trial_measures_the_training_and_takes_its_time(monkeypatch) -> None:
    """Cut epochs are lengthened by their second halves."""
    monkeypatch.setattr(Drift, "find_speed", lambda self, now_s: 1.0)
    monkeypatch.setattr("bench.validation.tuning.simulated_lab.BLOCK_SPREAD", 0.0)
    lab = make_lab(TrueTimes(batch_s=0.01, start_s=0.5, process_s=2.0, cold_batches=3, cold_factor=2.0))
    lab.prepare("race", [0])
    measured = lab.measure("race", 0, 0)
    batches = lab.lengths.stages["race"].batches
    assert batches < 600
    assert measured.samples_per_s == pytest.approx(600 * 10 / (0.5 + 600 * 0.01), rel=1e-3)
    assert measured.seconds == pytest.approx(2.0 + 2 * (0.5 + batches * 0.01) + 0.03, rel=1e-3)
    assert (lab.trials, lab.seconds) == (1, measured.seconds)
    assert lab.estimate_s("race", 0) == measured.seconds


def test_a_trial_ends_at_its_cap_and_the_clock_goes_on() -> None:
    lab = make_lab(TrueTimes(batch_s=0.01), TrueTimes(batch_s=1.0), budget_s=10.0)
    lab.prepare("race", [0, 1])
    measured = lab.measure("race", 1, 0, cap_s=3.0)
    assert measured.samples_per_s is None
    assert measured.is_slow
    assert lab.find_left_s() == 7.0


def test_the_machine_wanders_slowly() -> None:
    """Trials of one moment share its speed; those of other hours have another."""
    drift = Drift(np.random.default_rng(3))
    now = drift.find_speed(0.0)
    assert drift.find_speed(0.0) == pytest.approx(now)
    later = [drift.find_speed(3600.0 * hour) for hour in range(1, 400)]
    assert float(np.std(np.log(later))) == pytest.approx(0.04, rel=0.15)


def test_noise_is_as_planned() -> None:
    random = np.random.default_rng(4)
    factors = np.log([Noise(0.1).draw(100, random) for _ in range(2000)])
    assert float(factors.std()) == pytest.approx(0.1, rel=0.1)
    halves = [Noise(1e-6, 0.05).draw(100, random) < 0.6 for _ in range(2000)]
    assert 0.03 < np.mean(halves) < 0.07


def test_equal_runs_have_equal_ends() -> None:
    setting = Setting("peak", 12, Noise(0.02))
    first, again, other = simulate(setting, 0), simulate(setting, 0), simulate(setting, 1)
    assert first == again
    assert first != other


def test_a_clear_peak_is_found_and_a_flat_landscape_claims_nothing() -> None:
    peak = simulate(Setting("peak", 12, QUIET), 0)
    assert peak.is_found
    assert peak.verdict == "gain"
    assert peak.holds_gain is not None
    assert not any((peak.is_false, peak.is_bound_broken, peak.is_best_lost))
    flat = simulate(Setting("equal", 12, Noise(0.02)), 0)
    assert flat.is_found
    assert flat.verdict != "gain"
    assert flat.best_gain == flat.true_gain == 1


def test_a_budget_ends_a_tuning() -> None:
    setting = Setting("computing", 12, Noise(0.1), budget=0.2)
    short = simulate(setting, 0)
    assert short.time_share < 0.3
