"""Tests of the rates of tunings: what counts, what is right often enough, and the files."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
import pandas as pd
import pytest
from rich.console import Console

from bench import validate
from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Outcome
from bench.analysis.tuning.tuning import Candidate, StageFacts, Tuning
from bench.records.errors import ResultsError
from bench.records.results_folder import read_environment
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.settings_grid import list_settings
from bench.validation.targets import tuned
from bench.validation.tuning import in_process_tuning
from bench.validation.tuning import measure_tunings as module
from bench.validation.tuning.in_process_tuning import InProcessTuning
from bench.validation.tuning.loader_plants import LOADER_PLANTS
from bench.validation.tuning.measure_tunings import TuningsOptions, measure_tunings
from bench.validation.tuning.plants import PLANTS, VARIANT
from bench.validation.tuning.rates import Rate, bound_share
from bench.validation.tuning.real_tuning import NotTunedError, RealTuning, compare_with_plan
from bench.validation.tuning.simulate import Setting, simulate
from loaders.spec.turn_knobs import read_settings

BY_NAME = {plant.name: plant for plant in PLANTS}


@dataclass(frozen=True)
class Told:
    """A tuning of which all is told."""

    verdict: str = "gain"
    regret: float = 0.0
    is_found: bool = True
    is_leader_best: bool = True
    is_false: bool = False
    is_bound_broken: bool = False
    is_best_lost: bool = False
    holds_gain: bool | None = True
    time_share: float | None = None


RIGHT = Told()


@pytest.mark.parametrize(
    ("wrong", "count", "must_find", "passes"),
    [
        (replace(RIGHT, is_found=False), 2, True, True),
        (replace(RIGHT, is_found=False), 3, True, False),
        (replace(RIGHT, is_found=False), 40, False, True),
        (replace(RIGHT, is_false=True), 2, True, True),
        (replace(RIGHT, is_false=True), 3, False, False),
        (replace(RIGHT, is_bound_broken=True), 3, True, False),
        (replace(RIGHT, is_best_lost=True), 3, True, False),
        (replace(RIGHT, holds_gain=False), 40, True, True),
        (replace(RIGHT, is_leader_best=False), 40, True, True),
    ],
)
def test_what_is_right_often_enough(wrong, count, must_find, passes) -> None:
    rate = Rate("peak", "2%", [wrong] * count + [RIGHT] * (40 - count), must_find)
    assert rate.passes is passes
    assert rate.total == 40


@pytest.mark.parametrize(("total", "most"), [(1, 1), (10, 1), (40, 2), (44, 2), (140, 7)])
def test_at_most_one_in_twenty_may_be_wrong(total, most) -> None:
    """Of few tunings one may."""
    wrong = [replace(RIGHT, is_false=True)] * (most + 1)
    assert Rate("peak", "2%", [*wrong[:most], *[RIGHT] * (total - most)]).passes
    assert not Rate("peak", "2%", [*wrong, *[RIGHT] * (total - most - 1)]).passes


def test_counts_are_those_of_the_tunings() -> None:
    nothing = replace(RIGHT, verdict="nothing", holds_gain=None, regret=0.5, is_found=False, time_share=0.3)
    rate = Rate("peak", "2%", [RIGHT, RIGHT, replace(RIGHT, holds_gain=False), nothing])
    assert (rate.found, rate.leading, rate.held, rate.with_interval) == (3, 4, 2, 3)
    assert (rate.count_verdict("gain"), rate.count_verdict("nothing")) == (3, 1)
    median, high, worst = rate.find_regrets()
    assert (median, worst) == (0.0, 0.5)
    assert high == pytest.approx(0.425)
    assert rate.time_share == 0.3


def test_a_share_has_an_exact_interval() -> None:
    """The values are those of Clopper and Pearson's tables."""
    assert bound_share(0, 40) == pytest.approx((0.0, 0.0881), abs=1e-4)
    assert bound_share(2, 40) == pytest.approx((0.0061, 0.1692), abs=1e-4)
    assert bound_share(40, 40) == pytest.approx((0.9119, 1.0), abs=1e-4)


