"""The command that draws charts from the CSV files alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.plot import main
from bench.report.charts.drawing import ChartsError
from tests.bench import runs
from tests.bench.runs import timed
from tests.paths import ROOT

WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError("drawing must not need " + name)
sys.meta_path.insert(0, NoTorch())
sys.argv = ["bench.plot", {folder!r}]
from bench.plot import main
main()
"""


@pytest.fixture
def folder(tmp_path):
    """Make a results folder of three configurations in three blocks."""
    rows = [timed(n, block, 1.0 + n / 4 + block / 50) for n in range(3) for block in range(3)]
    return runs.written(tmp_path / "results", rows)


@pytest.fixture
def plot(monkeypatch, capsys):
    """Run the command in this process: (exit code, output, errors)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["plot", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, *capsys.readouterr()

    return run


def test_drawing_needs_no_torch(folder) -> None:
    """Results can be drawn on a machine that trains nothing; the command prints the paths."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(folder=str(folder))],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
    assert done.stdout.endswith("report.html\n")


def test_a_folder_without_results_is_one_line(tmp_path, plot) -> None:
    """Exit 2, and the file that is missing."""
    code, out, errors = plot(str(tmp_path))
    assert (code, out) == (2, "")
    assert errors.count("\n") == 1
    assert "runs.csv can't be read" in errors


def test_a_tilde_is_the_home_folder(folder, plot, monkeypatch) -> None:
    """As in every command."""
    monkeypatch.setenv("HOME", str(folder.parent))
    code, out, _ = plot("~/results")
    assert code == 0
    assert str(folder / "ranking.png") in out.splitlines()


def test_charts_that_cannot_be_drawn_are_one_line(folder, plot, monkeypatch) -> None:
    """Exit 1, and the cause. The page is there without them."""

    def fail(_: object) -> None:
        raise ChartsError("the charts can't be drawn: no seaborn")

    monkeypatch.setattr("bench.report.report_files.make_charts", fail)
    monkeypatch.setattr("bench.report.sweep.sweep_page.make_charts", fail)
    assert plot(str(folder)) == (
        1, f"{folder / 'report.html'}\n", "error: the charts can't be drawn: no seaborn\n",
    )  # fmt: skip


def test_several_folders_are_one_chart(folder, tmp_path, plot) -> None:
    """Into a file of their own, as PNG or SVG. What differs between them is one line on standard error."""
    rows = [timed(n, block, 1.5 + n / 4 + block / 50) for n in range(3) for block in range(3)]
    other = runs.written(tmp_path / "other", rows)
    out = tmp_path / "both.svg"
    code, text, errors = plot(str(folder), str(other), "--out", str(out))
    assert (code, text) == (0, f"{out}\n")
    assert errors.count("\n") == 1
    assert errors.startswith(f"A is {folder} and B is {other}. ")
    assert out.read_text().startswith("<?xml")
    assert not (folder / "overlay.png").exists()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--out", "a.png"], "--out is the chart of several folders; give a second DIR, or leave it out"),
        (["{folder}", "--out", "a.pdf"], "--out a.pdf: a chart's file ends in .png or .svg"),
        (["{folder}"], "is given twice; give each folder once"),
    ],
)
def test_what_is_no_overlay_is_one_line(folder, plot, arguments, line) -> None:
    """Exit 2, and nothing is written."""
    given = [text.format(folder=folder) for text in arguments]
    code, text, errors = plot(str(folder), *given)
    assert (code, text) == (2, "")
    assert line in errors
    assert errors.count("\n") == 1
