"""Rows, their cells, and the page that explains the columns."""

from __future__ import annotations

import re

from bench.records.row import Row, describe_columns, list_number_columns, make_header
from tests.paths import ROOT

PROMISED = """
    schema family dataset device step loss block epoch samples batches wall_s time_to_first_batch_s
    data_wait_s transfer_s step_s teardown_s samples_per_s train_loss cpu_s peak_memory_bytes status error
"""


def example(**changes) -> Row:
    """A row with only what must be known."""
    must = {
        "configuration": 3, "baseline": 0, "family": "f", "dataset": "d", "device": "cpu",
        "knobs": {"num_workers": "2"}, "num_threads": 2, "step": "none", "block": 1,
        "position": 0, "epoch": 0,
    }  # fmt: skip
    return Row(**{**must, **changes})


def test_names_that_others_rely_on_are_there() -> None:
    """The columns that are promised to users."""
    assert set(PROMISED.split()) <= set(make_header(["num_workers"]))


def test_one_column_a_knob() -> None:
    """Knobs stand under their own names, and every cell has its column."""
    names = make_header(["num_workers"])
    assert "num_workers" in names
    assert len(names) == len(set(names))
    assert set(example().cells()) == set(names)


def test_unknown_is_empty_and_zero_is_zero() -> None:
    """An unknown is never 0."""
    cells = example(transfer_s=0.0).cells()
    assert cells["wall_s"] == cells["error"] == cells["loss"] == ""
    assert cells["transfer_s"] == "0"


def test_numbers_keep_nanoseconds() -> None:
    """Nine digits: a nanosecond in a second."""
    assert example(wall_s=1.123456789).cells()["wall_s"] == "1.12345679"


def test_number_columns_are_numbers() -> None:
    """Texts are not read as numbers."""
    assert {"wall_s", "samples", "epoch"} <= set(list_number_columns())
    assert not {"family", "status", "sample_shape", "loss"} & set(list_number_columns())


def test_the_page_of_columns_is_true() -> None:
    """results/README.md lists every column with its meaning, as it stands in the code."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert listed == describe_columns()
