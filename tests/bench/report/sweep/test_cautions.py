"""Failures and reasons to distrust figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.summary import summarise
from bench.report.labels import make_report_labels
from bench.report.remark import print_remarks
from bench.report.sweep.cautions import (
    list_audits,
    list_failures,
    list_imprecise,
    list_resumed,
    list_warnings,
)
from tests.bench import runs
from tests.bench.report.printing import capture
from tests.bench.runs import blocks, ceiling, failed, timed


def test_failures_have_their_reason(tmp_path) -> None:
    """One line each, also for ceilings; square brackets are text, and a line is not repeated."""
    summary = summarise(
        runs.table(
            tmp_path / "runs", [*blocks(0, [1.0] * 3), failed(1, 0, "timeout", "not done [after] 5 s")]
        )
    )
    knobs = {"batch_size": "256", "resize": "none"}
    bad = ceiling("step", [1.0, 1.0], status="failed", error="[no] memory", knobs=knobs)
    ceilings = runs.table(tmp_path / "ceilings", bad)
    text = capture(lambda c: print_remarks(c, list_failures(summary, ceilings, make_report_labels(summary))))
    assert text == (
        "timeout num_workers=1: not done [after] 5 s\nfailed step_ceiling batch_size=256: [no] memory\n"
    )


def test_a_failed_ceiling_is_named_by_its_knobs(tmp_path) -> None:
    """The step of a user's own training may have a parameter, and no batch size. One reason is one line."""
    summary = summarise(runs.table(tmp_path / "runs", blocks(0, [1.0] * 3)))
    bad = [
        replace(line, configuration=number, status="failed", error="boom", knobs={"param.size": size})
        for number, size in enumerate(("128", "224"))
        for line in ceiling("step", [1.0, 1.0])
    ]
    ceilings = runs.table(tmp_path / "ceilings", bad)
    text = capture(lambda c: print_remarks(c, list_failures(summary, ceilings, make_report_labels(summary))))
    assert text == "failed step_ceiling param.size=128 and step_ceiling param.size=224: boom\n"


def test_a_reason_of_many_configurations_is_one_line(tmp_path) -> None:
    """As where no worker of a grid can be started. A failure of another kind has a line of its own."""
    reason = "a lambda can't be pickled"
    rows = [*blocks(0, [1.0] * 3), *(failed(number, 0, "unavailable", reason) for number in range(1, 6))]
    summary = summarise(runs.table(tmp_path, [*rows, failed(6, 0, "failed", reason)]))
    text = capture(lambda c: print_remarks(c, list_failures(summary, None, make_report_labels(summary))))
    assert text.splitlines() == [
        f"unavailable num_workers=1, num_workers=2, num_workers=3 and 2 more: {reason}",
        f"failed num_workers=6: {reason}",
    ]


def test_a_warning_is_one_line(tmp_path) -> None:
    """It names its kind first."""
    rows = [line for number in range(5) for line in blocks(number, [1.0, 1.0, 1.5 + number / 10])]
    summary = summarise(runs.table(tmp_path, rows))
    lines = capture(
        lambda c: print_remarks(c, list_warnings(summary, make_report_labels(summary))), width=500
    ).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Unstable: ")
    assert "num_workers=4 (526 to 1.00k samples/s)" in lines[0]


def test_quiet_figures_have_no_warning(tmp_path) -> None:
    """Silence says that all is well."""
    summary = summarise(runs.table(tmp_path, blocks(0, [1.0, 1.001, 1.002], shuffle_quality=0.99)))
    assert capture(lambda c: print_remarks(c, list_warnings(summary, make_report_labels(summary)))) == ""


@pytest.mark.parametrize(
    ("family", "shares", "says"),
    [
        ("dataloader", (1.0, 1.0), ""),
        ("dataloader", (0.25, 0.25), "Audited in part: 25% of an epoch's batches were compared"),
        ("dataloader", (0.25, 0.5), "Audited in part: 25% to 50% of an epoch's batches were compared"),
        ("dataloader", (0.25, 1.0), "Audited in part (num_workers=0): 25% of an epoch's batches"),
        # Their batches are all checked in a repetition.
        ("torch_dataloader", (0.25, 0.25), ""),
    ],
)
def test_batches_that_were_not_compared_are_told(tmp_path, family, shares, says) -> None:
    """Comparing takes as long as loading at most."""
    rows = [
        replace(row, family=family)
        for number, share in enumerate(shares)
        for row in blocks(number, [1.0] * 3, audit="content", audited_share=share)
    ]
    summary = summarise(runs.table(tmp_path, rows))
    told = capture(lambda c: print_remarks(c, list_audits(summary, make_report_labels(summary))), width=200)
    assert told.startswith(says)
    assert bool(told) is bool(says)


def test_a_weaker_audit_is_told(tmp_path) -> None:
    """One line for each kind, with the names where it isn't that of all."""

    def audits(*kinds: str | None) -> str:
        rows = [line for number, kind in enumerate(kinds) for line in blocks(number, [1.0] * 3, audit=kind)]
        summary = summarise(runs.table(tmp_path / "-".join(map(str, kinds)), rows))
        return capture(
            lambda c: print_remarks(c, list_audits(summary, make_report_labels(summary))), width=200
        )

    by_index = "what the samples hold was not compared with the dataset.\n"
    assert audits("content", "content") == audits(None, None) == ""
    assert audits("index", "index") == f"Audited by index: {by_index}"
    assert audits("content", "index") == f"Audited by index (num_workers=1): {by_index}"
    assert audits("count") == "Audited by count: samples without an index can only be counted.\n"


def test_imprecise_configurations_are_named(tmp_path) -> None:
    """Nothing is said where all are precise, or where no precision was asked for."""
    summary = summarise(runs.table(tmp_path, [*blocks(0, [1.0] * 3), *blocks(1, [1.0] * 3)]))
    labels = make_report_labels(summary)

    def imprecise(numbers: tuple[int, ...], precision: float | None) -> str:
        return capture(lambda c: print_remarks(c, list_imprecise(numbers, precision, labels)))

    assert imprecise((1,), 0.03) == (
        "Imprecise: the budget ended before ±3% for num_workers=1: --resume with a larger --budget goes on.\n"
    )
    assert imprecise((), 0.03) == imprecise((1,), None) == ""


def test_rows_of_a_resumed_sweep_are_counted(tmp_path) -> None:
    """By the conditions that changed."""
    rows = [timed(0, 0, 1.0), *(timed(0, b, 1.0, resumed_with="torch 1, now [2]") for b in (1, 2))]
    text = capture(lambda c: print_remarks(c, list_resumed(runs.table(tmp_path, rows))))
    assert text.startswith("Resumed anyway: 2 rows with torch 1, now [2]; ")
