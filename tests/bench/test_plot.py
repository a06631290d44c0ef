"""Charts come from the CSV alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from matplotlib.figure import Figure

from bench.analysis.summary import summarise
from bench.records.results_folder import DEVICE, read_device, read_runs
from bench.records.runs_file import RunsFile
from bench.report.charts import draw_charts
from tests.bench import runs
from tests.bench.runs import failed, timed
from tests.paths import ROOT

WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError("drawing must not need " + name)
sys.meta_path.insert(0, NoTorch())
sys.argv = ["bench.plot", {folder!r}]
from tests.paths import ROOT
from bench.plot import main
main()
"""


def rows() -> list:
    return [timed(n, block, 1.0 + n / 4 + block / 50) for n in range(3) for block in range(3)]


def test_every_chart_is_drawn(tmp_path) -> None:
    """Three pictures, none of them empty."""
    paths = draw_charts(runs.written(tmp_path, rows()))
    assert {path.stem for path in paths} == {"ranking", "where_time_goes", "throughput_by_workers"}
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000 for path in paths)


def test_the_time_on_a_gpu_is_drawn(tmp_path) -> None:
    """From device.csv, for those that it holds."""
    folder = runs.written(tmp_path, [replace(row, device="cuda") for row in rows()])
    with RunsFile(folder / DEVICE, rows()[0].knobs) as device:
        for number in (0, 2):
            timed_there = replace(timed(number, 0, 1.0), timed_by="events", transfer_s=0.2 * (number + 1))
            device.write(replace(timed_there, device="cuda", data_wait_s=None))
    assert "time_on_device" in {path.stem for path in draw_charts(folder)}
    summary = summarise(read_runs(folder), None, read_device(folder))
    assert summary["device_transfer_s"].round(3).tolist()[::2] == [0.2, 0.6]


def test_one_block_is_drawn_without_intervals(tmp_path) -> None:
    """An unknown interval is no reason not to draw the median."""
    assert len(draw_charts(runs.written(tmp_path, [timed(0, 0, 1.0)]))) == 3


def test_failures_are_left_out(tmp_path, monkeypatch) -> None:
    """A configuration that failed has no point, even if an epoch went well; if none has any, no chart."""
    assert draw_charts(runs.written(tmp_path / "a", [timed(0, 0, 1.0), failed(1, 0)]))
    assert draw_charts(runs.written(tmp_path / "b", [failed(0, 0)])) == []
    half = [timed(0, 0, 1.0), timed(1, 0, 0.1), failed(1, 1)]
    summary = summarise(read_runs(runs.written(tmp_path / "c", half)))
    assert summary["samples_per_s"].notna().all()
    drawn = []
    monkeypatch.setattr("bench.plot.ranking", lambda summary: drawn.append(len(summary)) or Figure())
    draw_charts(tmp_path / "c")
    assert drawn == [1]


def test_a_family_without_workers_is_drawn(tmp_path) -> None:
    """An empty cell in num_workers keeps a family out of that chart only."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": ""}
    mixed = [*rows(), *(replace(timed(7, block, 0.1), family="other", knobs=knobs) for block in range(3))]
    assert len(draw_charts(runs.written(tmp_path / "a", mixed))) == 3
    assert len(draw_charts(runs.written(tmp_path / "b", mixed[-3:]))) == 2


def test_drawing_needs_no_torch(tmp_path) -> None:
    """Results can be drawn where nobody trains; the command prints what it drew."""
    folder = str(runs.written(tmp_path / "r", rows()))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH.format(folder=folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_a_folder_without_results_is_one_line(tmp_path) -> None:
    """Exit 2, and what was missing."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.plot", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "runs.csv can't be read" in done.stderr
