"""Tuning inside a training: what it returns, what it leaves alone, and what it remembers."""

from __future__ import annotations

import datetime
import gc
import json
import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info

import bench
from bench import loader_tuning
from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Fate
from bench.loader_tuning import tune_loader, tune_loader_with_report
from bench.runner.in_process.conclude import conclude, explain_failures
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.node_ranks import NodeRanks
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.tuning_order import TuningOrder
from loaders.spec.turn_knobs import read_settings
from tests.bench.report.tune.tunings import make_gain
from tests.bench.runner.in_process.ticking_clock import TickingClock
from tests.paths import ROOT

ONE = {"num_workers": [1], "persistent_workers": [False], "prefetch_factor": [2]}
GAIN = Remembered(
    "gain", {"num_workers": 1, "prefetch_factor": 2}, (1.5, 1.4, 1.6), 7, 20.0, 30.0, "2026-11-20"
)


class Noisy(Dataset):
    """A dataset that draws random numbers of every kind, and counts its own."""

    def __init__(self, samples: int = 24) -> None:
        self.samples = samples
        self.own = np.random.default_rng(7)

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, random.random() + float(self.own.random()) + float(torch.rand(()))


class Failing(Noisy):
    """A dataset that no worker can load."""

    def __getitem__(self, index: int) -> tuple[int, float]:
        if get_worker_info() is not None:
            raise RuntimeError("no worker can open this file")
        return super().__getitem__(index)


class Stuck(Noisy):
    """A dataset that hangs in workers."""

    def __getitem__(self, index: int) -> tuple[int, float]:
        if get_worker_info() is not None:
            time.sleep(600)
        return super().__getitem__(index)


class Crashing(Noisy):
    """A dataset whose workers end without a word."""

    def __getitem__(self, index: int) -> tuple[int, float]:
        if get_worker_info() is not None:
            os._exit(3)
        return super().__getitem__(index)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(9))


class Owned(DataLoader):
    """A user's own class of DataLoader."""


class Wrapped(DataLoader):
    """A class with an iterator of its own."""

    def __iter__(self):
        for batch in super().__iter__():
            yield [*batch]


class Endless(DataLoader):
    """A class whose workers never stop."""

    def __init__(self, *given, **named) -> None:
        super().__init__(*given, **named)
        self.iterator = super().__iter__()

    def __iter__(self):
        for _ in range(len(self)):
            yield next(self.iterator)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """Remember in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    # What is remembered must not depend on the machine's load.
    monkeypatch.setattr(loader_tuning, "describe_others", lambda before, after: "")
    return tmp_path / "loaderbench" / "tuned"


@pytest.fixture
def tunings(monkeypatch) -> list[DataLoader]:
    """Replace the measuring by a gain; return the loaders that were measured."""
    measured: list[DataLoader] = []

    def tune(loader, order) -> Remembered:
        measured.append(loader)
        return replace(GAIN, budget_s=order.budget.seconds)

    monkeypatch.setattr(loader_tuning, "tune_in_process", tune)
    return measured


def draw() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(()))]


def seed() -> None:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)


def test_a_training_sees_the_batches_that_it_would_have_seen() -> None:
    """Nothing is left behind, and the user's loader stays as it is."""
    seed()
    expected = [*DataLoader(Noisy(), 4, shuffle=True)]
    later = draw()
    loader = Owned(Noisy(), 4, shuffle=True)
    threads, variables = set(threading.enumerate()), dict(os.environ)
    settings = read_settings(loader)
    seed()
    seen: list[int] = []
    found, tuning = tune_loader_with_report(
        lambda: loader, 1.0, step=lambda batch: seen.append(len(batch)), knobs=ONE, cache=False
    )
    assert seen
    assert type(found) is Owned
    assert found.dataset is loader.dataset
    assert read_settings(loader) == settings
    assert read_settings(found) == tuning.settings
    # Workers have random numbers of their own, so the batches are compared without.
    batches = [*DataLoader(loader.dataset, 4, sampler=loader.sampler)]
    assert all(
        torch.equal(one, other)
        for batch, known in zip(batches, expected, strict=True)
        for one, other in zip(batch, known, strict=True)
    )
    assert draw() == later
    assert set(threading.enumerate()) <= threads
    assert dict(os.environ) == variables
    assert not [one for one in psutil.Process().children() if "pt_data" in one.name()]


