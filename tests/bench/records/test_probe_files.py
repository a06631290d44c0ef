"""ladder.csv and batches.csv, and what results/README.md says of them."""

from __future__ import annotations

import csv
import re
from dataclasses import fields, replace

import pytest

from bench.records.errors import ResultsError
from bench.records.probe_files import BATCH_COLUMNS, LADDER_COLUMNS, ProbeFiles
from bench.records.rung_time import RungTime
from tests.bench.analysis.replay.traces import MadeUpLoader
from tests.paths import ROOT


@pytest.mark.parametrize(("name", "columns"), [("ladder", LADDER_COLUMNS), ("batches", BATCH_COLUMNS)])
def test_the_columns_are_documented(name, columns) -> None:
    """results/README.md lists every column with its meaning, as it stands in the code."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    section = page.partition(f"## Columns of {name}.csv\n")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| (\w+) \| (.*) \|$", section, re.MULTILINE))
    assert listed == {"column": "meaning", **columns}


def test_a_rung_has_a_column_for_each_of_its_facts() -> None:
    """In their order."""
    assert list(LADDER_COLUMNS) == [field.name for field in fields(RungTime)]


def test_the_slowest_batches_keep_their_indices(tmp_path) -> None:
    """All others would take more room than everything else; an unknown is an empty cell."""
    trace = MadeUpLoader(transforms={"A": 0.001, "B": 0.002}, slow={7: 0.5, 30: 0.4}, batches=40).make_trace()
    known = replace(trace, indices=tuple((number, f"key {number}") for number in range(40)))
    with ProbeFiles(tmp_path) as files:
        files.write_trace(known, block=2)
    with (tmp_path / "batches.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["batch"]: line["indices"] for line in lines if line["indices"]} == {
        "7": "7 key 7", "30": "30 key 30",
    }  # fmt: skip
    assert {line["block"] for line in lines} == {"2"}
    assert [part.partition("=")[0] for part in lines[0]["transform_s"].split("; ")] == ["A", "B"]
    assert float(lines[7]["ended_s"]) - float(lines[7]["begun_s"]) == pytest.approx(
        float(trace.load_s[7]), rel=1e-6
    )


def test_two_explanations_in_one_folder_are_refused(tmp_path) -> None:
    """As two sweeps are."""
    with ProbeFiles(tmp_path), pytest.raises(ResultsError, match="made by another sweep"):
        ProbeFiles(tmp_path)
