"""One line a configuration: medians of blocks, ratios inside blocks, ranks among equal work."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.naming import find_varied, make_labels, split_names
from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed, row, timed


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


def test_a_baseline_that_failed_once_leaves_no_ratio(tmp_path) -> None:
    """Its good blocks are no measure either; what isn't a ratio to it stands."""
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
    """Ranks, ties, ratios and intervals are those of a sweep without it."""
    walls = ([1.0, 1.1, 1.2, 1.0], [1.1, 1.0, 1.2, 1.05], [3.0, 3.1, 3.0, 3.2])
    honest = [line for number, own in enumerate(walls) for line in blocks(number, own)]
    alone = summarise(runs.table(tmp_path / "alone", honest))
    beside = summarise(runs.table(tmp_path / "beside", honest + cheater))
    assert pd.isna(beside["rank"].iloc[3])
    pd.testing.assert_frame_equal(beside.iloc[:3], alone, check_dtype=False)
    assert alone["tied"].tolist() == [True, True, False]


def test_a_failed_configuration_does_not_choose_the_phase(tmp_path) -> None:
    """An interrupted sweep whose only steady epoch is that of a cheater speaks of cold ones."""
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
    """The undisturbed one; of two disturbed the second; never both."""
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
    """Where one of two steady epochs was disturbed, the other one and the cold one go with it."""
    first = [timed(0, 0, 2.0), replace(timed(0, 0, 2.0), epoch=2, disturbed="load")]
    second = [replace(timed(0, 0, 1.0), epoch=epoch, attempt=1) for epoch in (1, 2)]
    cold = [replace(timed(0, 0, 8.0 - 4 * attempt), epoch=0, attempt=attempt) for attempt in (0, 1)]
    line = summarise(runs.table(tmp_path, [*first, *second, *cold])).iloc[0]
    assert line["samples_per_s"] == 1000
    assert line["cold_samples_per_s"] == 250


def test_a_disturbed_cold_epoch_disturbs_no_steady_one(tmp_path) -> None:
    """What happened before the epochs that the line speaks of is not held against them."""
    rows = [replace(timed(0, 0, 2.0), epoch=0, disturbed="load"), timed(0, 0, 1.0)]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["disturbed_blocks"] == 0


def test_an_attempt_that_was_cut_short_does_not_count(tmp_path) -> None:
    """Ctrl-C in the cold epoch of the repetition: the disturbed attempt is what there is."""
    rows = [timed(0, 0, 2.0, disturbed="load"), replace(timed(0, 0, 1.0), epoch=0, attempt=1)]
    assert summarise(runs.table(tmp_path, rows)).iloc[0]["samples_per_s"] == 500


def test_what_the_audit_saw_is_summarised(tmp_path) -> None:
    """The median of the mixing, the most processes, the least share that was audited."""
    rows = [
        timed(0, block, 1.0, shuffle_quality=shuffle_quality, processes=processes, audited_share=share)
        for block, (shuffle_quality, processes, share) in enumerate(
            [(0.9, 3, 1.0), (1.0, 2, 0.5), (0.2, 3, 1.0)]
        )
    ]
    line = summarise(runs.table(tmp_path, rows)).iloc[0]
    assert (line["shuffle_quality"], line["processes"], line["audited_share"]) == (0.9, 3, 0.5)


def test_what_was_not_audited_is_unknown(tmp_path) -> None:
    """Empty, not 0 or 1."""
    line = summarise(runs.table(tmp_path, [row(0)])).iloc[0]
    assert line[["shuffle_quality", "processes", "audited_share", "ceiling_share"]].isna().all()
    assert line["ceiling"] == ""


def test_blocks_that_disagree_show_it(tmp_path) -> None:
    """The slowest and the fastest block, and their standard deviation over their mean."""
    line = summarise(runs.table(tmp_path, blocks(0, [1.0, 2.0, 1.0]))).iloc[0]
    assert (line["samples_per_s_slowest"], line["samples_per_s_fastest"]) == (500, 1000)
    assert line["samples_per_s_deviation"] == pytest.approx(288.675 / 833.333, rel=1e-5)


def test_nobody_knows_a_tie_without_an_interval(tmp_path) -> None:
    """Of two blocks: empty for what is near the best, and for the best; no for what is far behind."""
    rows = [*blocks(0, [1.0, 1.0]), *blocks(1, [1.2, 1.2]), *blocks(2, [9.0, 9.0])]
    assert summarise(runs.table(tmp_path, rows))["tied"].tolist() == [pd.NA, pd.NA, False]


