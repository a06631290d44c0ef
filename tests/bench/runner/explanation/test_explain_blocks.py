"""The blocks of an explanation: trials and probes in shuffled order, and what is left of them."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.analysis.evidence import BlockEvidence, PilotChange
from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import Plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule, schedule_runs
from bench.records.probe_files import BATCH_COLUMNS, LADDER_COLUMNS, ProbeFiles
from bench.records.results_folder import read_ceilings, read_runs
from bench.records.row import Row
from bench.records.rung_time import MissingRung, PickleCost, RungTime
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.explanation.explain_blocks import ExplainBlocks
from bench.runner.explanation.pilot_plans import PlannedPilot
from bench.runner.explanation.probe_runner import ProbeError
from bench.runner.sweep_files import SweepFiles
from bench.trial.probe import Probe
from tests.bench.analysis.replay.traces import MadeUpLoader
from tests.bench.runner.test_blocks import FakeRunner
from tests.fakes import numbered_workload

PLAN = make_plan(Request(single=True), Machine(cuda=False, num_threads=2))
EVERYTHING = {"torch_dataloader", "step_ceiling", "trace", "ladder"}


@dataclass
class Measured:
    """Runs trials and probes that measure nothing, and notes them all in their order.

    Attributes:
        change: changes of a trial's row.
        fail: error of a probe; empty for none.
        ran: names of trials and probes, each with its block.
    """

    change: Callable[[Any], dict[str, Any]] = lambda trial: {}
    fail: Callable[[Probe], str] = lambda probe: ""
    ran: list[tuple[str, int]] = field(default_factory=list)

    def run(self, asked: Any) -> Any:
        return self._probe(asked) if isinstance(asked, Probe) else self._try(asked)

    def _try(self, trial: Any) -> Iterator[Row]:
        self.ran.append((trial.configuration.spec.family, trial.block))
        yield from FakeRunner(self.change).run(trial)

    def _probe(self, probe: Probe) -> list[Any]:
        self.ran.append((probe.kind, probe.block))
        if error := self.fail(probe):
            raise ProbeError(error)
        if probe.kind == "trace":
            loader = MadeUpLoader(transforms={"ToTensor": 0.002}, batches=40)
            return [loader.make_trace(epoch) for epoch in range(probe.epochs)]
        return [
            RungTime("fetch", "", 1, probe.block, 4, 16, 0.25, 0.125),
            RungTime("transform", "=Odd", 2, probe.block, 4, 16, 0.5, 0.25, startup_s=0.01),
            MissingRung("collate", "", 3, "the next stage needs it"),
            PickleCost(1000, 0.125),
        ]

    def list_block(self, block: int) -> list[str]:
        return [name for name, of in self.ran if of == block]


def measure(
    measured: Measured,
    folder: Path,
    blocks: int = 3,
    budget_s: float | None = None,
    plan: Plan = PLAN,
    list_pilots: Callable[[BlockEvidence], list[PlannedPilot]] | None = None,
) -> ExplainBlocks:
    """Run the blocks of one configuration and its step alone."""
    schedule = Schedule(blocks=blocks, epochs=2, seed=0)
    ceilings = {c: b for c, b in find_ceilings(plan).items() if c.spec.family == "step_ceiling"}
    runs = schedule_runs(plan, ceilings, schedule.epochs)
    progress = SweepProgress(
        Console(file=io.StringIO()), ["loader", "step", "trace", "ladder"], dict.fromkeys(range(4), 1.0),
        blocks, budget_s,
    )  # fmt: skip
    design = BlockDesign(plan, runs, schedule, numbered_workload())
    trials = BlockTrials(design, SweepFiles(folder), runner=measured, progress=progress)  # type: ignore[arg-type]
    with ProbeFiles(folder) as files, trials:
        found = ExplainBlocks(trials, measured, files, list_pilots)
        found.run()
    return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_block_holds_everything_once(tmp_path) -> None:
    """In an order of its own; all of it is on file, and in the evidence."""
    measured = Measured()
    found = measure(measured, tmp_path)
    orders = [measured.list_block(block) for block in range(3)]
    assert [Counter(order) for order in orders] == [Counter(EVERYTHING)] * 3
    assert orders[0] != orders[1] or orders[1] != orders[2]
    evidence = found.find_evidence()
    assert [one.block for one in evidence] == [0, 1, 2]
    for one in evidence:
        assert [row.family for row in (*one.whole, *one.step_alone)] == ["torch_dataloader", "step_ceiling"]
        assert [trace.epoch for trace in one.traces] == [0, 1]
        assert [rung.rung for rung in one.rungs] == ["fetch", "transform"]
    assert found.failures == {"rung collate": "the next stage needs it"}
    assert found.pickle_cost == PickleCost(1000, 0.125)
    assert set(read_runs(tmp_path)["family"]) == {"torch_dataloader"}
    assert set(read_ceilings(tmp_path)["family"]) == {"step_ceiling"}


def test_probes_have_files_of_their_own(tmp_path) -> None:
    """One line a rung, one line a batch; a spreadsheet takes no cell for a formula."""
    measure(Measured(), tmp_path, blocks=1)
    rungs, batches = read(tmp_path / "ladder.csv"), read(tmp_path / "batches.csv")
    assert list(rungs[0]) == [*LADDER_COLUMNS]
    assert list(batches[0]) == [*BATCH_COLUMNS]
    assert [(rung["rung"], rung["wall_s"], rung["startup_s"]) for rung in rungs] == [
        ("fetch", "0.25", "0"), ("transform", "0.5", "0.01"),
    ]  # fmt: skip
    assert rungs[1]["stage"] == "'=Odd"
    assert [(batch["epoch"], batch["batch"]) for batch in batches] == [
        (str(epoch), str(number)) for epoch in range(2) for number in range(40)
    ]
    assert float(batches[0]["asked_s"]) < float(batches[0]["arrived_s"])
    assert batches[0]["transform_s"].startswith("ToTensor=0.002")
    # The slowest twentieth.
    assert sum(bool(batch["indices"]) for batch in batches) in (0, 4)


def test_a_probe_that_fails_is_one_line(tmp_path) -> None:
    """It isn't run again, and the rest is explained without it."""
    measured = Measured(fail=lambda probe: "no room" if (probe.kind, probe.block) == ("trace", 1) else "")
    found = measure(measured, tmp_path)
    assert found.failures["trace"] == "no room"
    assert Counter(name for name, _ in measured.ran) == {**dict.fromkeys(EVERYTHING, 3), "trace": 2}
    assert [len(one.traces) for one in found.find_evidence()] == [2, 0, 0]


