"""The JSON of a sweep: what a program reads instead of the screen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.aa import check_aa
from bench.plan.screen import Screen
from bench.report.command_output import CommandOutput
from bench.report.remark import Remark
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.outcome import SweepOutcome
from bench.report.sweep.sweep_json import SCHEMA, describe_plan, describe_sweep
from bench.report.sweep.sweep_report import print_answer
from bench.report.sweep.sweep_results import SweepResults
from tests.bench import runs
from tests.bench.report.sweeps import plan_sweep
from tests.bench.runs import blocks, failed
from tests.fakes import numbered_workload
from tests.paths import ROOT

WHOLE = ("--num-workers", "0,1,2", "--prefetch-factor", "none", "--num-threads", "1")
ROWS = [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3), failed(2, 0)]


def conclude(folder: Path, rows: list[Any], outcome: SweepOutcome | None = None) -> SweepConclusion:
    """Return the end of a sweep of three configurations with these rows."""
    if rows:
        runs.written(folder, rows)
    sweep = replace(plan_sweep(*WHOLE), folder=folder)
    results = SweepResults.read(folder) if rows else None
    return SweepConclusion(sweep, numbered_workload(), outcome or SweepOutcome(), results)


def read(capsys, values: dict[str, Any]) -> dict[str, Any]:
    """Return an object as a program reads it from standard output."""
    CommandOutput(Screen(as_json=True)).print_json(values)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_object_has_all_that_the_screen_has(tmp_path, capsys) -> None:
    """Answers, ranking, cautions, notices and the end."""
    conclusion = conclude(tmp_path, ROWS, SweepOutcome(left_out=4))
    found = read(capsys, describe_sweep(conclusion, ["Data are synthetic."], conclusion.exit_code))
    assert (found["schema"], found["exit_code"], found["folder"]) == (SCHEMA, 1, str(tmp_path))
    (answer,) = found["answers"]
    assert found["answer"] == answer["sentence"]
    assert found["answer"].startswith("Use num_workers=1, the fastest: 2 times the baseline num_workers=0")
    assert answer["code"][-1].startswith("loader = DataLoader(")
    assert (answer["configuration"], answer["ratio"]["median"], answer["ratio"]["blocks"]) == (1, 2.0, 3)
    assert [line["rank"] for line in found["ranking"]] == [1, 2, None]
    assert [line["status"] for line in found["ranking"]] == ["ok", "ok", "failed"]
    assert [line["error"] for line in found["ranking"]] == [None, None, "boom"]
    assert found["ranking"][2]["samples_per_s"] is None
    assert found["ranking"][0]["settings"]["num_workers"] == "1"
    assert {"title": "failed num_workers=2", "text": "boom", "grade": "failure"} in found["cautions"]
    assert (found["notices"], found["trials_left_out"], found["interrupted"]) == (
        ["Data are synthetic."],
        4,
        False,
    )


def test_every_member_is_explained(tmp_path) -> None:
    """In docs/cli.md, for those who write the program that reads it."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8").partition("\n## JSON\n")[2]
    found = describe_sweep(conclude(tmp_path, ROWS), [], 1)
    (answer,), line = found["answers"], found["ranking"][0]
    plan = describe_plan(plan_sweep(*WHOLE), 1000)
    names = {*found, *answer, *line, *plan}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_a_sweep_without_rows_has_an_object(tmp_path, capsys) -> None:
    """An interrupt can come before the first epoch is over."""
    problem = OSError("disk is full")
    conclusion = replace(
        conclude(tmp_path, [], SweepOutcome(interrupted=True)),
        problems=(problem,),
        undrawn=(Remark("No charts", "no seaborn"),),
    )
    found = read(capsys, describe_sweep(conclusion, [], 130))
    assert (found["answer"], found["answers"], found["ranking"], found["cautions"]) == (None, [], [], [])
    assert found["problems"] == ["disk is full", "No charts: no seaborn"]
    assert (found["interrupted"], found["exit_code"]) == (True, 130)


def test_a_check_of_the_harness_counts_its_claims(tmp_path, capsys) -> None:
    """And nothing is ranked."""
    conclusion = conclude(tmp_path, [*blocks(0, [2.0] * 3), *blocks(1, [2.0] * 3)])
    assert conclusion.results is not None
    conclusion = replace(conclusion, check=check_aa(conclusion.results.summary))
    found = read(capsys, describe_sweep(conclusion, [], 0))
    assert (found["aa"]["pairs"], found["aa"]["claims"], found["ranking"]) == (1, 0, [])
    assert found["answer"].startswith("A/A holds: 0 of 1 pair told apart")


def test_a_plan_is_an_object_too(capsys) -> None:
    """With the configurations, those that are left out, and how long it takes."""
    sweep = plan_sweep(*WHOLE, "--pin-memory", "off,on", "--dry-run")
    found = read(capsys, describe_plan(sweep, 1000))
    assert [one["configuration"] for one in found["plan"]] == list(range(len(sweep.names)))
    assert found["plan"][0]["settings"]["num_workers"] == "0"
    assert {one["reason"] for one in found["left_out"]} == {"pin_memory=on needs a CUDA device to feed"}
    twice = replace(sweep.options, schedule=replace(sweep.options.schedule, blocks=6))
    longer = describe_plan(replace(sweep, options=twice), 1000)
    assert longer["estimated_s"] == pytest.approx(2 * found["estimated_s"])


def test_a_plan_says_what_can_not_be_measured_here(capsys) -> None:
    """Beside each configuration, as the table of the plan does."""
    found = read(capsys, describe_plan(plan_sweep("--num-workers", "0", "--device", "cpu,cuda"), 1000))
    on_cpu, on_cuda = (one["unavailable"] for one in found["plan"])
    assert on_cpu is None
    assert on_cuda.startswith("no CUDA device here")


def test_a_quiet_sweep_prints_the_answer_alone(tmp_path, capsys) -> None:
    """And what failed on standard error."""
    print_answer(CommandOutput(Screen(quiet=True)).answer, conclude(tmp_path, ROWS))
    out, err = capsys.readouterr()
    assert out.startswith("Use num_workers=1, the fastest")
    assert "loader = DataLoader(" in out
    assert "Throughput" not in out
    assert err == "error: failed num_workers=2: boom\n"
