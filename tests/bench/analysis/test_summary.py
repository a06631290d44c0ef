"""One line a configuration: medians of blocks, ratios inside blocks, ranks among equal work."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.summary import summarise
from bench.records.row import describe_columns
from tests.bench import runs
from tests.bench.runs import blocks, failed, row, timed
from tests.paths import ROOT


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
    """With one epoch a process, no epoch is steady, and the summary describes the cold ones."""
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
    """Another batch size is other work, with a rank 1 of its own."""
    other = {"batch_size": "64", "resize": "none", "num_workers": "9"}
    rows = [timed(0, 0, 2.0), timed(1, 0, 1.0), replace(timed(2, 0, 0.1), knobs=other)]
    summary = summarise(runs.table(tmp_path, rows))
    assert summary["rank"].tolist() == [2, 1, 1]
    assert summary["ratio_to_best"].tolist() == [0.5, 1.0, 1.0]


def test_a_failed_configuration_is_never_ranked(tmp_path) -> None:
    """Its good epochs count for nothing, and the others are ranked as if it were not there."""
    rows = [timed(0, 0, 2.0), timed(1, 0, 0.1), failed(1, 1), timed(2, 0, 1.0)]
    summary = summarise(runs.table(tmp_path, rows)).set_index("configuration")
    assert summary.loc[1, "status"] == "failed"
    assert summary.loc[1, "error"] == "boom"
    assert pd.isna(summary.loc[1, "rank"])
    assert summary.loc[[0, 2], "rank"].tolist() == [2, 1]


def test_a_failed_baseline_leaves_no_ratio(tmp_path) -> None:
    """The ratio is empty, not 1."""
    summary = summarise(runs.table(tmp_path, [failed(0, 0), timed(1, 0, 1.0)]))
    assert summary["ratio"].isna().all()
    assert summary["samples_per_s"].tolist()[1] == 1000


def test_a_baseline_that_failed_once_leaves_no_ratio(tmp_path) -> None:
    """Its good blocks give no ratio either. Ranks don't depend on it."""
    rows = [*blocks(0, [2.0] * 3), failed(0, 3), *blocks(1, [1.0] * 3), *blocks(2, [1.5] * 3)]
    summary = summarise(runs.table(tmp_path, rows))
    assert summary["ratio"].isna().all()
    assert summary["rank"].tolist() == [pd.NA, 1, 2]
    assert summary["ratio_to_best"].tolist()[2] == pytest.approx(1 / 1.5)


@pytest.mark.parametrize(
    "cheater",
    [
        pytest.param(
            [*blocks(3, [0.1, 0.1, 0.1, 0.1]), failed(3, 4, "failed", "repeats samples")], id="cheats"
        ),
        pytest.param([*blocks(3, [0.1, 0.1]), failed(3, 2, "timeout")], id="killed"),
        pytest.param([failed(3, 0, "unavailable")], id="unavailable"),
        pytest.param([replace(timed(3, 0, 0.1), epoch=0), failed(3, 0)], id="starved"),
    ],
)
def test_no_failure_shifts_the_verdict_on_others(tmp_path, cheater) -> None:
    """Ranks, ties, ratios and intervals of the others equal those of a sweep without it."""
    walls = ([1.0, 1.1, 1.2, 1.0], [1.1, 1.0, 1.2, 1.05], [3.0, 3.1, 3.0, 3.2])
    honest = [line for number, own in enumerate(walls) for line in blocks(number, own)]
    alone = summarise(runs.table(tmp_path / "alone", honest))
    beside = summarise(runs.table(tmp_path / "beside", honest + cheater))
    assert pd.isna(beside["rank"].iloc[3])
    pd.testing.assert_frame_equal(beside.iloc[:3], alone, check_dtype=False)
    assert alone["tied"].tolist() == [True, True, False]


def test_a_failed_configuration_does_not_choose_the_phase(tmp_path) -> None:
    """The only steady epoch is that of a failed configuration, so the summary describes cold ones."""
    cold = [replace(line, epoch=0) for line in blocks(0, [1.0, 1.0, 1.0])]
    summary = summarise(runs.table(tmp_path, [*cold, timed(1, 0, 0.1), failed(1, 1)]))
    assert summary["phase"].unique().tolist() == ["cold"]
    assert summary["rank"].tolist() == [1, pd.NA]