def test_a_step_that_fails_alone_is_one_line(tmp_path) -> None:
    """The configuration itself is measured all the same."""
    measured = Measured(
        lambda trial: {} if trial.audited else {"status": "failed", "error": "no batch to capture"}
    )
    found = measure(measured, tmp_path)
    assert found.failures["step alone"] == "no batch to capture"
    assert found.failure == ""
    assert [(len(one.whole), len(one.step_alone)) for one in found.find_evidence()] == [(1, 0)] * 3


def test_a_configuration_that_fails_ends_the_blocks(tmp_path) -> None:
    """There is nothing to explain then."""
    measured = Measured(lambda trial: {"status": "timeout", "error": "too slow"} if trial.audited else {})
    found = measure(measured, tmp_path)
    assert found.failure == "too slow"
    assert found.find_evidence() == ()
    assert {block for _, block in measured.ran} == {0}


def test_a_configuration_that_fails_late_keeps_what_was_measured(tmp_path) -> None:
    """The blocks before can be explained."""
    late = {"status": "failed", "error": "out of memory"}
    measured = Measured(lambda trial: late if trial.audited and trial.block == 2 else {})
    found = measure(measured, tmp_path)
    assert found.failure == "out of memory"
    assert [one.block for one in found.find_evidence()] == [0, 1]


def test_a_disturbed_trial_is_run_once_more(tmp_path) -> None:
    """Its undisturbed repetition counts; where both were disturbed, the second does."""
    measured = Measured(
        lambda trial: {
            "disturbed": "a neighbour" if trial.block == 1 or (trial.block, trial.attempt) == (0, 0) else None
        }
    )
    found = measure(measured, tmp_path, blocks=3)
    assert Counter(measured.list_block(0)) == {
        **dict.fromkeys(EVERYTHING, 1),
        "torch_dataloader": 2,
        "step_ceiling": 2,
    }
    assert Counter(measured.list_block(2)) == dict.fromkeys(EVERYTHING, 1)
    assert [one.whole[0].attempt for one in found.find_evidence()] == [1, 1, 0]
    assert [one.whole[0].disturbed for one in found.find_evidence()] == [None, "a neighbour", None]


