"""`python -m bench.explain`: what is printed, and what is left in the folder."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import BaseContext
from pathlib import Path
from textwrap import dedent

import pytest

from bench import plot, sweep
from bench.analysis.evidence import Evidence
from bench.analysis.explanation.explain import explain
from bench.analysis.explanation.explanation import Advice, BreakEven, Explanation
from bench.cli.config_file import tomllib
from bench.explain import main
from bench.plan.plan import PlanError
from bench.process.running_clock import read_running_s
from bench.records.results_folder import read_ceilings, read_environment, read_runs
from bench.report.charts.chart import Chart
from bench.report.explain.explanation_file import read_explanation, write_explanation
from tests.bench.report.explain.explanations import fetch_bound
from tests.bench.test_script_sweep import SCRIPT

PROJECT = Path(__file__).parent / "workloads" / "own" / "own_project.py"
ExplainHere = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain_here(
    context: BaseContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ExplainHere:
    """Return a function that explains in this process, which has imported everything already."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["explain", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def advise(evidence: Evidence) -> Explanation:
    """Explain, with advice that doesn't depend on the speed of this machine."""
    workers = 0 if evidence.setup.num_workers else 1
    advice = (Advice("others", "workers", None, "dataloader", {"num_workers": workers}),)
    return replace(explain(evidence), advice=advice, break_even=(BreakEven("as it is", 0.002),))


def test_an_own_loader_with_workers(explain_here, tmp_path, monkeypatch, capsys) -> None:
    """Standard output is the explanation alone; its advice is measured, and all of it is on file."""

    monkeypatch.setattr("bench.runner.explanation.explain_session.explain", advise)
    monkeypatch.setattr("bench.report.report_files.make_charts", lambda results: ())
    folder = tmp_path / "out"
    code, out, err = explain_here(
        f"{PROJECT}:loader", "--num-workers", "2", "--num-threads", "1", "--step-ms", "1", "--batches", "4",
        "--blocks", "1", "--json", "--verify", "--check", "--out", str(folder),
    )  # fmt: skip
    assert code == 0, out + err
    found = json.loads(out)
    assert found["setup"]["num_workers"] == 2
    assert (found["setup"]["measured_batches"], found["setup"]["epoch_batches"]) == (4, 6)
    assert found["setup"]["step"] == "1ms"
    assert found["samples_per_s"]["median"] > 0
    assert found["parts"]
    assert found["advice"][0]["actual"]["median"] > 0
    assert 0 < found["break_even"][0]["checked"] < 100
    written = json.loads((folder / "explanation.json").read_text())
    assert {name: found[name] for name in written} == written
    assert (found["folder"], found["problems"], found["exit_code"]) == (str(folder), [], 0)
    assert tomllib.loads((folder / "config.toml").read_text())["step_ms"] == 1
    # What the advice was measured with is no command of its own.
    assert not (folder / "verify" / "config.toml").exists()
    assert "error" not in err
    assert "An epoch ends after 4 of 6 batches" in err
    assert str(PROJECT) in err
    runs, ceilings = read_runs(folder), read_ceilings(folder)
    assert set(runs["batches"]) == set(ceilings["batches"]) == {4}
    assert set(runs["num_workers"]) == {"2"}
    assert set(runs["status"]) == {"ok"}
    assert set(read_runs(folder / "verify")["num_workers"]) == {"0", "2"}
    assert set(read_runs(folder / "check")["step"]) == set(read_ceilings(folder / "check")["step"]) == {"2ms"}
    for name in ("ladder.csv", "batches.csv"):
        assert len((folder / name).read_text().splitlines()) > 4, name
    environment = read_environment(folder)
    assert environment["command"].startswith("python -m bench.explain ")
    assert environment["explanation"]["batches"] == 4
    assert (folder / "where_a_sample_goes.png").exists()


def test_the_folder_of_an_explanation(explain_here, tmp_path, monkeypatch, capsys) -> None:
    """Its charts and its page can be made again. Neither a sweep nor an explanation goes on with it."""
    write_explanation(tmp_path, fetch_bound())
    drawn = []

    def make(explanation: Explanation) -> list[Chart]:
        drawn.append(explanation)
        return []

    monkeypatch.setattr("bench.report.report_files.make_explanation_charts", make)
    with pytest.raises(SystemExit):
        plot.main([str(tmp_path)])
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert drawn == [fetch_bound()]
    command = "python -m bench.explain train.py:loader --blocks 3"
    (tmp_path / "environment.json").write_text(json.dumps({"command": command}))
    for code, out, err in (explain_here(str(tmp_path)), run_sweep(capsys, "--resume", str(tmp_path))):
        assert (code, out) == (2, "")
        assert f"holds an explanation, which is made anew by its command: {command}\n" in err


