"""Tests of the trials of a tuning, each in a process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.analysis.tuning.lab import LabClosedError, Measured
from bench.records.errors import ResultsError, StorageError
from bench.runner.first_look import FirstLook
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import DataChangedError
from bench.runner.tuning.process_lab import ProcessLab, StageTrials
from bench.runner.tuning.stage_lengths import StageLength
from bench.runner.tuning.trial_lengths import TrialLengths
from loaders.data.errors import DataError
from tests.bench import runs

LOOK = FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.1, step_s=0.02)
LIMITS = TrialLimits(timeout_s=100.0)


def make_run(bounds: set[int] | None, spec: Any = None) -> SimpleNamespace:
    return SimpleNamespace(bounds=bounds, configuration=SimpleNamespace(spec=spec))


class Trials:
    """Stands for the trials of a part, which take no time: two configurations and the step of the second."""

    runs = (make_run(None), make_run(None), make_run({1}))

    def __init__(self, walls_s: tuple[float, ...] = (1.0, 1.0, 1.0)) -> None:
        self.walls_s = walls_s
        self.workloads: list[Any] = []

    def run_trial(self, place: int, block: int, workload: Any = None) -> list[Any]:
        self.workloads.append(workload)
        return [runs.timed(place, block, self.walls_s[place])]


def make_lab(trials: Any = None, **changes: Any) -> tuple[ProcessLab, Any]:
    """Return a lab whose trials have 10 batches, and the runner of its trials."""
    runner: Any = SimpleNamespace(limits=LIMITS, once_s=0.0)
    trials = trials or Trials()
    lengths = TrialLengths(100, 2, LOOK, (4, 4))
    lengths.stages.update(race=StageLength(10, near_s=0.01), confirm=StageLength(10, near_s=0.01))
    lab = ProcessLab(lambda *_: part, lengths, LOOK.process_s, 1000, **changes)
    part = StageTrials(trials, runner, LIMITS, 10, lambda *cut: cut)
    lab.stages["race"] = lab.stages["confirm"] = part
    return lab, runner


@pytest.mark.parametrize(("number", "limit_s"), [(0, 2.0), (1, 8.0), (2, 2.0)])
def test_larger_batches_may_take_longer(number: int, limit_s: float) -> None:
    """Smaller ones have as long, as their process starts no faster."""
    lab, runner = make_lab(sizes=(1.0, 4.0, 0.5))
    lab.measure("race", number, 0, 2.0)
    assert runner.limits.timeout_s == limit_s


def test_estimates_go_by_the_first_look() -> None:
    """Without a trial there is nothing else. Of fresh trials, the audit is told apart."""
    lab, _ = make_lab()
    assert lab.estimate_s("race", 1) == pytest.approx(0.5 + 2 * 1.1)
    assert lab.estimate_s("confirm", 1) == pytest.approx(2.7)
    assert lab.audit_trials == 1.2


def test_far_slower_configuration_has_shorter_trials() -> None:
    """Once it is known, and of one length in a part, whatever its later trials take."""
    trials = Trials((5.0, 1.0, 1.0))
    lab, _ = make_lab(trials)
    for number in (0, 1, 0):
        lab.measure("race", number, 0)
    trials.walls_s = (20.0, 1.0, 1.0)
    lab.measure("race", 0, 1)
    lab.measure("race", 0, 2)
    assert trials.workloads == [None, None, (0, 8), (0, 8), (0, 8)]
    assert lab.lengths.find_far_batches("race") == 8
    assert lab.lengths.find_far_batches("confirm") is None


class Clock:
    """A clock that trials move on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr("bench.runner.tuning.process_lab.read_running_s", lambda: self.now_s)


class SlowTrials(Trials):
    """Trials that take some time beside their epochs."""

    def __init__(self, clock: Clock, walls_s: tuple[float, ...], beside_s: float = 0.0) -> None:
        super().__init__(walls_s)
        self.clock, self.beside_s = clock, beside_s

    def run_trial(self, place: int, block: int, workload: Any = None) -> list[Any]:
        self.clock.now_s += self.beside_s + self.walls_s[place]
        return [runs.timed(place, block, self.walls_s[place], batches=10)]


def test_estimate_goes_by_trials_of_the_same_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first trial of a far slower configuration is longer than the next one will be."""
    lab, _ = make_lab(SlowTrials(Clock(monkeypatch), (20.0, 0.2, 0.2)))
    for number in (0, 1):
        lab.measure("race", number, 0)
    assert lab.estimate_s("race", 1) == pytest.approx(0.2)
    assert lab.estimate_s("race", 0) == pytest.approx(0.5 + 2 * (3.0 + 8 * 17.0 / 9))


def test_slow_start_belongs_to_each_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a part in which the configuration has none yet. Its audit does not."""
    lab, runner = make_lab(SlowTrials(Clock(monkeypatch), (1.0, 1.0, 1.0), beside_s=7.0))
    runner.once_s = 3.0
    lab.measure("race", 1, 0)
    assert lab.estimate_s("race", 1) == pytest.approx(5.0)
    assert lab.estimate_s("confirm", 1) == pytest.approx(4.0 + 2 * 1.0, rel=0.1)


