"""Tests of the regret of tunings: the judgement, the order, the files, and what an interrupt leaves."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import pandas as pd
import pytest
from rich.console import Console

from bench import validate
from bench.analysis.throughputs import Throughputs
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuning import Candidate, StageFacts, Tuning
from bench.cli.regret_options import GRID, make_regret_options, resume_regret
from bench.plan.axes import SpaceFacts
from bench.plan.search_space import make_space
from bench.plan.tune_options import TuneOptions
from bench.records.errors import ResultsError
from bench.records.results_folder import read_environment, read_runs, write_json
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.tuning import exhaustive
from bench.runner.tuning.tune_session import prepare_tuning
from bench.validation.tuning import measure_regret as module
from bench.validation.tuning import regret_measuring
from bench.validation.tuning.measure_regret import measure_regret
from bench.validation.tuning.real_tuning import NotTunedError
from bench.validation.tuning.regret_options import RegretOptions
from bench.validation.tuning.seed_tuning import SeedRegret, SeedTuning, find_regret, judge_tuning, passes
from bench.validation.tuning.whole_grid import prepare_grid
from bench.workloads.choice import choose_workload

# Number 2 is the fastest in all blocks but one.
SPEEDS = {
    0: {0: 50.0, 1: 50.0, 2: 50.0, 3: 50.0},
    1: {0: 100.0, 1: 96.0, 2: 100.0, 3: 96.0},
    2: {0: 104.0, 1: 104.0, 2: 90.0, 3: 104.0},
}
TUNED = SeedTuning(0, "gain", "regret", "one", 1, 1, 2.0, 0.03, 3, 40, 10.0)
FINALS = {1: {0: 100.0, 1: 50.0, 2: 100.0}, 2: {0: 104.0, 1: 52.0, 2: 80.0}, 3: {0: 90.0, 2: 90.0}}
RIGHT = SeedRegret(regret=0.049, grid_regret=0.2, leader_regret=0.2, time_share=0.2)


def test_a_choice_is_judged_by_the_final_blocks() -> None:
    """The machine's speed has halved in the second one, which a ratio inside a block doesn't see."""
    judged = judge_tuning(TUNED, SPEEDS, FINALS, 100.0)
    assert judged.regret == pytest.approx(0.04)
    assert judged.leader_regret == judged.regret
    assert judged.grid_regret == pytest.approx(104 / 98 - 1)
    assert judged.time_share == 0.1
    best = judge_tuning(replace(TUNED, number=2), SPEEDS, FINALS, 100.0)
    assert best.regret == 0.0
    assert (best.is_close, best.is_quick, best.is_right) == (True, True, True)


def test_a_choice_that_the_grid_lacks_is_not_right() -> None:
    """One that failed in the grid isn't, either."""
    for number in (None, 7):
        judged = judge_tuning(replace(TUNED, number=number), SPEEDS, FINALS, 100.0)
        assert (judged.regret, judged.grid_regret, judged.is_right) == (None, None, False)
    empty = judge_tuning(TUNED, {}, {}, 0.0)
    assert (empty.regret, empty.time_share, empty.is_right) == (None, None, False)


@pytest.mark.parametrize(
    ("wrong", "count", "total", "passed"),
    [
        (replace(RIGHT, regret=0.05), 1, 10, True),
        (replace(RIGHT, regret=0.05), 2, 10, False),
        (replace(RIGHT, time_share=0.201), 2, 10, False),
        (replace(RIGHT, regret=None), 1, 3, False),
        (RIGHT, 3, 3, True),
        (RIGHT, 0, 0, False),
    ],
)
def test_nine_of_ten_must_be_right(wrong, count, total, passed) -> None:
    assert passes([wrong] * count + [RIGHT] * (total - count)) is passed


