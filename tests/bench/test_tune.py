"""`python -m bench.tune`: what is printed, what is left in the folder, and how it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.context import BaseContext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bench.analysis.racing.race import Race
from bench.analysis.tuning.lab import LabClosedError, Measured, Stage
from bench.analysis.tuning.tuning import StageFacts, Tuning
from bench.plan.prepared_sweep import PreparedSweep
from bench.process import interrupts
from bench.records.errors import StorageError
from bench.records.results_folder import read_environment, read_runs
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.outcome import SweepOutcome
from bench.report.tune.tuning_file import read_tuning, write_tuning
from bench.runner.block_trials import BlockTrials
from bench.runner.tuning import exhaustive
from bench.runner.tuning.process_lab import ProcessLab, StageTrials
from bench.runner.tuning.search import Search
from bench.runner.tuning.stages import StageSetup
from bench.trial.workload import Workload
from bench.tune import main
from bench.workloads.own.own_loader import OwnLoader
from loaders.data.errors import DataError
from loaders.spec.loader_call import LoaderCall

PROJECT = Path(__file__).parent / "workloads" / "own" / "own_project.py"
TuneHere = Callable[..., tuple[int, str, str]]
TARGET = f"{PROJECT}:loader"
KNOBS = (
    "--family",
    "dataloader",
    "--num-workers",
    "0",
    "--prefetch-factor",
    "2",
    "--persistent-workers",
    "off",
)


@pytest.fixture
def tune_here(
    context: BaseContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TuneHere:
    """Return a function that tunes in this process, which has imported everything already."""
    monkeypatch.setattr("bench.report.report_files.save_charts", lambda *_: [])

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["tune", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_an_own_loader_and_the_whole_grid(tune_here, tmp_path, monkeypatch) -> None:
    """The answer is JSON; each part has its rows; the whole grid says what the choice costs."""
    monkeypatch.setattr(exhaustive, "BLOCKS", 2)
    monkeypatch.setattr("bench.report.report_files.make_charts", lambda results: ())
    folder = tmp_path / "out"
    code, out, _ = tune_here(TARGET, *KNOBS, "--budget", "6s", "--exhaustive", "--out", str(folder), "--json")
    assert code == 0
    printed = json.loads(out)
    tuning = read_tuning(folder)
    assert [one.changes.get("num_workers") for one in tuning.candidates] == [None, "0"]
    assert printed["outcome"]["chosen"] == tuning.outcome.chosen
    assert [stage.stage for stage in tuning.stages][:2] == ["probe", "race"]
    race = read_runs(folder / "race")
    assert set(race["configuration"]) == {0, 1}
    assert race["late_s"].notna().all()
    assert race["block"].max() + 1 == tuning.outcome.race_blocks or tuning.outcome.stop == "budget"
    assert read_environment(folder / "race")["dataset"] == read_environment(folder)["dataset"]
    assert tuning.exhaustive is not None
    assert (tuning.exhaustive.blocks, tuning.exhaustive.configurations) == (2, 2)
    assert tuning.exhaustive.time_share > 0
    assert (folder / "exhaustive" / "summary.csv").exists()
    assert (folder / "report.html").exists()


class Speeds:
    """Stands for the trials: configurations with known speeds, which take no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, speeds: list[float]) -> None:
        self.speeds = speeds
        self.trials: list[tuple[Stage, int]] = []
        monkeypatch.setattr(ProcessLab, "measure", self._make_measure())

    def _make_measure(self) -> Callable[..., Measured]:
        def measure(
            lab: ProcessLab, stage: Stage, number: int, block: int, cap_s: float | None = None
        ) -> Measured:
            del lab, cap_s
            self.trials.append((stage, number))
            # Blocks differ, and so do trials, a little.
            return Measured(self.speeds[number] * (1 + 0.001 * ((7 * block + number) % 5)), 0.1)

        return measure