def test_others_tell_how_long_an_unseen_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The present one may be far slower than all of them."""
    clock = Clock(monkeypatch)
    lab, _ = make_lab(SlowTrials(clock, (20.0, 0.2, 0.2)))
    lab.lengths = TrialLengths(100, 2, replace(LOOK, batch_s=2.0), (4, 4, 4))
    lab.lengths.stages.update(race=StageLength(10, near_s=0.01))
    assert lab.estimate_s("race", 2) == pytest.approx(0.5 + 2 * 20.1)
    for number in (0, 1):
        lab.measure("race", number, 0)
    assert lab.estimate_s("race", 2) == pytest.approx(0.5 + 0.3 + 0.2, rel=0.1)


def test_configuration_whose_files_cannot_be_made_fails_at_once() -> None:
    """Its trials would try to make them, each for itself."""
    lab, _ = make_lab(EndingTrials(1, AssertionError()))
    lab.stages["race"] = replace(lab.stages["race"], problems={1: "no sample was decoded"})
    assert lab.measure("race", 1, 0) == Measured(None, 0.0, "no sample was decoded")
    assert lab.measure("race", 0, 0).samples_per_s is not None


@pytest.mark.parametrize(
    ("number", "left_s", "limit_s"), [(1, 60.0, 30.0), (1, 5.0, 10.0), (1, 900.0, 100.0), (0, 5.0, 60.6)]
)
def test_trial_that_hangs_leaves_time_for_others(
    monkeypatch: pytest.MonkeyPatch, number: int, left_s: float, limit_s: float
) -> None:
    """The present one is known to be slow here, and has time for what is expected of it."""
    Clock(monkeypatch)
    lab, runner = make_lab(ends_s=left_s)
    lab.lengths = TrialLengths(100, 2, replace(LOOK, batch_s=0.98, ends_s=0.05), (4, 4))
    lab.lengths.stages.update(race=StageLength(10))
    lab.measure("race", number, 0)
    assert runner.limits.timeout_s == pytest.approx(limit_s)


def test_step_alone_makes_no_configuration_far_slower() -> None:
    trials = Trials((1.0, 1.0, 0.001))
    lab, _ = make_lab(trials)
    for place in (0, 1, 2, 0, 1):
        lab.measure("race", place, 0)
    assert not any(trials.workloads)


def test_epoch_timed_on_the_gpu_says_nothing_of_its_length() -> None:
    """It follows the others in the first block, and is inspected meanwhile."""
    trials = Trials()
    plain, _ = make_lab(trials)
    expected = plain.measure("race", 0, 0)
    trials.run_trial = lambda place, block, workload=None: [  # type: ignore[method-assign]
        runs.timed(place, block, 1.0),
        runs.timed(place, block, 30.0, timed_by="events"),
    ]
    lab, _ = make_lab(trials)
    assert lab.measure("race", 0, 0).samples_per_s == expected.samples_per_s
    assert lab.lengths.paces.find(0) == plain.lengths.paces.find(0)


class EndingTrials(Trials):
    """Trials of which one place ends the measuring."""

    def __init__(self, place: int, error: BaseException) -> None:
        super().__init__()
        self._place, self._error = place, error

    def run_trial(self, place: int, block: int, workload: Any = None) -> list[Any]:
        if place == self._place:
            raise self._error
        return super().run_trial(place, block, workload)


FULL = StorageError(Path("runs.csv"), OSError(28, "No space left on device"))
ENDS: list[tuple[BaseException, str]] = [
    (KeyboardInterrupt(), "interrupted"),
    (DataChangedError(Path("images")), "data"),
    (DataError("images: can't be read"), "data"),
    (FULL, "storage"),
    (ResultsError("out: not empty"), "storage"),
]


@pytest.mark.parametrize(("error", "stop"), ENDS)
def test_what_ends_the_race_has_a_name(error: BaseException, stop: str) -> None:
    """Nothing runs afterwards."""
    lab, _ = make_lab(EndingTrials(1, error))
    assert lab.measure("race", 0, 0).samples_per_s is not None
    assert lab.find_stop() is None
    for number in (1, 0):
        with pytest.raises(LabClosedError):
            lab.measure("race", number, 0)
    assert lab.find_stop() == stop
    assert (lab.interrupted, lab.problem) == ((True, None) if stop == "interrupted" else (False, error))


@pytest.mark.parametrize(("error", "stop"), ENDS)
def test_what_keeps_a_part_from_beginning_has_a_name(error: BaseException, stop: str) -> None:
    """No later part begins. A race that was over ended by itself."""
    opened: list[str] = []

    def fail(stage: Any, *_: Any) -> Any:
        opened.append(stage)
        raise error

    for stage, found in (("screen", stop), ("race", stop), ("confirm", None)):
        opened.clear()
        lab, _ = make_lab()
        lab.open_stage = fail
        lab.prepare(stage, [0, 1])  # type: ignore[arg-type]
        lab.prepare("confirm", [0, 1])
        assert opened == [stage]
        assert lab.find_stop() == found
        with pytest.raises(LabClosedError):
            lab.measure("confirm", 0, 0)


def test_trial_tells_what_faster_loading_would_gain() -> None:
    """Its steps take 0.4 of each second."""
    lab, _ = make_lab()
    assert lab.measure("race", 0, 0).loading_gain == pytest.approx(1.5)
