"""The report of a sweep: files, answer, table and cautions."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bench.records.errors import StorageError
from bench.report.charts.drawing import ChartsError
from bench.report.progress.sweep_printer import SweepPrinter
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.conclusion_file import read_conclusion
from bench.report.sweep.outcome import SweepOutcome
from bench.runner.sweep_session import conclude_sweep
from tests.bench import runs
from tests.bench.report.sweeps import plan_sweep
from tests.bench.runs import blocks, failed
from tests.fakes import numbered_workload


@pytest.fixture
def report(tmp_path, capsys):
    """Report a sweep of two configurations with these rows: (exit code, output, errors)."""

    def run(rows=None, outcome=None, target=None, program="python -m bench.sweep") -> tuple[int, str, str]:
        folder = tmp_path / "out"
        rows = [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3)] if rows is None else rows
        if rows:
            runs.written(folder, rows)
        else:
            folder.mkdir()
        sweep = plan_sweep("--num-workers", "0,1", "--num-threads", "1")
        sweep = replace(sweep, folder=folder, options=replace(sweep.options, target=target, program=program))
        console = Console(file=io.StringIO(), width=140)
        printer = SweepPrinter(console)
        printer.notice("Data are synthetic. No others were found.")
        begun = SweepConclusion(sweep, numbered_workload(), outcome or SweepOutcome())
        code = conclude_sweep(begun, printer).exit_code
        return code, console.file.getvalue().partition("╯")[2], capsys.readouterr().err

    return run


def test_the_answer_comes_first(report, tmp_path) -> None:
    """Then code, table, notice and folder; the files are there."""
    code, text, errors = report()
    assert (code, errors) == (0, "")
    parts = [
        "Use num_workers=1, the fastest: 2 times the baseline num_workers=0",
        "    torch.set_num_threads(1)\n",
        "    loader = DataLoader(",
        "Throughput of steady epochs",
        "All: ",
        "Notice: Data are synthetic.\n",
        "Results: ",
        "Report: ",
    ]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "runs.csv", "summary.csv", "conclusion.json", "report.html", "ranking.png", "where_time_goes.png",
        "throughput_by_workers.png", "memory.png",
    }  # fmt: skip


def test_a_training_that_waits_for_data_has_a_next_command(report, tmp_path) -> None:
    """It explains the baseline of the folder."""
    line = f"Next, why it is slow and what would help: python -m bench.explain {tmp_path / 'out'}\n"
    assert line in report(target="train.py:loader")[1]


def test_a_loader_alone_has_no_next_command(report) -> None:
    """Nobody knows whether a training waits for it. Nor has a grid of Fashion-MNIST one."""
    alone = [replace(row, step="none") for row in (*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3))]
    assert "Next" not in report(alone, target="train.py:loader")[1]


def test_the_code_can_be_run(report) -> None:
    """The lines are Python, with their imports first."""
    _, text, _ = report()
    lines = text.partition("Throughput")[0].splitlines()
    code = "\n".join(line.removeprefix("    ") for line in lines if line.startswith("    "))
    compile(code, "pasted", "exec")
    assert code.startswith("import torch\n")


def test_charts_never_cost_figures(report, monkeypatch, tmp_path) -> None:
    """The table and summary.csv are there, one line names the cause, and the exit code is 0."""

    def fail(_: object) -> None:
        raise ChartsError("the charts can't be drawn: RuntimeError: [latex] is missing")

    monkeypatch.setattr("bench.report.report_files.make_charts", fail)
    code, text, errors = report()
    assert (code, errors) == (0, "")
    (line,) = (line for line in text.splitlines() if "latex" in line)
    assert line.startswith("No charts: the charts can't be drawn: RuntimeError: [latex] is missing; ")
    assert line.endswith(f"python -m bench.plot {tmp_path / 'out'} tries again")
    assert text.find("Throughput of steady") < text.find("latex")
    assert (tmp_path / "out" / "summary.csv").exists()


def test_a_file_that_cannot_be_written_is_an_error(report, monkeypatch, tmp_path) -> None:
    """Exit 1, and each cause is told once."""

    def fail(path, *_: object) -> None:
        raise StorageError(tmp_path / "disk", OSError(28, "No space left on device"))

    monkeypatch.setattr("bench.runner.sweep_session.results_folder.write_csv", fail)
    monkeypatch.setattr("bench.report.report_files.make_charts", fail)
    problem = StorageError(tmp_path / "disk", OSError(28, "No space left on device"))
    code, text, errors = report(outcome=SweepOutcome(problem=problem))
    assert code == 1
    assert errors == f"error: {tmp_path / 'disk'} can't be written: No space left on device\n"
    assert "Throughput of steady epochs" in text
    assert "To measure the rest: " in text


@pytest.mark.parametrize(("program", "command"), [("sweep", "loaderbench sweep --resume"), ("explain", "")])
def test_only_a_sweep_can_be_resumed(report, tmp_path, program, command) -> None:
    """The measuring of advice is a part of an explanation, which has no --resume."""
    outcome = SweepOutcome(left_out=2, rest_s=5.0)
    text = report(outcome=outcome, program=f"loaderbench {program}")[1]
    assert ("--resume" in text) is bool(command)
    assert read_conclusion(tmp_path / "out").resume.startswith(command)
    assert bool(read_conclusion(tmp_path / "out").resume) is bool(command)


def test_a_failure_is_exit_1(report) -> None:
    """With its reason below the table."""
    code, text, errors = report([*blocks(0, [1.0] * 3), failed(1, 0)])
    assert (code, errors) == (1, "")
    assert "failed num_workers=1: boom" in text


def test_a_sweep_without_rows_has_a_report(report) -> None:
    """An interrupt can come before the first epoch is over."""
    code, text, errors = report([], SweepOutcome(interrupted=True))
    assert (code, errors) == (0, "")
    assert "Throughput" not in text
    assert "Interrupted: " in text