def test_the_setting_and_its_code_are_printed(tune_here, tmp_path, monkeypatch) -> None:
    Speeds(monkeypatch, [1.0, 2.0])
    folder = tmp_path / "out"
    code, out, _ = tune_here(TARGET, *KNOBS, "--budget", "1h", "--out", str(folder))
    assert code == 0
    assert "num_workers=0" in out
    assert "fresh blocks" in out
    tuning = read_tuning(folder)
    assert (tuning.outcome.verdict, tuning.outcome.chosen) == ("gain", 1)
    assert any("num_workers=0" in line for line in tuning.code)


def test_nothing_to_gain_is_said(tune_here, tmp_path, monkeypatch) -> None:
    Speeds(monkeypatch, [1.0, 0.5])
    code, out, _ = tune_here(TARGET, *KNOBS, "--out", str(tmp_path / "out"))
    assert code == 0
    assert "Nothing to gain" in out


def test_interrupt_keeps_what_was_measured(tune_here, tmp_path, monkeypatch) -> None:
    count = 0

    def run_trial(self: BlockTrials, *_: int, workload: Workload) -> Iterator[object]:
        nonlocal count
        count += 1
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(BlockTrials, "run_trial", run_trial)
    folder = tmp_path / "out"
    code, _, _ = tune_here(TARGET, *KNOBS, "--out", str(folder))
    assert code == 130
    assert count == 1
    tuning = read_tuning(folder)
    assert tuning.interrupted
    assert tuning.outcome.chosen == 0


def test_interrupt_between_trials_keeps_what_was_measured(tune_here, tmp_path, monkeypatch) -> None:
    """One may come while the policy computes."""
    for name in ("pending", "first"):
        monkeypatch.setattr(interrupts._State, name, getattr(interrupts._State, name))
    speeds = Speeds(monkeypatch, [1.0, 2.0])
    add_block = Race.add_block

    def add(race: Race, found: Mapping[int, float]) -> tuple[int, ...]:
        if race.blocks == 1:
            interrupts._handle(signal.SIGINT, None)
        return add_block(race, found)

    monkeypatch.setattr(Race, "add_block", add)
    # These trials take no process, in which an interrupt would be noticed.
    measure = ProcessLab.measure
    monkeypatch.setattr(ProcessLab, "measure", lambda lab, *trial: (check(lab), measure(lab, *trial))[1])
    folder = tmp_path / "out"
    code, out, _ = tune_here(TARGET, *KNOBS, "--budget", "1h", "--out", str(folder))
    assert code == 130
    assert "only what was measured until then is judged" in out
    tuning = read_tuning(folder)
    assert tuning.interrupted
    assert tuning.outcome.race_blocks == 2
    assert len(speeds.trials) == 4


def check(lab: ProcessLab) -> None:
    """Do what a trial in a process does first."""
    if lab.is_closed:
        raise LabClosedError
    with lab._close_on_error():
        pass


def test_batches_of_an_epoch_are_those_that_were_asked_for(tune_here, tmp_path, monkeypatch) -> None:
    Speeds(monkeypatch, [1.0, 2.0])
    lengths: list[int] = []
    make_trials = StageSetup.make_trials

    def make(setup: StageSetup, stage: Stage, batches: int, *rest: Any) -> StageTrials:
        lengths.append(batches)
        return make_trials(setup, stage, batches, *rest)

    monkeypatch.setattr(StageSetup, "make_trials", make)
    code, _, _ = tune_here(TARGET, *KNOBS, "--batches", "3", "--out", str(tmp_path / "out"))
    assert code == 0
    assert lengths == [3, 3]


def test_full_disk_ends_it_with_one_line(tune_here, tmp_path, monkeypatch) -> None:
    def run_trial(self: BlockTrials, *_: int, workload: Workload) -> Iterator[object]:
        raise StorageError(Path("runs.csv"), OSError(28, "No space left on device"))
        yield

    monkeypatch.setattr(BlockTrials, "run_trial", run_trial)
    code, _, err = tune_here(TARGET, *KNOBS, "--out", str(tmp_path / "out"))
    assert code == 1
    assert err.count("No space left on device") == 1