def test_a_lone_winner_is_not_tied(tmp_path) -> None:
    """A tie takes two."""
    rows = [*blocks(0, [1.0, 1.0, 1.0]), *blocks(1, [1.5, 1.5, 1.5])]
    assert summarise(runs.table(tmp_path, rows))["tied"].tolist() == [False, False]


def bounded(tmp_path, rows, ceilings) -> pd.DataFrame:
    return summarise(runs.table(tmp_path / "runs", rows), runs.table(tmp_path / "ceilings", ceilings))


def test_the_slower_limit_binds(tmp_path) -> None:
    """The step alone takes 0.5 s, reading 0.1 s: of two seconds the step's share is a quarter."""
    ceilings = [*ceiling("step", [0.5] * 3), *ceiling("read", [0.1] * 3)]
    line = bounded(tmp_path, blocks(0, [2.0] * 3), ceilings).iloc[0]
    assert (line["ceiling"], line["ceiling_samples_per_s"]) == ("step", 2000)
    assert line["ceiling_share"] == line["ceiling_share_low"] == line["ceiling_share_high"] == 0.25


def test_the_bus_binds_those_who_send_as_many_bytes(tmp_path) -> None:
    """By where pictures are scaled; what transfers nothing it doesn't bind."""
    common = {"batch_size": "256", "resize": "none"}

    def sent(number: int, transfer: str, scale_on: str) -> list:
        knobs = {**common, "transfer": transfer, "scale_on": scale_on}
        return [replace(row, knobs=knobs) for row in blocks(number, [2.0] * 3)]

    def bus(number: int, wall_s: float, scale_on: str) -> list:
        knobs = {**common, "transfer": "", "scale_on": scale_on}
        return [
            replace(row, configuration=number, family="bus_ceiling", knobs=knobs)
            for row in ceiling("read", [wall_s] * 3)
        ]

    rows = [*sent(0, "blocking", ""), *sent(1, "prefetch", "device"), *sent(2, "", "")]
    summary = bounded(tmp_path, rows, [*bus(0, 1.0, ""), *bus(1, 0.5, "device")])
    assert summary["ceiling"].tolist() == ["bus", "bus", ""]
    assert summary["ceiling_share"].tolist()[:2] == [0.5, 0.25]


def test_the_share_of_the_limit_is_taken_inside_each_block(tmp_path) -> None:
    """A block at half speed slows the limit as well."""
    line = bounded(tmp_path, blocks(0, [2.0, 4.0, 2.0]), ceiling("step", [1.0, 2.0, 1.0])).iloc[0]
    assert line["ceiling_share_low"] == line["ceiling_share_high"] == 0.5


@pytest.mark.parametrize(
    ("ceilings", "binds"),
    [([*ceiling("step", [0.5] * 3), *ceiling("read", [0.1] * 3)], "read"), (ceiling("step", [0.5] * 3), "")],
)
def test_a_loader_alone_is_bound_by_reading(tmp_path, ceilings, binds) -> None:
    """Without a step only the read limit applies, however slow the step is; without it there is none."""
    rows = blocks(0, [1.0] * 3, step="none", loss=None)
    assert bounded(tmp_path, rows, ceilings).iloc[0]["ceiling"] == binds


@pytest.mark.parametrize(
    "other",
    [
        {"num_threads": 1},
        {"step": "autograd"},
        {"loss": "mse"},
        {"sample_shape": "1x64x64"},
        {"knobs": {"batch_size": "64", "resize": "none", "num_workers": ""}},
        {"status": "failed", "error": "boom"},
    ],
)
def test_a_limit_of_other_work_bounds_nothing(tmp_path, other) -> None:
    """Nor does one that failed."""
    line = bounded(tmp_path, blocks(0, [2.0] * 3), ceiling("step", [0.5] * 3, **other)).iloc[0]
    assert line["ceiling"] == ""
    assert pd.isna(line["ceiling_samples_per_s"])


def test_a_limit_that_failed_once_bounds_nothing(tmp_path) -> None:
    """As a configuration that failed once isn't ranked; nor does the other: it may not be what binds."""
    once = replace(ceiling("step", [0.5])[0], block=3, wall_s=None, status="failed", error="boom")
    ceilings = [*ceiling("step", [0.5] * 3), once, *ceiling("read", [0.1] * 3)]
    assert bounded(tmp_path, blocks(0, [2.0] * 4), ceilings).iloc[0]["ceiling"] == ""