def test_planned_epochs_are_those_of_the_queue() -> None:
    """40 batches; one of 40 ms with a step of 10 ms, and a worker that takes 5 ms to start and end."""
    waiting = BY_NAME["real-waiting"].plan_epoch
    assert waiting({"num_workers": "0"}, 5.0) == pytest.approx(40 * 0.05)
    assert waiting({"num_workers": "1"}, 5.0) == pytest.approx(0.005 + 40 * 0.04 + 0.01)
    assert waiting({"num_workers": "4"}, 5.0) == pytest.approx(0.02 + 0.04 + 39 * 0.01 + 0.01)
    computing = BY_NAME["real-computing"].plan_epoch
    # More than two can't compute at once.
    assert computing({"num_workers": "4"}, 0.0) == computing({"num_workers": "2"}, 0.0)
    keeping = BY_NAME["real-warm-up"].plan_epoch
    assert keeping({VARIANT: "plain"}, 5.0) / keeping({VARIANT: "kept"}, 5.0) == pytest.approx(1.5)
    equal = BY_NAME["real-equal"].plan_epoch
    assert len({equal({VARIANT: str(variant)}, 5.0) for variant in range(4)}) == 1


def make_tuning(plant: str, cells: list[dict[str, str]], chosen: int, gain: float) -> Tuning:
    """Return a tuning that chose a configuration, with a gain that is known to 1%."""
    candidates = tuple(Candidate(str(one), one, {}, 1) for one in cells)
    found = Confirmation(Estimate(1, 1, 1, 8), Estimate(gain, gain / 1.01, gain * 1.01, 8))
    outcome = Outcome(
        leader=chosen,
        cheapest=chosen,
        chosen=chosen,
        tied=(chosen,),
        fates={},
        verdict="gain" if chosen else "undecided",
        stop="regret",
        regret_bound=0.02,
        race_blocks=5,
        confirm_blocks=8,
        confirmed={chosen: found} if chosen else {},
    )
    stages = (StageFacts("race", 20, 10.0), StageFacts("confirm", 16, 5.0))
    return Tuning(plant, "cpu", "none", 2, candidates, (), outcome, 0.03, 0.95, stages)


WORKERS = [{"num_workers": str(number)} for number in (0, 1, 2, 4)]


def test_a_choice_is_compared_with_the_plan() -> None:
    plant = BY_NAME["real-waiting"]
    best = compare_with_plan(plant, 0, make_tuning("waiting", WORKERS, 3, 4.3), 5.0)
    assert (best.regret, best.trials, best.seconds) == (0, 36, 15.0)
    assert best.true_gain == pytest.approx(2.0 / 0.46)
    assert best.holds_gain
    assert not any((best.is_false, best.is_bound_broken, best.is_best_lost))
    middle = compare_with_plan(plant, 0, make_tuning("waiting", WORKERS, 2, 3.0), 5.0)
    assert middle.regret == pytest.approx((0.01 + 0.04 + 39 * 0.02 + 0.01) / 0.46 - 1)
    assert not any((middle.is_found, middle.holds_gain))
    assert middle.is_bound_broken
    assert middle.is_best_lost
    kept = compare_with_plan(plant, 0, make_tuning("waiting", WORKERS, 0, 1.0), 5.0)
    assert (kept.gain, kept.true_gain, kept.holds_gain) == (None, 1, None)


def test_a_gain_among_equals_is_false() -> None:
    plant = BY_NAME["real-equal"]
    cells = [{VARIANT: str(variant)} for variant in range(4)]
    assert compare_with_plan(plant, 0, make_tuning("equal", cells, 2, 1.1), 5.0).is_false
    assert not compare_with_plan(plant, 0, make_tuning("equal", cells, 0, 1.0), 5.0).is_false


LOADERS = {plant.name: plant for plant in LOADER_PLANTS}


def compare_loader(name: str, result: Remembered) -> InProcessTuning:
    plant = LOADERS[name]
    return in_process_tuning.compare_with_plan(plant, 0, getattr(tuned, plant.function)(), result)