def test_workers_draw_the_numbers_that_they_would_have_drawn() -> None:
    """Their seeds come from the training's generator."""
    seed()
    expected = [*DataLoader(Noisy(), 4, shuffle=True, num_workers=2)]
    loader = DataLoader(Noisy(), 4, shuffle=True, num_workers=2)
    knobs = {"num_workers": [2], "prefetch_factor": [4], "persistent_workers": [True]}
    seed()
    found = tune_loader_with_report(loader, 0.5, step=lambda batch: None, knobs=knobs, cache=True)[0]
    for batch, known in zip(found, expected, strict=True):
        assert all(torch.equal(one, other) for one, other in zip(batch, known, strict=True))


def list_left() -> tuple[set[int], set[str], int, set[threading.Thread]]:
    """Return the processes, the shared memory, the number of open files and the threads of this process."""
    gc.collect()
    maps = Path("/proc/self/maps").read_text().splitlines()
    shared = {line.split()[-1] for line in maps if "/dev/shm/" in line}
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    return {one.pid for one in psutil.Process().children()}, shared, files, set(threading.enumerate())


@pytest.mark.parametrize(
    ("dataset", "problem"),
    [
        (TensorDataset(torch.arange(4000).reshape(40, 100)), ""),
        (Stuck(), "a trial has not ended after 0."),
        (Crashing(), "exited unexpectedly"),
        (Failing(), "no worker can open this file"),
    ],
)
def test_workers_that_stay_leave_nothing_behind(dataset, problem, monkeypatch) -> None:
    """No process, thread, file or shared memory, also of settings that fail."""
    knobs = {"num_workers": [0, 1, 2], "prefetch_factor": [4], "persistent_workers": [True]}
    loader = DataLoader(dataset, 4, shuffle=True)
    before, budget_s = list_left(), 3.0 if isinstance(dataset, Stuck) else 1000.0
    if not problem:
        # Time for about twenty trials.
        TickingClock(monkeypatch, 3.0)
    tuning = tune_loader_with_report(loader, budget_s, step=lambda batch: None, knobs=knobs, cache=False)[1]
    assert ("all other settings failed" in tuning.summary) is bool(problem)
    assert problem in tuning.summary
    assert list_left() == before