@pytest.mark.parametrize(
    ("seeds", "blocks", "steps"),
    [
        (4, 2, [0, None, 1, 2, None, 3]),
        (2, 2, [0, None, 1, None]),
        (1, 3, [None, 0, None, None]),
    ],
)
def test_blocks_lie_evenly_between_the_tunings(seeds, blocks, steps) -> None:
    assert RegretOptions(lambda seed, out: None, (), seeds, blocks).list_steps() == steps


def make_tuning(chosen: int) -> Tuning:
    """Return a tuning of three settings that chose one of them."""
    candidates = tuple(Candidate(name, {"name": name}, {}, 1) for name in ("zero", "one", "two"))
    outcome = Outcome(chosen, chosen, chosen, (chosen,), {}, "undecided", "regret", 0.02, 5, 8)
    return Tuning("t", "cpu", "none", 2, candidates, (), outcome, 0.03, 0.95, (StageFacts("race", 20, 10.0),))


class FakeGrid:
    """A whole grid that takes no time.

    Attributes:
        ends_at: number of blocks after which an interrupt comes; None for none.
    """

    names = ("zero", "one", "two")
    block_s = 50.0
    choice = SimpleNamespace(workload=SimpleNamespace(name="data", digest="0"))

    def __init__(self, ends_at: int | None = None) -> None:
        self.ends_at = ends_at
        self.blocks = 0
        self.seconds = 0.0
        self.part_s = 0.0
        self.numbers: tuple[int, ...] = (0, 1, 2)

    def measure(self, blocks: int = 1) -> None:
        if self.blocks == self.ends_at:
            raise KeyboardInterrupt
        self.blocks += blocks
        self.seconds += 1e6

    def choose(self, numbers, folder) -> FakeGrid:
        assert folder.name.startswith("finals")
        finals = FakeGrid()
        finals.numbers = tuple(numbers)
        return finals

    def find_number(self, cells) -> int | None:
        return self.names.index(cells["name"])

    def read_speeds(self) -> Throughputs:
        return {
            place: {block: speed for block, speed in SPEEDS[number].items() if block < self.blocks}
            for place, number in enumerate(self.numbers)
            if self.blocks
        }


Measure = Callable[..., tuple[int, str, Path]]


@pytest.fixture
def measure(monkeypatch, tmp_path) -> Measure:
    """Return a function that measures without processes: a function says what each seed chooses."""

    def run(choose, grid: FakeGrid | None = None, *, resumed: bool = False) -> tuple[int, str, Path]:
        def tune(options, name) -> Tuning:
            options.order.out.mkdir()
            for file in ("tuning.json", "report.html", "race.png"):
                (options.order.out / file).write_text("")
            return make_tuning(choose(name))

        monkeypatch.setattr(module, "prepare_grid", lambda options, observer: grid or FakeGrid())
        monkeypatch.setattr(regret_measuring, "run_tuning", tune)

        def make_order(seed: int, folder: Path) -> SimpleNamespace:
            return SimpleNamespace(order=SimpleNamespace(budget_s=10.0, out=folder))

        out = io.StringIO()
        options = RegretOptions(make_order, ("train.py",), 4, 4, tmp_path / "out", is_resumed=resumed)
        try:
            code = measure_regret(options, Console(file=out, width=100))
        except KeyboardInterrupt:
            code = 130
        return code, out.getvalue(), tmp_path / "out"

    return run