def make_result(settings: dict[str, object], gain: float = 4.5) -> Remembered:
    interval = (gain, gain / 1.01, gain * 1.01) if settings else None
    return Remembered("gain" if settings else "undecided", settings, interval, 4, 4.9, 5.0, "2026-11-27")


def test_a_loader_of_tune_loader_is_compared_with_its_plan() -> None:
    best = compare_loader("loader-waiting", make_result({"num_workers": 4, "prefetch_factor": 2}))
    assert (best.regret, best.is_found, best.is_false, best.holds_gain) == (0, True, False, True)
    assert best.chosen == "num_workers=4 prefetch_factor=2"
    kept = compare_loader("loader-waiting", make_result({}))
    assert (kept.chosen, kept.gain, kept.holds_gain, kept.is_found) == ("", None, None, False)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("loader-equal", {"in_order": False}), ("loader-ahead", {"prefetch_factor": 4})],
)
def test_a_gain_of_tune_loader_among_equals_is_false(name, settings) -> None:
    found = compare_loader(name, make_result(settings, 1.1))
    assert (found.is_false, found.holds_gain, found.regret) == (True, False, 0)
    assert not compare_loader(name, make_result({})).is_false


def test_a_planted_loader_is_tuned_as_in_a_script(monkeypatch) -> None:
    """Its settings are the plan's, and its step waits."""
    asked = []

    def tune(loader, order) -> Remembered:
        began_s = time.perf_counter()
        order.step(None)
        asked.append((loader.num_workers, order.knobs, order.budget.seconds))
        assert time.perf_counter() - began_s >= 0.01
        return make_result({})

    monkeypatch.setattr(in_process_tuning, "tune_in_process", tune)
    plant = LOADERS["loader-ahead"]
    assert in_process_tuning.tune_planted_loader(plant, 3).run == 3
    assert asked == [(1, plant.knobs, 5.0)]