def test_present_configuration_that_fails_is_one_line(tune_here, tmp_path) -> None:
    (tmp_path / "broken.py").write_text(
        "from torch.utils.data import DataLoader\n"
        "class Broken(list):\n"
        "    count = 0\n"
        "    def __getitem__(self, index):\n"
        "        Broken.count += 1\n"
        "        if Broken.count > 40:\n"
        "            raise OSError('the disk is gone')\n"
        "        return index\n"
        "loader = DataLoader(Broken(range(1000)), batch_size=2)\n"
    )
    code, _, err = tune_here(
        f"{tmp_path / 'broken.py'}:loader", *KNOBS, "--num-workers", "0,1", "--out", str(tmp_path / "out")
    )
    assert code == 1
    assert "the disk is gone" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("stage", "stop"), [("race", "data"), ("confirm", None)])
def test_data_that_are_gone_keep_what_was_measured(tune_here, tmp_path, monkeypatch, stage, stop) -> None:
    """Before a part of the tuning begins. One line says it."""
    Speeds(monkeypatch, [1.0, 2.0])
    make_trials = StageSetup.make_trials

    def make(setup: StageSetup, begun: Stage, *rest: Any) -> StageTrials:
        if begun == stage:
            raise DataError("train-images: can't be read")
        return make_trials(setup, begun, *rest)

    monkeypatch.setattr(StageSetup, "make_trials", make)
    # These trials take no process, in which it would be noticed that there are none.
    measure = ProcessLab.measure
    monkeypatch.setattr(ProcessLab, "measure", lambda lab, *trial: (check(lab), measure(lab, *trial))[1])
    folder = tmp_path / "out"
    code, out, err = tune_here(TARGET, *KNOBS, "--budget", "1h", "--out", str(folder))
    assert code == 1
    assert err.count("train-images: can't be read") == 1
    assert "Only what was measured until then is judged" in " ".join(out.split())
    tuning = read_tuning(folder)
    assert (tuning.problem, tuning.interrupted) == ("train-images: can't be read", False)
    assert tuning.outcome.stop == stop or (stop is None and tuning.outcome.stop in ("one left", "regret"))
    assert bool(tuning.outcome.race_blocks) == (stage == "confirm")


def test_changed_data_end_a_part_before_it_begins(tune_here, tmp_path, monkeypatch) -> None:
    """There are no notices of loaders that lack their data then."""
    Speeds(monkeypatch, [1.0, 2.0])
    begun: list[str] = []
    monkeypatch.setattr(StageSetup, "make_trials", lambda setup, stage, *_: begun.append(stage))
    monkeypatch.setattr(OwnLoader, "find_changed", lambda workload: Path("images") if looked else None)
    looked: list[bool] = []
    make_space = Search.make_space

    def make(search: Search, *look: Any) -> Any:
        found = make_space(search, *look)
        looked.append(True)
        return found

    monkeypatch.setattr(Search, "make_space", make)
    measure = ProcessLab.measure
    monkeypatch.setattr(ProcessLab, "measure", lambda lab, *trial: (check(lab), measure(lab, *trial))[1])
    code, _, err = tune_here(TARGET, *KNOBS, "--out", str(tmp_path / "out"))
    assert (code, begun) == (1, [])
    assert "the data changed during the measurement: images was written to" in err
    assert read_tuning(tmp_path / "out").outcome.stop == "data"


def test_interrupt_after_the_last_trial_keeps_the_answer(tune_here, tmp_path, monkeypatch) -> None:
    """One may come while the files are written."""
    for name in ("pending", "first"):
        monkeypatch.setattr(interrupts._State, name, getattr(interrupts._State, name))
    Speeds(monkeypatch, [1.0, 2.0])

    def write(folder: Path, tuning: Tuning) -> Path:
        interrupts._handle(signal.SIGINT, None)
        return write_tuning(folder, tuning)

    monkeypatch.setattr("bench.runner.tuning.tune_session.write_tuning", write)
    folder = tmp_path / "out"
    code, out, _ = tune_here(TARGET, *KNOBS, "--budget", "1h", "--out", str(folder))
    assert code == 130
    assert "fresh blocks" in out
    tuning = read_tuning(folder)
    assert (tuning.outcome.verdict, tuning.interrupted) == ("gain", False)


