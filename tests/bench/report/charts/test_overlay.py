"""Several results folders in one chart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT
from bench.report.charts.overlay import Overlay
from bench.report.charts.overlay_chart import make_overlay_chart
from tests.bench import runs
from tests.bench.report.charts.made_sweeps import make_grid, make_rows


def write(folder, rows, **environment):
    """Write rows, and the machine that they were measured on."""
    runs.written(folder, rows)
    (folder / ENVIRONMENT).write_text(json.dumps(environment))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return three folders: the second is faster, on another torch, and lacks the first's last loaders."""
    place = tmp_path_factory.mktemp("folders")
    grid = make_grid(sizes=("64",))
    machine = {"machine": {"cpu": "ours", "cores_usable": 2}}
    return [
        write(place / "old", make_rows(grid), versions={"torch": "2.6"}, **machine),
        # Another plan numbers the same configurations otherwise.
        write(place / "new", make_rows(grid[3::-1], scale=1.5), versions={"torch": "2.14"}, **machine),
        write(place / "few", make_rows(grid[:2], blocks=2), versions={"torch": "2.14"}, **machine),
    ]


def test_configurations_are_matched_by_what_they_are(folders) -> None:
    """Not by their numbers."""
    overlay = Overlay.read(folders)
    assert {number: "".join(lines) for number, lines in overlay.lines.items()} == {
        0: "ABC", 1: "ABC", 2: "AB", 3: "AB",
    }  # fmt: skip
    for lines in overlay.lines.values():
        assert len({(line["num_workers"], line["persistent_workers"]) for line in lines.values()}) == 1
    assert overlay.left_out == 6


def test_what_differs_is_one_line(folders) -> None:
    """The folders that agree are named together."""
    told = Overlay.read(folders).describe_folders()
    assert told.endswith("They differ in torch: 2.6 in A, 2.14 in B and C.")
    assert told.startswith(f"A is {folders[0]}, B is {folders[1]} and C is {folders[2]}.")
    assert "\n" not in told


def test_a_folder_of_rows_alone_says_nothing_of_its_machine(folders, tmp_path) -> None:
    """Then nobody knows what differs."""
    alone = runs.written(tmp_path / "alone", make_rows(make_grid(sizes=("64",))))
    assert "B has no environment.json" in Overlay.read([folders[0], alone]).describe_folders()


def test_the_chart_shows_each_folder(folders) -> None:
    """The finding names the throughput in each; the caption tells that one has no intervals."""
    chart = make_overlay_chart(Overlay.read(folders))
    assert chart.alternative == (
        "num_workers=2 persistent_workers=off runs at 2,290 samples/s in A and 3,082 in B (×1.35)."
    )
    assert "with three blocks and more, its 95% interval" in chart.caption
    assert "6 configurations that no other folder holds comparably" in chart.caption
    labels = [text.get_text() for text in chart.figure.axes[0].get_legend().get_texts()]
    assert labels == ["A  old", "B  new", "C  few"]


def check_error(folders, *parts: str) -> None:
    """Check that these folders are refused in one line with these parts."""
    with pytest.raises(ResultsError) as error:
        Overlay.read(folders)
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def test_other_data_is_no_overlay(folders, tmp_path) -> None:
    """Nor are other epochs, another sample, or nothing in common. The line says what differs."""
    grid = make_grid(sizes=("64",))
    data = runs.written(tmp_path / "data", make_rows(grid, dataset="synthetic:99"))
    check_error([folders[0], data], "dataset: A synthetic:1000, B synthetic:99", f"B is {data}")
    cold = runs.written(tmp_path / "cold", make_rows(grid, epochs=1))
    check_error([folders[0], cold], "epochs: A steady ones, B cold ones")
    shape = runs.written(tmp_path / "shape", make_rows(grid, sample_shape="3x8x8"))
    check_error([folders[0], shape], "samples are 1x28x28 float32 in A, 3x8x8 float32 in B")
    size = runs.written(tmp_path / "size", make_rows(make_grid(sizes=("512",))))
    check_error([folders[0], size], "no configuration is in both A and B", "batch_size is 64 in A, 512 in B")
    bad = [replace(runs.failed(0, 0), knobs=make_rows(grid)[0].knobs)]
    check_error([folders[0], runs.written(tmp_path / "bad", bad)], "nothing was measured in B", "boom")


def test_folders_that_cannot_be_told_apart(folders) -> None:
    """One twice, or more than there are marks."""
    check_error([folders[0], folders[0]], "is given twice; give each folder once")
    check_error(folders * 3, "9 folders can't be told apart in one chart; give 8 at most")