def run_sweep(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a sweep in this process."""
    with pytest.raises(SystemExit) as left:
        sweep.main([*arguments])
    printed = capsys.readouterr()
    return int(left.value.code or 0), printed.out, printed.err


def test_a_script(explain_here, tmp_path, monkeypatch) -> None:
    """Its change is made in the script itself. The screen says where the rest lies."""
    monkeypatch.setattr("bench.runner.explanation.explain_session.explain", advise)
    monkeypatch.setattr("bench.report.report_files.make_charts", lambda results: ())
    monkeypatch.chdir(tmp_path)
    script, folder = tmp_path / "train.py", tmp_path / "out"
    script.write_text(dedent(SCRIPT))
    code, out, err = explain_here(
        str(script), "--num-threads", "1", "--blocks", "1", "--verify", "--out", str(folder),
        "--", "--epochs", "2",
    )  # fmt: skip
    assert code == 0, out + err
    assert err == ""
    assert "a line of the script" not in out
    assert "trace and a ladder" in out
    assert str(folder) in out
    explanation = read_explanation(folder)
    assert explanation.setup.step == "script"
    assert (explanation.setup.measured_batches, explanation.setup.epoch_batches) == (6, 6)
    assert explanation.advice[0].actual is not None
    runs = read_runs(folder / "verify")
    assert (set(runs["num_workers"]), set(runs["step"])) == ({"0", "1"}, {"script"})
    assert set(read_runs(folder)["samples"]) == {48}
    with (folder / "batches.csv").open(newline="") as file:
        tried = [line["pilot"] for line in csv.DictReader(file)]
    # Which changes are tried depends on what the first block shows.
    assert tried.count("") == 2 * 6
    assert len(tried) % 6 == 0


def test_a_budget_that_is_too_small_is_said_at_once(explain_here, tmp_path, monkeypatch) -> None:
    """The first block runs all the same, and the time left is that of its trials."""
    monkeypatch.setattr("bench.report.report_files.make_explanation_charts", lambda explanation: [])
    monkeypatch.setattr("bench.runner.explanation.explain_blocks.LONGEST_RUNG_S", 0.1)
    monkeypatch.setattr("bench.runner.explanation.explain_blocks.SHORTEST_RUNG_S", 0.1)
    code, out, err = explain_here(
        f"{PROJECT}:loader", "--batches", "4", "--blocks", "2", "--budget", "0.1s", "--out",
        str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0, out + err
    lines = out.splitlines()
    assert "in as many of 2 blocks as fit into 0 s" in out
    (said,) = [place for place, line in enumerate(lines) if line.startswith("The budget is too small: ")]
    assert lines[said].endswith(" s, 0 s are left, and a smaller --batches makes it shorter")
    (first,) = [place for place, line in enumerate(lines) if line.startswith("[1/")]
    assert said < first
    assert " 0 s left" not in lines[first]
    assert "The budget left out 1 block" in out
    environment = read_environment(tmp_path / "out")
    assert environment["explanation"]["look"]["batch_s"] > 0


@pytest.mark.parametrize("command", ["explain", "sweep"])
def test_a_full_folder_is_refused_before_the_target_is_looked_at(
    explain_here, capsys, tmp_path, monkeypatch, command
) -> None:
    """Its import may take minutes."""
    (tmp_path / "kept.txt").touch()
    monkeypatch.setattr(f"bench.{command}.choose_workload", None)
    arguments = (f"{PROJECT}:loader", "--out", str(tmp_path))
    code, out, err = explain_here(*arguments) if command == "explain" else run_sweep(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path} is not empty; name a new folder or an empty one\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--num-workers", "2,4"), "error: --num-workers: 2, 4 are 2 values"),
        (("nonsense",), "error: 'nonsense' is no target"),
        (("gone.py:loader",), "error: gone.py:loader: there is no file"),
        (
            ("--num-workers", "0", "--prefetch-factor", "2"),
            "error: nothing to measure: prefetch_factor=2 needs",
        ),
        (("tensor_slice", "--num-workers", "2"), "error: --num-workers: no knob of tensor_slice"),
    ],
)
def test_a_mistake_is_one_line(explain_here, tmp_path, monkeypatch, arguments, line) -> None:
    """On standard error, with exit code 2, before anything is made."""
    monkeypatch.chdir(tmp_path)
    code, out, err = explain_here(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_loader_that_fails_is_one_line(explain_here, tmp_path) -> None:
    """With the output of its process in the folder, and exit code 1."""
    target = tmp_path / "broken.py"
    target.write_text(
        dedent("""
        import os
        from torch.utils.data import DataLoader, Dataset

        class Broken(Dataset):
            def __len__(self):
                return 400

            def __getitem__(self, index):
                if index == 30:
                    raise OSError("no such sample")
                return float(index)

        loader = DataLoader(Broken(), batch_size=4)
        """)
    )
    folder = tmp_path / "out"
    code, out, err = explain_here(f"{target}:loader", "--blocks", "1", "--quiet", "--out", str(folder))
    assert (code, out) == (1, "")
    assert err.startswith("error: nothing can be explained: ")
    assert "no such sample" in err
    assert err.count("\n") == 1
    assert (folder / "trials.log").exists()
    assert not (folder / "explanation.json").exists()


def test_budget_begins_before_the_first_look(explain_here, monkeypatch, tmp_path) -> None:
    """Also if the look takes most of it."""
    looked_s: list[float] = []
    began_s: list[float] = []

    def look(*_: object, **__: object) -> None:
        looked_s.append(read_running_s())

    def measure(*arguments: object) -> None:
        began_s.append(float(str(arguments[3])))
        raise PlanError("nothing to explain")

    monkeypatch.setattr("bench.explain.choose_workload", look)
    monkeypatch.setattr("bench.explain.measure_explanation", measure)
    code, _, err = explain_here("--budget", "20s", "--out", str(tmp_path / "out"))
    assert (code, err.strip()) == (2, "error: nothing to explain")
    assert began_s[0] <= looked_s[0]