def test_the_start_method_can_still_be_chosen() -> None:
    """The first worker of a process settles it otherwise."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(None, force=True)
    try:
        loader = DataLoader(Noisy(), 4, num_workers=1)
        tune_loader_with_report(loader, 0.3, step=lambda batch: None, knobs=ONE, cache=False)
        assert multiprocessing.get_start_method(allow_none=True) is None
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_a_setting_that_fails_is_left_out(capsys) -> None:
    """The loader stays as given."""
    loader = DataLoader(Failing(), 4)
    assert tune_loader(loader, 600.0, step=lambda batch: None, knobs=ONE, cache=False) is loader
    line = capsys.readouterr().err
    assert line.startswith("loaderbench: the loader stays as given: all other settings failed: RuntimeError")
    assert "no worker can open this file" in line
    assert line.count("\n") == 1


class Failed(Noisy):
    """A dataset that fails after the pilot."""

    def __getitem__(self, index: int) -> tuple[int, float]:
        self.samples_read = getattr(self, "samples_read", 0) + 1
        if self.samples_read > 80:
            raise OSError("stale file handle")
        return super().__getitem__(index)


def test_a_loader_that_fails_in_the_middle_stays(capsys) -> None:
    """The line has its error."""
    loader = DataLoader(Failed(400), 4)
    knobs = {"num_workers": [0], "in_order": [True, False]}
    assert tune_loader(loader, 2.0, step=lambda batch: None, knobs=knobs, cache=False) is loader
    assert "failed" in (line := capsys.readouterr().err)
    assert "OSError: stale file handle" in line


@pytest.mark.parametrize(
    ("problems", "reason"),
    [
        ({0: "OSError: a"}, "it failed after some trials: OSError: a"),
        ({0: "OSError: a", 1: "OSError: b"}, "it failed after some trials: OSError: a"),
        ({1: "OSError: a", 2: "OSError: a", 3: "OSError: a"}, "all other settings failed: OSError: a"),
        ({1: "OSError: a", 2: "b", 3: "b"}, "all other settings failed: OSError: a, and the like"),
        ({1: "OSError: a"}, ""),
    ],
)
def test_failures_are_told_where_they_decide(problems, reason) -> None:
    """One of several settings decides nothing."""
    assert explain_failures(problems, 3) == reason


class Hanging(Noisy):
    """A dataset whose first sample never comes."""

    def __getitem__(self, index: int) -> tuple[int, float]:
        time.sleep(600)
        return super().__getitem__(index)


def test_a_first_sample_that_hangs_ends_with_the_budget(capsys, cache) -> None:
    """Nothing is remembered."""
    loader = DataLoader(Hanging(), 4)
    began_s = time.monotonic()
    assert tune_loader(loader, 0.2) is loader
    assert time.monotonic() - began_s < 60
    line = "loaderbench: the loader stays as given: its first sample takes longer than 0.2 s, or hangs\n"
    assert capsys.readouterr().err == line
    assert not cache.exists()


def test_single_numbers_are_batches() -> None:
    """Without a batch size, a batch may have no first dimension."""
    loader = DataLoader(torch.arange(200), None)
    tuning = tune_loader_with_report(loader, 1.0, step=lambda batch: None, knobs=ONE, cache=False)[1]
    assert "Error" not in tuning.summary


def test_a_class_with_an_iterator_of_its_own_is_tuned() -> None:
    """Nothing of its workers is left."""
    loader = Wrapped(Noisy(), 4, num_workers=1)
    knobs = {"num_workers": [1, 2], "prefetch_factor": [2], "persistent_workers": [False]}
    before = list_left()
    tuning = tune_loader_with_report(loader, 0.5, step=lambda batch: None, knobs=knobs, cache=False)[1]
    assert "Error" not in tuning.summary
    assert list_left() == before


def test_a_class_that_keeps_its_iterator_stays() -> None:
    """A copy would take the training's batches."""
    loader = Endless(Noisy(), 4)
    found, tuning = tune_loader_with_report(loader, 1.0, step=lambda batch: None, knobs=ONE, cache=False)
    assert found is loader
    assert tuning.summary.endswith("its class keeps an iterator, which the training is to go on with")


class Holding(DataLoader):
    """A class whose settings are those of another loader."""

    def __init__(self, inner: DataLoader) -> None:
        super().__init__(inner.dataset)
        self.inner = inner

    def __iter__(self):
        return iter(self.inner)


def test_a_class_that_holds_another_loader_stays() -> None:
    """Its settings change nothing."""
    loader = Holding(DataLoader(Noisy(), 4))
    found, tuning = tune_loader_with_report(loader, 1.0, step=lambda batch: None, knobs=ONE, cache=False)
    assert found is loader
    assert tuning.summary.endswith("its class holds another DataLoader, which is the one to tune")


class Unsized(DataLoader):
    """A class that tells no length."""

    def __len__(self) -> int:
        raise AttributeError("no length")


def test_a_class_without_a_length_is_tuned() -> None:
    """Its epoch is extrapolated without."""
    tuning = tune_loader_with_report(
        Unsized(Noisy(), 4), 0.5, step=lambda batch: None, knobs=ONE, cache=False
    )[1]
    assert "Error" not in tuning.summary


def test_an_error_of_the_tuning_is_none_of_the_training(monkeypatch) -> None:
    """The training goes on with what it has."""

    def fail(loader, order) -> Remembered:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(loader_tuning, "tune_in_process", fail)
    loader = DataLoader([1, 2])
    found, tuning = tune_loader_with_report(loader, cache=False)
    assert found is loader
    assert tuning.summary.startswith("the loader stays as given: ZeroDivisionError: a mistake (")