@pytest.mark.parametrize(
    ("attempts", "speed", "disturbed"),
    [
        pytest.param([(2.0, "load")], 500, 1, id="not repeated"),
        pytest.param([(2.0, "load"), (1.0, None)], 1000, 0, id="repeated in quiet"),
        pytest.param([(2.0, "load"), (4.0, "load")], 250, 1, id="disturbed twice"),
        pytest.param([(2.0, None), (4.0, None)], 500, 0, id="quiet at once"),
    ],
)
def test_one_attempt_of_a_block_counts(tmp_path, attempts, speed, disturbed) -> None:
    """The undisturbed attempt counts, and the second of two disturbed ones."""
    rows = [
        timed(0, 0, wall_s, attempt=attempt, disturbed=cause)
        for attempt, (wall_s, cause) in enumerate(attempts)
    ]
    line = summarise(runs.table(tmp_path, rows)).iloc[0]
    assert line["samples_per_s"] == speed
    assert line["wall_s"] == 1000 / speed
    assert line["disturbed_blocks"] == disturbed
    assert line["blocks"] == 1


def test_attempts_are_not_mixed(tmp_path) -> None:
    """A disturbed steady epoch takes the other epochs of its attempt with it."""
    first = [timed(0, 0, 2.0), replace(timed(0, 0, 2.0), epoch=2, disturbed="load")]
    second = [replace(timed(0, 0, 1.0), epoch=epoch, attempt=1) for epoch in (1, 2)]
    cold = [replace(timed(0, 0, 8.0 - 4 * attempt), epoch=0, attempt=attempt) for attempt in (0, 1)]
    line = summarise(runs.table(tmp_path, [*first, *second, *cold])).iloc[0]
    assert line["samples_per_s"] == 1000
    assert line["cold_samples_per_s"] == 250


def test_a_disturbed_cold_epoch_disturbs_no_steady_one(tmp_path) -> None:
    """The line describes steady epochs, which were not disturbed."""
    rows = [replace(timed(0, 0, 2.0), epoch=0, disturbed="load"), timed(0, 0, 1.0)]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["disturbed_blocks"] == 0


def test_an_attempt_that_was_cut_short_does_not_count(tmp_path) -> None:
    """Ctrl-C came in the cold epoch of the repetition, so only the disturbed attempt has a steady one."""
    rows = [timed(0, 0, 2.0, disturbed="load"), replace(timed(0, 0, 1.0), epoch=0, attempt=1)]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["samples_per_s"] == 500


def test_what_the_audit_saw_is_summarised(tmp_path) -> None:
    """They are the median shuffle quality, the most processes and the least audited share."""
    rows = [
        timed(0, block, 1.0, shuffle_quality=shuffle_quality, processes=processes, audited_share=share)
        for block, (shuffle_quality, processes, share) in enumerate(
            [(0.9, 3, 1.0), (1.0, 2, 0.5), (0.2, 3, 1.0)]
        )
    ]
    line = summarise(runs.table(tmp_path, rows)).iloc[0]
    assert (line["shuffle_quality"], line["processes"], line["audited_share"]) == (0.9, 3, 0.5)


@pytest.mark.parametrize(
    ("audits", "weakest"),
    [
        (["content", "content"], "content"),
        (["index", "content"], "index"),
        (["content", "count"], "count"),
        (["content", None], ""),
        ([None, None], ""),
    ],
)
def test_the_weakest_audit_counts(tmp_path, audits, weakest) -> None:
    """A weaker audit never looks like a stronger one."""
    rows = [timed(0, block, 1.0, audit=audit) for block, audit in enumerate(audits)]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["audit"] == weakest


def test_strictest_audit_of_a_trial_counts(tmp_path) -> None:
    """Only its first epochs are compared with the dataset."""
    rows = [
        timed(0, block, 1.0, epoch=epoch, audit=audit)
        for block in range(2)
        for epoch, audit in enumerate(["content", "content", "index"], start=1)
    ]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["audit"] == "content"