def test_a_whole_grid_that_tells_no_regret_says_why(tune_here, tmp_path, monkeypatch) -> None:
    """The chosen setting failed in it."""
    line = "The whole grid tells no regret, as num_workers=0 has no sound trial in it: boom."
    Speeds(monkeypatch, [1.0, 2.0])

    def measure(sweep: PreparedSweep, choice: Any, observer: SweepObserver) -> SweepConclusion:
        del choice, observer
        rows = [
            {
                "configuration": number,
                "block": 0,
                "epoch": 1,
                "status": "failed" if number else "ok",
            }
            for number in (0, 1)
        ]
        known = {"samples": 10.0, "batches": 5, "wall_s": 1.0, "late_s": 0.5, "error": "boom"}
        table: Any = SimpleNamespace(runs=pd.DataFrame([{**row, **known} for row in rows]))
        outcome = SweepOutcome(0, (), interrupted=False)
        return SweepConclusion(sweep, None, outcome, results=table)  # type: ignore[arg-type]

    monkeypatch.setattr(exhaustive, "measure_sweep", measure)
    stages = [StageFacts("race", 10, 1.0, 20)]
    monkeypatch.setattr("bench.runner.tuning.tune_session.describe_stages", lambda lab: stages)
    folder = tmp_path / "out"
    code, out, _ = tune_here(TARGET, *KNOBS, "--budget", "1h", "--exhaustive", "--out", str(folder))
    assert code == 0
    assert line in " ".join(out.split())
    tuning = read_tuning(folder)
    assert tuning.exhaustive is None
    assert line in tuning.cautions


def test_a_loader_that_can_be_read_once_is_refused(tune_here, tmp_path) -> None:
    """The line names no option that a tuning lacks."""
    (tmp_path / "once.py").write_text("import torch\nloader = iter([torch.zeros(2)] * 3)\n")
    code, _, err = tune_here(f"{tmp_path / 'once.py'}:loader", "--out", str(tmp_path / "out"))
    assert code == 2
    assert err.endswith("ends after one epoch, as an iterator does: give the function that makes it\n")


def test_a_target_that_hangs_ends_with_the_budget(tune_here, tmp_path) -> None:
    """Nothing is left of it."""
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(600)\n")
    target = f"{tmp_path / 'slow.py'}:loader"
    code, _, err = tune_here(target, "--budget", "1s", "--out", str(tmp_path / "out"))
    assert code == 2
    assert f"error: {target} gave no batch within 1 s (--budget); its output is in " in err
    Path(err.rpartition(" ")[2].strip()).unlink()
    assert not (tmp_path / "out").exists()


def test_one_of_several_calls_is_changed(tune_here, tmp_path, monkeypatch) -> None:
    """The call that made the loader is known, before anything is measured and after it."""
    Speeds(monkeypatch, [1.0, 2.0])
    script = tmp_path / "train.py"
    text = (
        "import torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "data = TensorDataset(torch.zeros(64, 2))\n"
        "val_loader = DataLoader(data, batch_size=4)\n"
        "train_loader = DataLoader(data, 8, num_workers=1)\n"
    )
    script.write_text(text)
    folder = tmp_path / "out"
    target = f"{script}:train_loader"
    code, _, _ = tune_here(target, *KNOBS, "--budget", "1h", "--out", str(folder), "--apply", "--yes")
    assert code == 0
    assert script.read_text() == text.replace("num_workers=1", "num_workers=0")
    assert read_tuning(folder).loader_call == LoaderCall(str(script), 5)
    made = text.replace("val_loader = ", "def make(n): return ").replace(
        "DataLoader(data, 8, num_workers=1)", "[make(2), make(3)][0]"
    )
    script.write_text(made)
    code, _, err = tune_here(target, *KNOBS, "--out", str(tmp_path / "other"), "--apply", "--yes")
    assert (code, script.read_text()) == (2, made)
    assert f"{script} line 4 makes several DataLoaders, of which one is tuned" in err