@pytest.mark.parametrize(
    ("loader", "problem"),
    [
        (DataLoader(TensorDataset(torch.zeros(0))), "the loader delivers no batch"),
        (DataLoader([1, 2], collate_fn=lambda samples: 1 / 0), "ZeroDivisionError: division by zero"),
        (DataLoader(Stream()), "there is nothing to vary: an iterable dataset keeps its number of workers"),
        (DataLoader([1, 2], sampler=(index for index in (0, 1))), "its sampler can't be copied: TypeError"),
    ],
)
def test_a_loader_that_can_not_be_measured_stays(loader, problem) -> None:
    """The line says why, and the training meets the error itself."""
    found, tuning = tune_loader_with_report(loader, 1.0, knobs={}, cache=True)
    assert found is loader
    assert tuning.summary.startswith(f"the loader stays as given: {problem}")
    assert (tuning.changes, tuning.gain) == ({}, None)


def test_a_budget_that_is_too_short_is_said(monkeypatch, cache) -> None:
    """Nothing is claimed, and nothing is remembered."""
    loader, clock = DataLoader(Noisy(400), 4), TickingClock(monkeypatch, 0.0)

    def step(batch) -> None:
        clock.now_s += 25.0

    found, tuning = tune_loader_with_report(loader, 500.0, step=step, cache=True)
    assert found is loader
    assert "undecided after " in tuning.summary
    assert "; budget_s=" in tuning.summary
    assert not cache.exists()


def test_no_trial_begins_where_too_few_would_fit(monkeypatch) -> None:
    """The training waits for a few batches only."""
    clock, batches = TickingClock(monkeypatch, 0.0), []

    def step(batch) -> None:
        batches.append(batch)
        clock.now_s += 25.0

    tuning = tune_loader_with_report(DataLoader(Noisy(400), 4), 100.0, step=step, cache=False)[1]
    assert tuning.summary == (
        "the loader stays as given: 100 s have time for 1 trial of 50 s, and an answer takes 8 or more; "
        "budget_s=450 would do"
    )
    assert len(batches) == 1


def test_an_interrupt_passes_through() -> None:
    """No worker is left."""
    seen = []

    def step(batch) -> None:
        seen.append(batch)
        if len(seen) > 20:
            raise KeyboardInterrupt

    loader = DataLoader(Noisy(400), 4, num_workers=1)
    seed()
    with pytest.raises(KeyboardInterrupt):
        tune_loader(loader, 600.0, step=step, cache=False)
    after = draw()
    seed()
    assert after == draw()
    assert not [one for one in psutil.Process().children() if "pt_data" in one.name()]


@pytest.mark.parametrize(("low", "verdict"), [(1.2, "gain"), (0.99, "undecided")])
def test_only_a_confirmed_gain_is_taken(low, verdict) -> None:
    """A gain whose interval reaches below 1 is none."""
    outcome = make_gain(4).outcome
    gain = Estimate(1.3, low, 1.4, 8)
    chosen = Confirmation(Estimate(1.0, 1.0, 1.0, 8), gain)
    outcome = replace(outcome, confirmed={**outcome.confirmed, outcome.chosen: chosen})
    result = conclude_with(outcome)
    assert result.verdict == verdict
    assert result.settings == ({"num_workers": outcome.chosen} if verdict == "gain" else {})
    assert not conclude_with(replace(outcome, confirmed={})).settings