def test_what_was_not_audited_is_unknown(tmp_path) -> None:
    """The cell is empty, not 0 or 1."""
    line = summarise(runs.table(tmp_path, [row(0)])).iloc[0]
    assert line[["shuffle_quality", "processes", "audited_share", "ceiling_share"]].isna().all()
    assert line["ceiling"] == ""


def test_blocks_that_disagree_show_it(tmp_path) -> None:
    """They are the slowest and the fastest block, and the standard deviation over the mean."""
    line = summarise(runs.table(tmp_path, blocks(0, [1.0, 2.0, 1.0]))).iloc[0]
    assert (line["samples_per_s_slowest"], line["samples_per_s_fastest"]) == (500, 1000)
    assert line["samples_per_s_deviation"] == pytest.approx(288.675 / 833.333, rel=1e-5)


def test_nobody_knows_a_tie_without_an_interval(tmp_path) -> None:
    """Two blocks leave the best and one near it unknown. One far behind is not tied."""
    rows = [*blocks(0, [1.0, 1.0]), *blocks(1, [1.2, 1.2]), *blocks(2, [9.0, 9.0])]
    assert summarise(runs.table(tmp_path, rows))["tied"].tolist() == [pd.NA, pd.NA, False]


def test_a_lone_winner_is_not_tied(tmp_path) -> None:
    """A tie takes two."""
    rows = [*blocks(0, [1.0, 1.0, 1.0]), *blocks(1, [1.5, 1.5, 1.5])]
    assert summarise(runs.table(tmp_path, rows))["tied"].tolist() == [False, False]


def test_the_best_is_who_is_faster_in_the_blocks_of_both(tmp_path) -> None:
    """The machine slowed down after the other one had stopped, which doesn't make that one faster."""
    both, alone = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0, 1.01], [1.3] * 12
    rows = [*blocks(0, [*both, *alone]), *blocks(1, [1.1 * wall for wall in both])]
    summary = summarise(runs.table(tmp_path, rows)).set_index("configuration")
    assert summary["samples_per_s"].idxmax() == 1
    assert summary["rank"].tolist() == [1, 2]
    assert summary.loc[1, "ratio_to_best_high"] < 0.95
    assert not summary["tied"].any()


def test_nothing_but_failures_is_still_a_summary(tmp_path) -> None:
    """Every line says what happened."""
    summary = summarise(runs.table(tmp_path, [failed(0, 0, "timeout"), failed(1, 0, "unavailable")]))
    assert summary["status"].tolist() == ["timeout", "unavailable"]
    assert summary["rank"].isna().all()


def test_a_gpu_is_never_ranked_beside_the_cpu(tmp_path) -> None:
    """Each device has a rank 1 of its own, and no ratio is taken across devices."""
    rows = [
        *blocks(0, [2.0] * 3, baseline=0),
        *blocks(1, [1.0] * 3, baseline=0),
        *blocks(2, [0.2] * 3, baseline=2, device="cuda"),
        *blocks(3, [0.1] * 3, baseline=2, device="cuda"),
    ]
    summary = summarise(runs.table(tmp_path, rows))
    assert summary["rank"].tolist() == [2, 1, 2, 1]
    assert summary["ratio"].tolist() == [1, 2, 1, 2]
    assert summary["ratio_to_best"].tolist() == [0.5, 1, 0.5, 1]


def test_the_page_explains_every_column(tmp_path) -> None:
    """results/README.md names the columns that a summary has beside those of the rows."""
    page = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    summary = summarise(runs.table(tmp_path, [row()]))
    of_rows = set(describe_columns()) | {"batch_size", "resize", "num_workers"}
    own = {name.removesuffix("_low").removesuffix("_high") for name in summary.columns} - of_rows
    explained = page.partition("## Columns of summary.csv")[2]
    assert {name for name in own if not re.search(rf"\b{name}\b", explained)} == set()
    assert len(own) > 15
