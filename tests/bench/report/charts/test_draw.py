"""Charts of a results folder."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from bench.analysis.summary import summarise
from bench.records.errors import StorageError
from bench.records.results_folder import DEVICE, read_device, read_runs
from bench.records.runs_file import RunsFile
from bench.report.charts.draw import draw_charts, make_charts
from bench.report.charts.drawing import ChartsError
from bench.report.sweep.sweep_results import SweepResults
from tests.bench import runs
from tests.bench.runs import failed, timed
from tests.paths import ROOT

# Draws into a folder, from a process that has not imported matplotlib yet.
DRAW = """
import sys
from pathlib import Path
from bench.report.charts.draw import draw_charts
print(len(draw_charts(Path(sys.argv[1]))))
"""


NAMES = ["ranking", "throughput_by_workers", "where_time_goes", "memory"]


def rows() -> list:
    return [timed(n, block, 1.0 + n / 4 + block / 50) for n in range(3) for block in range(3)]


def test_every_chart_is_drawn(tmp_path) -> None:
    """None of them is empty. One batch size, first epochs and shuffling that nobody knows need no chart."""
    paths = draw_charts(runs.written(tmp_path, rows()))
    assert [path.stem for path in paths] == NAMES
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000 for path in paths)


def test_the_time_on_a_gpu_is_drawn(tmp_path) -> None:
    """From device.csv, for the configurations that it holds."""
    folder = runs.written(tmp_path, [replace(row, device="cuda") for row in rows()])
    with RunsFile(folder / DEVICE, rows()[0].knobs) as device:
        for number in (0, 2):
            on_gpu = replace(timed(number, 0, 1.0), timed_by="events", transfer_s=0.2 * (number + 1))
            device.write(replace(on_gpu, device="cuda", data_wait_s=None))
    assert "time_on_device" in {path.stem for path in draw_charts(folder)}
    summary = summarise(read_runs(folder), None, read_device(folder))
    assert summary["device_transfer_s"].round(3).tolist()[::2] == [0.2, 0.6]


def test_one_block_is_drawn_without_intervals(tmp_path) -> None:
    """The median is known, though its interval isn't. One configuration leaves nothing to compare."""
    paths = draw_charts(runs.written(tmp_path, [timed(0, 0, 1.0)]))
    assert [path.stem for path in paths] == ["ranking", "where_time_goes"]


def test_many_families_are_drawn(tmp_path) -> None:
    """There may be more of them than colours in a palette."""
    many = [replace(timed(n, 0, 1.0 + n / 10), family=f"family_{n}") for n in range(12)]
    paths = draw_charts(runs.written(tmp_path, many))
    assert [path.stem for path in paths] == ["ranking", "where_time_goes", "memory"]


def test_batches_of_an_own_sampler_are_drawn(tmp_path) -> None:
    """They have no batch size; a library's own loader has no workers either."""
    sampler = [replace(row, knobs={**row.knobs, "batch_size": "none"}) for row in rows()]
    paths = draw_charts(runs.written(tmp_path / "sampler", sampler))
    assert "throughput_by_workers" in {path.stem for path in paths}
    library = [replace(row, knobs={"param.size": str(row.configuration)}) for row in rows()]
    paths = draw_charts(runs.written(tmp_path / "library", library))
    assert {path.stem for path in paths} == {"ranking", "where_time_goes", "memory"}


def test_failures_are_left_out(tmp_path) -> None:
    """A configuration that failed has no point, even if an epoch went well; if none has any, no chart."""
    assert draw_charts(runs.written(tmp_path / "a", [timed(0, 0, 1.0), failed(1, 0)]))
    assert draw_charts(runs.written(tmp_path / "b", [failed(0, 0)])) == []
    half = [timed(0, 0, 1.0), timed(1, 0, 0.1), failed(1, 1)]
    summary = summarise(read_runs(runs.written(tmp_path / "c", half)))
    assert summary["samples_per_s"].notna().all()
    charts = make_charts(SweepResults.read(tmp_path / "c"))
    assert {chart.configurations for chart in charts} == {(0,)}


def test_a_family_without_workers_is_drawn(tmp_path) -> None:
    """An empty cell in num_workers keeps a family out of that chart only."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": ""}
    mixed = [*rows(), *(replace(timed(7, block, 0.1), family="other", knobs=knobs) for block in range(3))]
    assert len(draw_charts(runs.written(tmp_path / "a", mixed))) == 4
    assert len(draw_charts(runs.written(tmp_path / "b", mixed[-3:]))) == 2


def test_a_users_settings_change_no_chart(tmp_path) -> None:
    """Neither backends that don't exist here, nor LaTeX, fonts or folders that can't be made."""
    folder = runs.written(tmp_path / "results", rows())
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "matplotlibrc").write_text(
        "backend: no-such\ntext.usetex: True\nfont.family: No Such Font\nfigure.dpi: 3\nsavefig.format: pdf\n"
        "axes.titlesize: 500\nnonsense\n"
    )
    plain = {path: path.read_bytes() for path in draw_charts(folder)}
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "DISPLAY")}
    for changed in (
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": "/dev/null/x"},
        {"MPLBACKEND": "TkAgg", "MATPLOTLIBRC": str(settings)},
    ):
        done = subprocess.run(
            [sys.executable, "-c", DRAW, str(folder)],
            cwd=settings, env={**environment, "PYTHONPATH": str(ROOT), **changed},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", ""), changed
        assert {path: path.read_bytes() for path in folder.glob("*.png")} == plain


def test_a_users_settings_are_back_afterwards(tmp_path, monkeypatch) -> None:
    """Settings of matplotlib and of the environment are as before."""
    import matplotlib as mpl

    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    monkeypatch.delenv("MATPLOTLIBRC", raising=False)
    with mpl.rc_context({"axes.titlesize": 7}):
        draw_charts(runs.written(tmp_path, rows()))
        assert mpl.rcParams["axes.titlesize"] == 7
    assert os.environ["MPLBACKEND"] == "TkAgg"
    assert "MATPLOTLIBRC" not in os.environ


def test_any_failure_of_a_library_is_one_line(tmp_path, monkeypatch) -> None:
    """It names the cause."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("latex was not\nable to process")

    folder = runs.written(tmp_path, rows())
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(ChartsError) as error:
        draw_charts(folder)
    assert str(error.value).startswith(
        "the charts can't be drawn: RuntimeError: latex was not able to process"
    )
    assert "\n" not in str(error.value)


def test_a_library_that_is_missing_is_one_line(tmp_path, monkeypatch) -> None:
    """It is imported when charts are drawn, and not before."""
    folder = runs.written(tmp_path, rows())
    for name in (
        "seaborn",
        *(n for n in sys.modules if n.startswith("bench.report.charts.") and "draw" not in n),
    ):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "seaborn", None)
    with pytest.raises(ChartsError, match="seaborn"):
        draw_charts(folder)


def test_a_chart_that_cannot_be_written_is_another_error(tmp_path) -> None:
    """A full disk is no matter of drawing."""
    folder = runs.written(tmp_path, rows())
    (folder / "ranking.png").mkdir()
    with pytest.raises(StorageError, match=r"ranking\.png can't be written"):
        draw_charts(folder)