def conclude_with(outcome, budget_s: float = 30.0, elapsed_s: float = 12.0) -> Remembered:
    """Conclude a tuning of up to three workers whose trials take a second."""
    settings = [replace(read_settings(DataLoader([1])), num_workers=number) for number in range(4)]
    order = TuningOrder(Budget(budget_s, time.monotonic() - elapsed_s), 2)
    return conclude(
        settings, outcome, order, SimpleNamespace(problems={}, trials=9, estimate_s=lambda *_: 1.0)
    )


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        # Half of the interval is 4% of a gain that would need 2%.
        ({"gain": (1.02, 0.98, 1.06)}, "num_workers=3 is 1.02 times as fast as given (0.98 to 1.06); budget"),
        # No longer budget would show it soon.
        ({"gain": (1.015, 0.5, 2.1)}, "num_workers=3 is 1.01 times as fast as given (0.5 to 2.1)"),
        ({}, "num_workers=3 looks the fastest, but there was no time to measure it anew; budget_s=45 has"),
        ({"leader": 0, "bound": 0.05}, "is shown to be faster, but one may be by up to 5%; budget_s=150"),
        ({"leader": 0, "bound": 0.9}, "is shown to be faster, but one may be by up to 90%"),
        ({"leader": 0}, "there was time for 9 trials only; budget_s=45 has more"),
    ],
)
def test_an_undecided_tuning_says_what_is_known_and_what_it_took(changed, says) -> None:
    """It is not remembered, so the next run tries again."""
    outcome = replace(
        make_gain(4).outcome,
        verdict="undecided",
        confirmed={},
        leader=changed.get("leader", 3),
        regret_bound=changed.get("bound"),
        fates={number: Fate("tied") for number in range(4)},
    )
    if "gain" in changed:
        one = Confirmation(Estimate(1.0, 1.0, 1.0, 8), Estimate(*changed["gain"], 8))
        outcome = replace(outcome, confirmed={0: one, 3: one})
    result = conclude_with(outcome)
    assert result.reason.startswith("undecided after 12 s: ")
    assert result.lacks_time
    assert says in result.reason
    assert ("budget_s=" in result.reason) is ("budget" in says)
    assert not result.is_worth_keeping


@pytest.mark.parametrize(("budget_s", "named"), [(0.3, "35"), (4, "35"), (50, "90"), (200, "300")])
def test_a_longer_budget_is_a_round_number(budget_s, named) -> None:
    """Half as long again at least. Trials that are missing take what they take."""
    outcome = replace(make_gain(4).outcome, verdict="undecided", confirmed={}, leader=3, fates={})
    assert conclude_with(outcome, budget_s).reason.endswith(f"to measure it anew; budget_s={named} has more")


def test_a_second_run_starts_at_once(tunings, capsys) -> None:
    """The line has the day and the gain."""
    for _ in range(2):
        found = tune_loader(DataLoader(Noisy(), 4, shuffle=True))
        assert (found.num_workers, found.prefetch_factor) == (1, 2)
    assert len(tunings) == 1
    made, remembered = capsys.readouterr().err.splitlines()
    assert made.startswith(
        "loaderbench: num_workers=1 prefetch_factor=2: 1.5 times as fast as given (1.4 to 1.6)"
    )
    assert remembered.endswith("remembered from 2026-11-20")


@pytest.mark.parametrize(
    "other",
    [
        lambda: DataLoader(Noisy(25), 4, shuffle=True),
        lambda: DataLoader(Noisy(), 5, shuffle=True),
        lambda: DataLoader(Noisy(), 4),
        lambda: DataLoader(Failing(), 4, shuffle=True),
        lambda: DataLoader(Noisy(), 4, shuffle=True, num_workers=2),
    ],
)
def test_another_loader_is_measured_anew(tunings, other) -> None:
    """Its best setting may be another one."""
    tune_loader_with_report(DataLoader(Noisy(), 4, shuffle=True))
    tune_loader_with_report(other())
    assert len(tunings) == 2


class Gray(Noisy):
    """Another dataset with the same samples."""


def double(sample):
    return sample


def keep(sample):
    return sample


def test_what_a_dataset_holds_tells_it_from_another(tunings) -> None:
    """The dataset in a Subset, and the function of a transform."""

    def tune(dataset, transform=double) -> None:
        dataset.steps = [partial(transform)]
        tune_loader_with_report(DataLoader(Subset(dataset, range(20)), 4))

    tune(Noisy())
    tune(Noisy())
    assert len(tunings) == 1
    tune(Gray())
    tune(Noisy(), keep)
    assert len(tunings) == 3
    flagged, elsewhere = Noisy(), Noisy()
    flagged.augments = True
    elsewhere.root = "/tmp/job-7/data"
    tune(flagged)
    assert len(tunings) == 4
    tune(elsewhere)
    assert len(tunings) == 4


