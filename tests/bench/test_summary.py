"""One line a configuration: medians of blocks, ratios inside blocks, ranks among equal work."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.summary import labels, summarise, varied
from tests.bench import runs
from tests.bench.runs import failed, row, timed


def test_a_block_is_all_its_samples_over_all_its_time(tmp_path) -> None:
    """Two steady epochs of 1 s and 3 s: 2,000 samples in 4 s, not the median of two speeds."""
    line = summarise(runs.table(tmp_path, [timed(0, 0, 1.0), replace(timed(0, 0, 3.0), epoch=2)])).iloc[0]
    assert line["samples_per_s"] == 500


def test_cold_and_steady_are_not_mixed(tmp_path) -> None:
    """The first epoch of a process has its own column."""
    line = summarise(runs.table(tmp_path, [replace(timed(0, 0, 10.0), epoch=0), timed(0, 0, 1.0)])).iloc[0]
    assert line["phase"] == "steady"
    assert line["samples_per_s"] == 1000
    assert line["cold_samples_per_s"] == 100


def test_a_sweep_of_cold_epochs_says_so(tmp_path) -> None:
    """With one epoch a process there is nothing steady, and the summary speaks of the cold ones."""
    line = summarise(runs.table(tmp_path, [replace(timed(0, 0, 2.0), epoch=0)])).iloc[0]
    assert line["phase"] == "cold"
    assert line["samples_per_s"] == 500


def test_the_ratio_is_taken_inside_each_block(tmp_path) -> None:
    """Block 1 ran at half speed for both: the ratio is 2 in every block, and its interval has no width."""
    rows = [timed(0, b, 2.0 * slow) for b, slow in enumerate((1, 2, 1))]
    rows += [timed(1, b, 1.0 * slow) for b, slow in enumerate((1, 2, 1))]
    line = summarise(runs.table(tmp_path, rows)).iloc[1]
    assert line["ratio"] == 2
    assert line["ratio_low"] == pytest.approx(2)
    assert line["ratio_high"] == pytest.approx(2)
    assert line["samples_per_s_low"] < 900 < 1100 < line["samples_per_s_high"]


def test_ranks_are_among_equal_work(tmp_path) -> None:
    """Another batch size is other work: it has its own first."""
    other = {"batch_size": "64", "resize": "none", "num_workers": "9"}
    rows = [timed(0, 0, 2.0), timed(1, 0, 1.0), replace(timed(2, 0, 0.1), knobs=other)]
    summary = summarise(runs.table(tmp_path, rows))
    assert summary["rank"].tolist() == [2, 1, 1]
    assert summary["ratio_to_best"].tolist() == [0.5, 1.0, 1.0]


def test_a_failed_configuration_is_never_ranked(tmp_path) -> None:
    """Not even by the epochs that went well; the others are ranked as if it were not there."""
    rows = [timed(0, 0, 2.0), timed(1, 0, 0.1), failed(1, 1), timed(2, 0, 1.0)]
    summary = summarise(runs.table(tmp_path, rows)).set_index("configuration")
    assert summary.loc[1, "status"] == "failed"
    assert summary.loc[1, "error"] == "boom"
    assert pd.isna(summary.loc[1, "rank"])
    assert summary.loc[[0, 2], "rank"].tolist() == [2, 1]


def test_a_failed_baseline_leaves_no_ratio(tmp_path) -> None:
    """What can't be compared is empty, not 1."""
    summary = summarise(runs.table(tmp_path, [failed(0, 0), timed(1, 0, 1.0)]))
    assert summary["ratio"].isna().all()
    assert summary["samples_per_s"].tolist()[1] == 1000


def test_nothing_but_failures_is_still_a_summary(tmp_path) -> None:
    """Every line says what happened."""
    summary = summarise(runs.table(tmp_path, [failed(0, 0, "timeout"), failed(1, 0, "unavailable")]))
    assert summary["status"].tolist() == ["timeout", "unavailable"]
    assert summary["rank"].isna().all()


def test_labels_hold_what_varies(tmp_path) -> None:
    """Workers vary, so they are the name; what is the same everywhere is not repeated."""
    summary = summarise(runs.table(tmp_path, [row(0), row(2)]))
    assert labels(summary).tolist() == ["num_workers=0", "num_workers=2"]


def test_labels_leave_out_what_follows(tmp_path) -> None:
    """A prefetch that is none only where there are no workers tells nothing more."""
    rows = [
        replace(row(n), knobs={**row(n).knobs, "prefetch_factor": "none" if n == 0 else "2"})
        for n in (0, 1, 2)
    ]
    assert varied(summarise(runs.table(tmp_path, rows))) == ["num_workers"]


def test_labels_keep_a_resize_beside_none(tmp_path) -> None:
    """A knob that varies on its own stays, also where one of its values is none."""
    base = row(0).knobs
    knobs = [base, {**base, "num_workers": "4"}, {**base, "resize": "64"}]
    summary = summarise(runs.table(tmp_path, [replace(row(n), knobs=k) for n, k in enumerate(knobs)]))
    assert labels(summary).is_unique
    assert labels(summary).tolist()[2] == "resize=64 num_workers=0"


def test_a_step_beside_none_is_told_apart(tmp_path) -> None:
    """The loss follows from there being a step; the step itself is never left out."""
    rows = [row(0), replace(row(1), knobs=row(0).knobs, step="none", loss=None)]
    found = labels(summarise(runs.table(tmp_path, rows))).tolist()
    assert found == ["step=closed_form", "step=none"]


def test_one_configuration_has_a_name(tmp_path) -> None:
    """Where nothing varies, it is the family's."""
    assert labels(summarise(runs.table(tmp_path, [row(0)]))).tolist() == ["torch_dataloader"]
