"""`python -m bench.explain`: what is printed, and what is left in the folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from multiprocessing.context import BaseContext
from pathlib import Path
from textwrap import dedent

import pytest

from bench import plot
from bench.explain import main
from bench.records.results_folder import read_ceilings, read_environment, read_runs
from bench.report.explanation_file import read_explanation
from tests.bench.test_script_sweep import SCRIPT

PROJECT = Path(__file__).parent / "workloads" / "own" / "own_project.py"
ExplainHere = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain_here(
    context: BaseContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ExplainHere:
    """Return a function that explains in this process, which has imported everything already."""

    def explain(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["explain", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return explain


def test_an_own_loader_with_workers(explain_here, tmp_path, monkeypatch, capsys) -> None:
    """Standard output is the explanation alone; the advice is measured, and all of it is on file."""
    folder = tmp_path / "out"
    code, out, err = explain_here(
        f"{PROJECT}:loader", "--num-workers", "2", "--num-threads", "1", "--step-ms", "1", "--batches", "4",
        "--blocks", "1", "--epochs", "2", "--json", "--verify", "--check", "--out", str(folder),
    )  # fmt: skip
    assert code == 0, out + err
    found = json.loads(out)
    assert found["setup"]["num_workers"] == 2
    assert found["setup"]["measured_batches"] == 4
    assert found["setup"]["epoch_batches"] == 6
    assert found["setup"]["step"] == "1ms"
    assert found["samples_per_s"]["median"] > 0
    assert found["parts"]
    assert json.loads((folder / "explanation.json").read_text()) == found
    assert "error" not in err
    assert f"{PROJECT}" in err
    runs, ceilings = read_runs(folder), read_ceilings(folder)
    assert set(runs["batches"]) == set(ceilings["batches"]) == {4}
    assert set(runs["num_workers"]) == {"2"}
    assert set(runs["status"]) == {"ok"}
    for name in ("ladder.csv", "batches.csv"):
        lines = (folder / name).read_text().splitlines()
        assert len(lines) > 4, name
    environment = read_environment(folder)
    assert environment["command"].startswith("python -m bench.explain ")
    assert environment["explanation"]["batches"] == 4
    assert (folder / "where_a_sample_goes.png").exists()
    tried = [advice for advice in found["advice"] if advice["knobs"]]
    assert all(advice["actual"] for advice in tried)
    assert (folder / "verify").is_dir() == bool(tried)
    assert all(point["checked"] is not None for point in found["break_even"])
    # Its charts can be drawn again.
    (folder / "where_a_sample_goes.png").unlink()
    with pytest.raises(SystemExit):
        plot.main([str(folder)])
    assert (folder / "where_a_sample_goes.png").exists()
    assert str(folder / "where_a_sample_goes.png") in capsys.readouterr().out
    assert read_explanation(folder).setup.num_workers == 2
    # A sweep can't go on with it, and neither can an explanation.
    code, out, err = explain_here(str(folder))
    assert (code, out) == (2, "")
    assert "holds an explanation, which is made anew by its command" in err


def test_a_script(explain_here, tmp_path) -> None:
    """It fills one screen, and says where the rest lies."""
    script, folder = tmp_path / "train.py", tmp_path / "out"
    script.write_text(dedent(SCRIPT))
    code, out, err = explain_here(
        str(script), "--num-threads", "1", "--blocks", "1", "--out", str(folder), "--", "--epochs", "2"
    )
    assert code == 0, out + err
    assert err == ""
    assert "a line of the script" not in out
    assert "trace and a ladder" in out
    assert str(folder) in out
    explanation = read_explanation(folder)
    assert explanation.setup.step == "script"
    assert (explanation.setup.measured_batches, explanation.setup.epoch_batches) == (6, 6)
    assert set(read_runs(folder)["samples"]) == {48}
    assert (folder / "batches.csv").read_text().count("\n") == 1 + 2 * 6


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
    code, out, err = explain_here(f"{target}:loader", "--blocks", "1", "--out", str(folder))
    assert code == 1, out + err
    assert err.startswith("error: nothing can be explained: ")
    assert "no such sample" in err
    assert err.count("\n") == 1
    assert (folder / "trials.log").exists()
    assert not (folder / "explanation.json").exists()