def test_a_step_with_another_model_is_another_step(tunings) -> None:
    """Its parameters are counted."""

    def make_step(width: int):
        model = torch.nn.Linear(width, width)
        return lambda batch: model(batch)

    for width in (2, 2, 3):
        tune_loader_with_report(DataLoader(Noisy(), 4), step=make_step(width))
    assert len(tunings) == 2


def test_the_budget_begins_when_the_loader_is_there(monkeypatch) -> None:
    """The training needs that time in any case."""
    clock, orders = TickingClock(monkeypatch, 0.0), []

    def tune(loader, order) -> Remembered:
        orders.append(order)
        return replace(GAIN, budget_s=order.budget.seconds)

    def make_loader() -> DataLoader:
        clock.now_s += 100.0
        return DataLoader([1, 2])

    monkeypatch.setattr(loader_tuning, "tune_in_process", tune)
    tuning = tune_loader_with_report(make_loader, 600.0, cache=False)[1]
    assert orders[0].budget.began_s == clock.now_s
    assert tuning.seconds == 100.0


def test_a_loader_is_measured_anew_with_a_step_or_knobs(tunings) -> None:
    """And when nothing is to be remembered."""
    tune_loader_with_report(DataLoader(Noisy(), 4))
    for given in ({"step": print}, {"knobs": ONE}, {"cache": False}, {"cache": False}):
        tune_loader_with_report(DataLoader(Noisy(), 4), **given)
    assert len(tunings) == 5


def make_memory(**changed) -> bytes:
    """Return the file of a gain with other values."""
    return json.dumps({**asdict(GAIN), "budget_s": 30.0, **changed}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"verdict": "gain"}',
        b"\xff",
        make_memory()[:-9],
        make_memory(settings={"workers": 3}),
        make_memory(settings={"num_workers": "4"}),
        make_memory(settings={}),
        make_memory(gain=None),
        make_memory(gain=[1.5]),
        make_memory(verdict="nothing"),
        make_memory(date=7),
        make_memory(date="yesterday"),
        make_memory(budget_s="long"),
        make_memory(lacks_time="no"),
    ],
)
def test_a_broken_memory_is_none(tunings, cache, content) -> None:
    """The loader is measured, and the file is written anew."""
    tune_loader_with_report(DataLoader(Noisy(), 4))
    (file,) = cache.iterdir()
    file.write_bytes(content)
    tune_loader_with_report(DataLoader(Noisy(), 4))
    assert len(tunings) == 2
    assert json.loads(file.read_bytes())["verdict"] == "gain"


def test_a_user_without_a_home_remembers_nothing(tunings, monkeypatch) -> None:
    """It is no error."""

    def find_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", find_home)
    for _ in range(2):
        assert tune_loader_with_report(DataLoader(Noisy(), 4))[1].gain == GAIN.gain
    assert len(tunings) == 2


def test_a_memory_that_can_not_be_written_is_no_error(tunings, tmp_path, monkeypatch) -> None:
    """A file stands where its folder would be."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tune_loader_with_report(DataLoader(Noisy(), 4))[1].gain == GAIN.gain


@pytest.fixture
def results(monkeypatch) -> list[Remembered]:
    """Replace the measuring by these results, the last one first."""
    found: list[Remembered] = []
    monkeypatch.setattr(loader_tuning, "tune_in_process", lambda loader, order: found.pop())
    return found


NOTHING = Remembered("nothing", {}, None, 7, 12.0, 30.0, "2026-11-20")
UNDECIDED = Remembered("undecided", {}, None, 7, 12.0, 30.0, "2026-11-20", "undecided after 12 s: a, b")


def test_an_undecided_tuning_is_tried_again(results, cache) -> None:
    """Another load of the machine may let the next one decide."""
    results += [GAIN, UNDECIDED]
    first, second = (tune_loader_with_report(DataLoader(Noisy(), 4))[1].summary for _ in range(2))
    assert first == "the loader stays as given: undecided after 12 s: a, b"
    assert second.startswith("num_workers=1 prefetch_factor=2: 1.5 times")
    assert not results


@pytest.mark.parametrize(
    ("result", "days", "times"), [(NOTHING, 6, 1), (NOTHING, 7, 2), (NOTHING, -1, 2), (GAIN, 3000, 1)]
)
def test_that_there_is_nothing_to_gain_holds_for_a_week(monkeypatch, results, result, days, times) -> None:
    """What can't be seen, such as a busy disk, may have hidden a gain."""
    today = datetime.date.today()
    results += [replace(result, date=today.isoformat())] * 2

    class Later(datetime.date):
        @classmethod
        def today(cls):
            return today + datetime.timedelta(days=days)

    tune_loader_with_report(DataLoader(Noisy(), 4))
    monkeypatch.setattr(loader_tuning.datetime, "date", Later)
    summary = tune_loader_with_report(DataLoader(Noisy(), 4))[1].summary
    assert len(results) == 2 - times
    assert ("remembered from" in summary) is (times == 1)