def test_every_tuning_is_kept_beside_its_regret(measure) -> None:
    code, out, folder = measure(lambda name: 2)
    assert code == 0, out
    assert sorted(path.name for path in folder.iterdir()) == [
        "environment.json", "grid_speeds.csv", "regret.csv", "seed-0", "seed-1", "seed-2", "seed-3",
        "table.md",
    ]  # fmt: skip
    # Charts can be drawn again.
    assert "finals: 3 settings, 20 blocks" in out
    assert [path.name for path in (folder / "seed-0").iterdir()] == ["tuning.json"]
    rows = pd.read_csv(folder / "regret.csv")
    assert rows["seed"].tolist() == [0, 1, 2, 3]
    speeds = pd.read_csv(folder / "grid_speeds.csv")
    assert speeds.groupby("part").size().to_dict() == {"finals": 12, "grid": 12}
    assert speeds.loc[speeds["setting"] == "two", "samples_per_s"].tolist() == [104.0, 104.0, 90.0, 104.0] * 2
    assert rows["regret"].tolist() == [0.0] * 4
    assert "4 of 4 tunings took at most 20% of the time" in (folder / "table.md").read_text()
    environment = read_environment(folder)
    assert environment["command"] == "python -m bench.validate --regret --seeds 4 --blocks 4 -- train.py"
    assert environment["regret"]["configurations"] == 3
    table = out.split("\n\n")[1]
    assert all(len(line) <= 100 for line in table.splitlines())


def test_one_far_choice_of_four_is_exit_code_1(measure) -> None:
    code, out, folder = measure(lambda name: 0 if name == "seed-2" else 2)
    assert code == 1
    assert out.count("WRONG") == 1
    assert pd.read_csv(folder / "regret.csv")["regret"].tolist() == pytest.approx([0, 0, 1.08, 0])


def test_an_interrupt_leaves_what_was_measured(measure) -> None:
    code, out, folder = measure(lambda name: 2, FakeGrid(ends_at=2))
    assert code == 130
    assert "in 2 of 4 blocks" in out
    rows = pd.read_csv(folder / "regret.csv")
    assert rows["grid_regret"].tolist() == [0.0] * 3
    assert rows["regret"].isna().all()
    # The time of the grid is that of all its blocks, by those that were measured.
    assert rows["time_share"].tolist() == pytest.approx(rows["seconds"] / 4e6)


def choose_or_fail(name: str) -> int:
    if name == "seed-2":
        raise OSError("the disk is gone")
    return 2


def test_a_tuning_that_fails_is_a_row_with_its_cause(measure) -> None:
    """The others are measured, and it counts as wrong."""
    code, out, folder = measure(choose_or_fail)
    assert code == 1
    rows = pd.read_csv(folder / "regret.csv")
    assert rows["seed"].tolist() == [0, 1, 3, 2]
    assert rows["is_right"].tolist() == [True, True, True, False]
    assert rows["error"].iloc[3].startswith("OSError: the disk is gone (")
    assert "seed 2 failed: OSError: the disk is gone" in (folder / "table.md").read_text()
    assert "3 of 4 tunings took" in out
    assert f"Measure the rest: python -m bench.validate --regret --resume {folder}" in out.replace("\n", "")


def test_all_tunings_that_fail_are_kept(measure) -> None:
    def fail(name: str) -> int:
        raise NotTunedError(f"{name}: no data")

    code, out, folder = measure(fail)
    assert code == 1
    assert pd.read_csv(folder / "regret.csv")["error"].tolist() == [
        f"seed-{seed}: no data" for seed in range(4)
    ]
    assert "0 of 4 tunings took" in out


def test_a_measuring_goes_on_where_it_failed(measure) -> None:
    """Blocks that were measured are not measured again, and a tuning that failed has another folder."""
    measure(choose_or_fail)
    asked = []

    def choose(name: str) -> int:
        asked.append(name)
        return 2

    grid = FakeGrid()
    code, out, folder = measure(choose, grid, resumed=True)
    assert asked == ["seed-2-2"]
    assert (code, grid.blocks) == (0, 4)
    rows = pd.read_csv(folder / "regret.csv")
    assert rows["seed"].tolist() == [0, 1, 2, 3]
    assert rows["chosen"].tolist() == ["two"] * 4
    assert rows["error"].isna().all()
    assert rows["time_share"].tolist() == pytest.approx(rows["seconds"] / 4e6)
    assert "Measure the rest" not in out
    assert read_environment(folder)["regret"]["finals"] == {"folder": "finals", "settings": [2, 1, 0]}