def test_the_best_is_who_is_faster_in_the_blocks_of_both(tmp_path) -> None:
    """The machine slowed down after the other one had been dropped: that makes the other one no faster."""
    both, alone = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0, 1.01], [1.3] * 12
    rows = [*blocks(0, [*both, *alone]), *blocks(1, [1.1 * wall for wall in both])]
    summary = summarise(runs.table(tmp_path, rows)).set_index("configuration")
    assert summary["samples_per_s"].idxmax() == 1
    assert summary["rank"].tolist() == [1, 2]
    assert summary.loc[1, "ratio_to_best_high"] < 0.95
    assert not summary["tied"].any()


def test_a_disturbed_limit_is_repeated_too(tmp_path) -> None:
    """The attempt that was not disturbed counts."""
    ceilings = [*ceiling("step", [1.0] * 3, disturbed="load"), *ceiling("step", [0.5] * 3, attempt=1)]
    assert bounded(tmp_path, blocks(0, [2.0] * 3), ceilings).iloc[0]["ceiling_share"] == 0.25


def test_work_is_told_apart_by_what_was_delivered(tmp_path) -> None:
    """Resizes to none and 28 give one shape, 64 another: two kinds of work, that the knob can't name."""
    rows = [
        replace(row(n), knobs={**row(n).knobs, "resize": resize}, sample_shape=shape)
        for n, (resize, shape) in enumerate([("none", "1x28x28"), ("28", "1x28x28"), ("64", "1x64x64")])
    ]
    of_work, _ = split_names(summarise(runs.table(tmp_path, rows)))
    assert of_work == ["sample_shape"]


def test_nothing_but_failures_is_still_a_summary(tmp_path) -> None:
    """Every line says what happened."""
    summary = summarise(runs.table(tmp_path, [failed(0, 0, "timeout"), failed(1, 0, "unavailable")]))
    assert summary["status"].tolist() == ["timeout", "unavailable"]
    assert summary["rank"].isna().all()


def test_labels_hold_what_varies(tmp_path) -> None:
    """Workers vary, so they are the name; what is the same everywhere is not repeated."""
    summary = summarise(runs.table(tmp_path, [row(0), row(2)]))
    assert make_labels(summary).tolist() == ["num_workers=0", "num_workers=2"]


def test_labels_leave_out_what_follows(tmp_path) -> None:
    """A prefetch that is none only where there are no workers tells nothing more."""
    rows = [
        replace(row(n), knobs={**row(n).knobs, "prefetch_factor": "none" if n == 0 else "2"})
        for n in (0, 1, 2)
    ]
    assert find_varied(summarise(runs.table(tmp_path, rows))) == ["num_workers"]


def test_labels_keep_a_resize_beside_none(tmp_path) -> None:
    """A knob that varies on its own stays, also where one of its values is none."""
    base = row(0).knobs
    knobs = [base, {**base, "num_workers": "4"}, {**base, "resize": "64"}]
    summary = summarise(runs.table(tmp_path, [replace(row(n), knobs=k) for n, k in enumerate(knobs)]))
    assert make_labels(summary).is_unique
    assert make_labels(summary).tolist()[2] == "resize=64 num_workers=0"


def test_a_step_beside_none_is_told_apart(tmp_path) -> None:
    """The loss follows from there being a step; the step itself is never left out."""
    rows = [row(0), replace(row(1), knobs=row(0).knobs, step="none", loss=None)]
    found = make_labels(summarise(runs.table(tmp_path, rows))).tolist()
    assert found == ["step=analytic", "step=none"]


def test_one_configuration_has_a_name(tmp_path) -> None:
    """Where nothing varies, it is the family's."""
    assert make_labels(summarise(runs.table(tmp_path, [row(0)]))).tolist() == ["torch_dataloader"]


def test_a_gpu_is_never_ranked_beside_the_cpu(tmp_path) -> None:
    """Each device has a fastest of its own, and no ratio is taken across them."""
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


def test_a_transfer_that_follows_is_not_named(tmp_path) -> None:
    """Blocking out of ordinary and not out of page-locked memory is what scripts do; else it is named."""
    loop = [{"pin_memory": "off", "transfer": "blocking"}, {"pin_memory": "on", "transfer": "non_blocking"}]
    asked = [*loop, {"pin_memory": "on", "transfer": "prefetch"}]
    for knobs, names in ((loop, ["pin_memory"]), (asked, ["transfer", "pin_memory"])):
        sized = [{"batch_size": "256", "resize": "none", **its} for its in knobs]
        rows = [replace(row(n), device="cuda", knobs=its) for n, its in enumerate(sized)]
        assert sorted(find_varied(summarise(runs.table(tmp_path / str(len(knobs)), rows)))) == sorted(names)