@pytest.mark.parametrize("result", [GAIN, NOTHING])
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_result_beside_other_programs_is_not_remembered(
    monkeypatch, cache, results, result, is_kept
) -> None:
    """The line says so. Another setting may be the best on a quiet machine."""
    results.append(result)
    load = "other processes used 45% of the cores"
    monkeypatch.setattr(loader_tuning, "describe_others", lambda before, after: load)
    summary = tune_loader_with_report(DataLoader(Noisy(), 4), cache=is_kept)[1].summary
    made = f"found in {result.seconds:.0f} s while {load}"
    assert summary.endswith(f"{made}, so it is not remembered" if is_kept else made)
    assert not cache.exists()


@pytest.mark.parametrize("lacks_time", [True, False])
def test_other_programs_are_named_where_they_took_the_time(monkeypatch, results, lacks_time) -> None:
    """An open file, or a step that waits for other ranks, has nothing to do with them."""
    results.append(replace(UNDECIDED, lacks_time=lacks_time))
    load = "other processes used 45% of the cores"
    monkeypatch.setattr(loader_tuning, "describe_others", lambda before, after: load)
    summary = tune_loader_with_report(DataLoader(Noisy(), 4))[1].summary
    assert summary == f"the loader stays as given: undecided after 12 s: a, b{f'; {load}' * lacks_time}"


@pytest.mark.parametrize(
    ("given", "error", "problem"),
    [
        ({"make_loader": lambda: 3}, TypeError, "make_loader returned int, expected a torch DataLoader"),
        ({"budget_s": 0}, ValueError, "budget_s is 0, expected seconds above 0"),
        ({"budget_s": float("nan")}, ValueError, "budget_s is nan"),
        ({"budget_s": float("inf")}, ValueError, "budget_s is inf"),
        ({"budget_s": "30"}, TypeError, "budget_s is '30', expected seconds above 0"),
        ({"make_loader": [1]}, TypeError, "make_loader is list, expected a DataLoader or a function"),
        ({"step": torch.zeros(1)}, TypeError, "step is Tensor, expected a function that takes a batch"),
        ({"knobs": {"workers": [1]}}, ValueError, "knobs: 'workers' is no setting"),
    ],
)
def test_bad_arguments_are_one_line(tunings, given, error, problem) -> None:
    """Nothing is measured."""
    with pytest.raises(error, match=problem):
        tune_loader(**{"make_loader": DataLoader([1]), **given})
    assert not tunings


def test_a_worker_that_runs_the_script_again_measures_nothing(tunings, monkeypatch, capsys) -> None:
    """A script without `if __name__ == "__main__"` is run by each worker that is spawned."""
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    loader = DataLoader([1])
    assert tune_loader(loader) is loader
    assert not tunings
    assert capsys.readouterr().err == ""


def test_the_name_is_that_of_the_function_at_every_import() -> None:
    """No module hides it."""
    for _ in range(2):
        from bench import tune_loader as found

        assert found is tune_loader
    assert set(bench.HOMES) == set(bench.__all__)