def test_other_finalists_have_blocks_of_their_own(measure) -> None:
    _, _, folder = measure(choose_or_fail)
    (folder / "finals").mkdir()
    environment = read_environment(folder)
    environment["regret"]["finals"]["settings"] = [2, 1]
    write_json(folder / "environment.json", environment)
    assert measure(lambda name: 2, resumed=True)[0] == 0
    assert read_environment(folder)["regret"]["finals"] == {"folder": "finals-2", "settings": [2, 1, 0]}


def test_a_measuring_goes_on_after_an_interrupt(measure) -> None:
    measure(lambda name: 2, FakeGrid(ends_at=2))
    asked = []
    grid = FakeGrid()
    code, out, folder = measure(lambda name: asked.append(name) or 2, grid, resumed=True)
    assert asked == ["seed-3"]
    assert (code, grid.blocks) == (0, 4)
    assert "1 tuning of 3 settings, and 2 blocks" in out
    assert pd.read_csv(folder / "regret.csv")["seed"].tolist() == [0, 1, 2, 3]


def test_another_machine_or_other_data_are_refused(measure, monkeypatch) -> None:
    _, _, folder = measure(lambda name: 2)
    environment = read_environment(folder)
    for part, name, error in (("dataset", "sha256", "other data"), ("machine", "id", "id other, now ")):
        changed = {**environment[part], name: "other"}
        write_json(folder / "environment.json", {**environment, part: changed})
        with pytest.raises(ResultsError, match=error):
            measure(lambda name: 2, resumed=True)


def test_only_a_folder_of_regrets_can_go_on(tmp_path) -> None:
    with pytest.raises(ResultsError, match=r"environment\.json can't be read"):
        resume_regret(tmp_path)
    write_json(tmp_path / "environment.json", {"regret": {"seeds": 3}})
    with pytest.raises(ResultsError, match="holds no regrets that can go on"):
        resume_regret(tmp_path)
    words = ["--budget", "3m", *GRID]
    write_json(tmp_path / "environment.json", {"regret": {"seeds": 3, "blocks": 2, "words": words}})
    options = resume_regret(tmp_path)
    assert (options.seeds, options.blocks, options.out, options.is_resumed) == (3, 2, tmp_path, True)
    assert options.make_tuning(1, tmp_path / "seed-1").order.budget_s == 180