def test_a_budget_leaves_out_whole_blocks(tmp_path, monkeypatch) -> None:
    """The first one is always measured; a part of a block has nothing to be compared with."""
    now = [0.0]
    for module in ("bench.report.progress.sweep_progress", "bench.runner.block_trials"):
        monkeypatch.setattr(f"{module}.read_running_s", lambda: now[0])

    def take(_: object) -> dict[str, Any]:
        now[0] += 10.0
        return {}

    measured = Measured(take)
    found = measure(measured, tmp_path, blocks=5, budget_s=45.0)
    assert found.left_out == 3
    assert [len(measured.list_block(block)) for block in range(5)] == [4, 4, 0, 0, 0]
    assert len(found.find_evidence()) == 2


def test_rows_of_the_gpu_are_not_the_loaders(tmp_path) -> None:
    """An epoch that is timed by events ran beside another load."""
    plan = make_plan(Request(single=True), Machine(cuda=True, num_threads=2))
    measured = Measured(lambda trial: {"timed_by": "events"} if trial.block == 1 else {})
    found = measure(measured, tmp_path, blocks=2, plan=plan)
    assert [one.block for one in found.find_evidence()] == [0]


@pytest.mark.parametrize("block", [0, 2])
def test_an_interrupt_leaves_what_was_measured(tmp_path, block) -> None:
    """Evidence holds the blocks before it."""

    def interrupt(trial: Any) -> dict[str, Any]:
        if trial.block == block:
            raise KeyboardInterrupt
        return {}

    measured = Measured(interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure(measured, tmp_path)
    assert read_runs(tmp_path)["block"].nunique() == block


def plan_pilots(*changes: PilotChange) -> Callable[[BlockEvidence], list[PlannedPilot]]:
    """Return what suggests changes, the second one once the first was tried."""

    def suggest(block: BlockEvidence) -> list[PlannedPilot]:
        setup = MadeUpLoader().make_setup()
        configuration = PLAN.configurations[0]
        return [PlannedPilot(change, configuration, setup) for change in changes[: 1 + len(block.pilots)]]

    return suggest


WORKERS, THREADS = PilotChange("own", (("num_workers", 2),)), PilotChange("own", (("num_threads", 1),))


def test_pilots_run_in_each_block(tmp_path) -> None:
    """The first block decides, where one may suggest another; their batches are on file by their names."""
    measured = Measured()
    found = measure(measured, tmp_path, list_pilots=plan_pilots(WORKERS, THREADS))
    assert [Counter(measured.list_block(block)) for block in range(3)] == [
        Counter([*EVERYTHING, "trace", "trace"])
    ] * 3
    for one in found.find_evidence():
        assert {pilot.change for pilot in one.pilots} == {WORKERS, THREADS}
        assert all([trace.epoch for trace in pilot.traces] == [0, 1] for pilot in one.pilots)
        assert len(one.traces) == 2
    names = Counter((line["pilot"], line["block"]) for line in read(tmp_path / "batches.csv"))
    assert names == {(name, str(n)): 80 for name in ("", WORKERS.name, THREADS.name) for n in range(3)}


def test_a_pilot_that_fails_is_left_out(tmp_path) -> None:
    """The rest is explained without it, and it isn't tried again."""
    measured = Measured()
    measured.fail = lambda probe: "it died" * (len(measured.ran) == 5)
    found = measure(measured, tmp_path, list_pilots=plan_pilots(WORKERS))
    assert found.failures["trying num_workers=2"] == "it died"
    assert [len(measured.list_block(block)) for block in range(3)] == [5, 4, 4]
    assert all(not one.pilots for one in found.find_evidence())


def test_a_budget_leaves_pilots_out(tmp_path) -> None:
    """The block itself goes first."""
    measured = Measured()
    found = measure(measured, tmp_path, budget_s=1e-9, list_pilots=plan_pilots(WORKERS))
    assert len(measured.ran) == 4
    assert found.left_out == 2


def test_a_pilot_that_shows_no_batch_is_none(tmp_path) -> None:
    """Its epochs have no length to compare."""
    measured = Measured()
    taken = measured._probe
    measured._probe = lambda probe: [] if len(measured.ran) >= 4 else taken(probe)  # type: ignore[method-assign]
    blocks = measure(measured, tmp_path, blocks=1, list_pilots=plan_pilots(WORKERS))
    assert all(not one.pilots for one in blocks.find_evidence())