@pytest.mark.parametrize("plant", LOADER_PLANTS)
def test_the_knobs_of_a_planted_loader_can_be_turned(plant) -> None:
    loader = getattr(tuned, plant.function)()
    settings = list_settings(loader, 1, plant.knobs, has_step=True)
    assert settings[0] == read_settings(loader)
    assert len(settings) == 4


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Return a function that measures without processes: each plant chooses what a function says."""

    def run(choose=lambda plant: {"real-equal": 0}.get(plant.name, 3)) -> tuple[int, str, Path]:
        def tune(plant, number, folder, worker_ms) -> RealTuning:
            cells = WORKERS if plant.name != "real-equal" else [{VARIANT: str(one)} for one in range(4)]
            return compare_with_plan(plant, number, make_tuning(plant.name, cells, choose(plant), 4.3), 5.0)

        monkeypatch.setattr(module, "prepare_context", lambda modules: None)
        monkeypatch.setattr(module, "measure_costs", lambda context: type("Costs", (), {"worker_ms": 5.0}))
        monkeypatch.setattr(module, "tune_plant", tune)
        monkeypatch.setattr(
            module,
            "simulate_all",
            lambda settings, runs, context: (
                simulate(Setting(one.landscape, 12, one.noise, one.budget), run)
                for one in settings
                if one.size == 12 and one.noise.spread < 0.1
                for run in range(runs)
            ),
        )
        out, folder = io.StringIO(), tmp_path / "rates"
        monkeypatch.setattr(
            module,
            "tune_planted_loader",
            lambda plant, run: compare_loader(plant.name, make_result({})),
        )
        options = TuningsOptions(4, ("peak", "real-equal", "real-waiting", "loader-equal"), folder)
        try:
            code = measure_tunings(options, Console(file=out, width=100))
        except KeyboardInterrupt:
            code = 130
        return code, out.getvalue(), folder

    return run


def test_the_rates_are_kept_with_all_tunings(measure) -> None:
    code, out, folder = measure()
    assert code == 0, out
    assert sorted(path.name for path in folder.iterdir()) == [
        "environment.json", "table.md", "tuning_loaders.csv", "tuning_real.csv", "tuning_simulated.csv",
    ]  # fmt: skip
    assert pd.read_csv(folder / "tuning_real.csv")["plant"].tolist().count("real-equal") == 4
    assert set(pd.read_csv(folder / "tuning_simulated.csv")["landscape"]) == {"peak"}
    assert pd.read_csv(folder / "tuning_loaders.csv")["plant"].tolist() == ["loader-equal"] * 4
    table = (folder / "table.md").read_text()
    assert "| real-waiting | own | 1 | 100% |" in table
    assert "| loader-equal | own | 4 | 100% |" in table
    assert read_environment(folder)["tuning"]["runs"] == 4
    shown = out.split("\n\n")[1].splitlines()
    assert shown[0].startswith("planted ")
    assert all(len(line) <= 100 and "…" not in line for line in shown)


def test_false_gains_are_exit_code_1(measure) -> None:
    code, out, _ = measure(lambda plant: 2 if plant.name == "real-equal" else 3)
    assert code == 1
    assert "Not right often enough: real-equal" in out


def test_an_interrupt_leaves_what_was_measured(measure) -> None:
    """Each landscape as a whole, and each tuning of a planted loader."""

    def choose(plant) -> int:
        if plant.name == "real-waiting":
            raise KeyboardInterrupt
        return 0

    code, out, folder = measure(choose)
    assert code == 130
    assert "Ended early: 5 of 41 tunings measured" in out
    assert pd.read_csv(folder / "tuning_real.csv")["plant"].tolist() == ["real-equal"]
    assert len(pd.read_csv(folder / "tuning_simulated.csv")) == 4
    assert read_environment(folder)["tuning"]["runs"] == 4


def test_a_tuning_that_fails_costs_no_other(measure) -> None:
    """Though all others are right, the exit code is 1."""

    def choose(plant) -> int:
        if plant.name == "real-waiting":
            raise NotTunedError("real-waiting: nothing was measured")
        return 0

    code, out, folder = measure(choose)
    assert code == 1
    assert "real-waiting: failed: real-waiting: nothing was measured" in out
    assert "tunings failed:\n  real-waiting 0: real-waiting: nothing was measured" in out
    assert pd.read_csv(folder / "tuning_real.csv")["plant"].tolist() == ["real-equal"] * 4
    assert pd.read_csv(folder / "failures.csv")["name"].tolist() == ["real-waiting 0"]


def test_a_folder_that_is_in_use_is_an_error_before_anything_is_measured(measure, tmp_path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "mine").write_text("")
    with pytest.raises(ResultsError, match="not empty"):
        measure()


def test_the_command_line_is_repeated() -> None:
    assert TuningsOptions(8, ("peak",)).command == "python -m bench.validate --tuning --runs 8 --only peak"
    assert TuningsOptions(40).command == "python -m bench.validate --tuning --runs 40"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tuning", "--diagnosis"], "--tuning: --diagnosis validates another thing"),
        (["--comparison", "--tuning"], "--tuning: --comparison validates another thing"),
        (["--tuning", "--only", "peak,step"], "--only: 'step' is not one of plateau, "),
        (["--only", "peak"], "--only: 'peak' is not one of sleep-sample, "),
        (["--tuning", "--blocks", "5"], "--blocks: a tuning chooses how many blocks it has"),
        (["--tuning", "--runs", "6"], "--runs: 6 is not a multiple of 4"),
        (["--runs", "8"], "--runs: it needs --comparison or --tuning"),
    ],
)
def test_options_that_contradict_each_other_are_errors(words, message) -> None:
    with pytest.raises(click.ClickException) as raised:
        validate.command.main(words, standalone_mode=False)
    assert message in raised.value.format_message()


def test_only_what_is_asked_for_is_tuned(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(module, "measure_tunings", lambda options, console: asked.append(options) or 0)
    validate.command.main(["--only", "real-equal,peak", "--tuning", "--runs", "8"], standalone_mode=False)
    assert asked == [TuningsOptions(8, ("real-equal", "peak"))]
    assert asked[0].landscapes == ["peak"]
    assert [asked[0].count_runs(plant) for plant in asked[0].plants] == [8]