def test_a_folder_that_is_in_use_is_an_error_before_anything_is_measured(measure, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("")
    with pytest.raises(ResultsError, match="not empty"):
        measure(lambda name: 2)


def test_own_grid_is_large_enough() -> None:
    options = make_regret_options((), "2m", 10, 5, None).make_tuning(3, Path("nowhere"))
    assert (options.order.schedule.seed, options.order.budget_s) == (3, 120.0)
    assert str(options.order.out) == "nowhere"
    choice = choose_workload(options.order)
    sweep = prepare_tuning(options, choice.offer)
    facts = SpaceFacts(cores=2, cuda=False, num_threads=2)
    space = make_space(options.order.request, choice.offer, sweep.plan.configurations[0], facts)
    assert len(space.configurations) >= 200


@pytest.fixture
def tiny(tmp_path) -> Callable[[str, str], TuneOptions]:
    """Return a function that makes the order of a tuning of a target with some numbers of workers."""

    def make(target: str, workers: str) -> TuneOptions:
        knobs = ("--family", "dataloader", "--num-workers", workers, "--prefetch-factor", "2")
        words = (target, *knobs, "--persistent-workers", "off")
        return make_regret_options(words, "5s", 1, 2, None).make_tuning(0, tmp_path / "grid")

    return make


def test_a_grid_goes_on_with_its_next_block(context, tiny, tmp_path, monkeypatch) -> None:
    """Each block is on disk when it ends, and the configurations are those of a tuning."""
    monkeypatch.setattr(exhaustive, "STEADY_S", {"confirm": 0.0})
    project = Path(__file__).parents[2] / "workloads" / "own" / "own_project.py"
    grid = prepare_grid(tiny(f"{project}:loader", "0"), SweepObserver())
    assert grid.read_speeds() == {}
    cells = grid.sweep.plan.configurations[1].cells()
    assert (grid.find_number(cells), grid.find_number({**cells, "num_threads": "77"})) == (1, None)
    grid.measure()
    first = grid.seconds
    grid.measure()
    again = prepare_grid(tiny(f"{project}:loader", "0"), SweepObserver())
    assert again.read_speeds() == grid.read_speeds()
    rows = read_runs(tmp_path / "grid")
    assert grid.blocks == 2
    assert grid.seconds > first > 0
    speeds = grid.read_speeds()
    assert set(speeds) == set(range(len(grid.names)))
    assert all(set(blocks) == {0, 1} for blocks in speeds.values())
    assert (rows["resumed_with"].fillna("") == "").all()
    assert all(find_regret(speeds, number) is not None for number in speeds)


def test_present_setting_that_fails_is_one_line(context, tiny, tmp_path) -> None:
    (tmp_path / "broken.py").write_text(
        "from torch.utils.data import DataLoader\n"
        "class Broken(list):\n"
        "    count = 0\n"
        "    def __getitem__(self, index):\n"
        "        Broken.count += 1\n"
        "        if Broken.count > 20:\n"
        "            raise OSError('the disk is gone')\n"
        "        return index\n"
        "loader = DataLoader(Broken(range(1000)), batch_size=2)\n"
    )
    with pytest.raises(NotTunedError, match="the disk is gone"):
        prepare_grid(tiny(f"{tmp_path / 'broken.py'}:loader", "0,1"), SweepObserver())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--regret", "--tuning"], "--regret: --tuning validates another thing"),
        (["--regret", "--only", "peak"], "--only: "),
        (["--regret", "--", "--seed", "3"], "--seed: --regret chooses it for each tuning itself"),
        (["--regret", "--", "--out=there"], "--out: --regret chooses it for each tuning itself"),
        (["--regret", "--", "--num-worker", "3"], "--num-workers"),
        (["--regret", "--budget", "soon"], "--budget"),
        (["--regret", "--seeds", "0"], "--seeds"),
        (["--seeds", "3"], "--seeds: it needs --regret"),
        (["--resume", "there"], "--resume: it needs --regret"),
        (["--regret", "--resume", "there", "--seeds", "3"], "--seeds: the recorded command says what"),
        (["--regret", "--resume", "there", "train.py"], "train.py: the recorded command says what"),
        (["--tuning", "--budget", "3m"], "--budget: it needs --regret"),
        (["train.py"], "'train.py': only --regret takes a target"),
    ],
)
def test_options_that_contradict_each_other_are_errors(words, message) -> None:
    with pytest.raises(click.ClickException) as raised:
        validate.command.main(words, standalone_mode=False)
    assert message in raised.value.format_message()


def test_target_and_options_of_the_tuning_follow(monkeypatch, tmp_path) -> None:
    asked = []
    monkeypatch.setattr(module, "measure_regret", lambda options, console: asked.append(options) or 0)
    words = ["--regret", "--seeds", "3", "--", "train.py", "--num-workers", "0,2", "--", "--epochs", "2"]
    validate.command.main(words, standalone_mode=False)
    validate.command.main(["--regret"], standalone_mode=False)
    script, default = asked
    assert (script.seeds, script.blocks, default.seeds) == (3, 5, 10)
    assert default.words == ("--budget", "2m", *GRID)
    order = script.make_tuning(1, tmp_path / "seed-1").order
    assert (order.target, order.script_args, order.schedule.seed) == ("train.py", ("--epochs", "2"), 1)
    assert script.command.endswith("-- --budget 2m train.py --num-workers 0,2 -- --epochs 2")