def tune_rank(rank: int, folder: Path, queue) -> None:
    """Tune as one of two ranks, in a process of its own."""
    os.environ.update(LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE="2", MASTER_PORT=str(os.getppid()))
    cores = os.sched_getaffinity(0)
    used = []

    def step(batch) -> None:
        used.append(len(os.sched_getaffinity(0)))

    loader = DataLoader(Noisy(), 4)
    found, tuning = tune_loader_with_report(loader, 1.0, step=step, knobs=ONE, cache=False)
    kept = os.sched_getaffinity(0) == cores
    queue.put((rank, found.num_workers, tuning.summary, max(used, default=0), kept, tuning.is_told))


def test_the_ranks_of_a_machine_share_its_cores_and_the_answer(tmp_path, monkeypatch) -> None:
    """Only the first one measures, on its share of the cores."""
    monkeypatch.setattr(loader_tuning, "GRACE_S", 300.0)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    processes = [context.Process(target=tune_rank, args=(rank, tmp_path, queue)) for rank in range(2)]
    for process in processes:
        process.start()
    first, second = sorted(queue.get() for _ in processes)
    for process in processes:
        process.join()
    assert first[1:3] == second[1:3]
    assert first[3] == max(1, len(os.sched_getaffinity(0)) // 2)
    assert second[3] == 0
    assert first[4]
    assert second[4]
    assert (first[5], second[5]) == (False, True)


def test_a_rank_without_an_answer_keeps_its_loader(monkeypatch, tunings) -> None:
    """It says so."""
    monkeypatch.setattr(loader_tuning, "GRACE_S", 0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    loader = DataLoader([1])
    found, tuning = tune_loader_with_report(loader, 0.01)
    assert found is loader
    assert "the first rank of this machine has given no answer" in tuning.summary
    assert not tuning.is_told
    assert not tunings


def test_a_rank_that_fails_tells_the_others(monkeypatch, tmp_path) -> None:
    """They don't wait until the deadline."""

    def fail(loader, order) -> Remembered:
        raise KeyboardInterrupt

    monkeypatch.setattr(loader_tuning, "tune_in_process", fail)
    ranks = NodeRanks(0, 2, tmp_path / "ranks")
    monkeypatch.setattr(NodeRanks, "find", classmethod(lambda cls, variables: ranks))
    monkeypatch.setattr(NodeRanks, "count_call", lambda self: 4)
    with pytest.raises(KeyboardInterrupt):
        tune_loader(DataLoader([1, 2]), cache=False)
    answer = replace(ranks, rank=1).wait(4, until_s=0)
    assert answer is not None
    assert answer.reason == "the first rank of this machine has failed"
    assert not ranks.folder.exists()


def test_an_answer_that_no_rank_waits_for_is_removed(tmp_path) -> None:
    """It came too late."""
    ranks = NodeRanks(0, 2, tmp_path / "ranks")
    assert replace(ranks, rank=1).wait(0, until_s=0) is None
    ranks.answer(0, GAIN)
    assert not ranks.folder.exists()


SCRIPT = """
import torch
from bench import tune_loader
from torch.utils.data import DataLoader
import loaders
import model

class Squares:
    def __len__(self):
        return 40
    def __getitem__(self, index):
        return index * index

def make_loader():
    return DataLoader(Squares(), batch_size=4, num_workers=1)

loader = tune_loader(make_loader, budget_s=1, knobs={"num_workers": [0]}, cache=False)
print(sum(int(batch.sum()) for batch in loader), model.NAME, loaders.NAME)
"""


def test_a_script_needs_no_installation_and_no_guard(tmp_path) -> None:
    """Its folder has modules of our names, which stay its own."""
    (tmp_path / "train.py").write_text(SCRIPT)
    for name in ("model", "loaders"):
        (tmp_path / f"{name}.py").write_text(f"NAME = 'mine-{name}'\n")
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{sum(index * index for index in range(40))} mine-model mine-loaders\n", (
        done.stderr
    )
    assert done.stderr.startswith("loaderbench: ")
    assert done.stderr.count("\n") == 1
