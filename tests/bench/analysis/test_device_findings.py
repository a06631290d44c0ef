"""Findings on pinning and on hidden copies, from rows as a sweep on a GPU writes them."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.device_findings import compare_pinning, find_hidden_copies
from bench.analysis.summary import summarise
from bench.report.sweep.device_report import describe_device_findings
from tests.bench import runs


def rows(number: int, walls: list[float], family: str = "torch_dataloader", **knobs: str) -> list:
    """Return the rows of a configuration's epochs on a GPU."""
    filled = {"batch_size": "256", "resize": "none", "transfer": "", "pin_memory": "", **knobs}
    return [replace(row, family=family, device="cuda", knobs=filled) for row in runs.blocks(number, walls)]


def on_device(row, transfer_s: float, step_s: float):
    """Return the row of the same epoch, timed on the device."""
    return replace(row, block=0, timed_by="events", data_wait_s=0.0, transfer_s=transfer_s, step_s=step_s)


def tables(tmp_path, measured, device=()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows as a table, and their summary."""
    table = runs.table(tmp_path / "runs", measured)
    return table, summarise(table, None, runs.table(tmp_path / "device", list(device)) if device else None)


@pytest.mark.parametrize(
    ("walls", "verdict"),
    [
        ([0.5, 0.5, 0.5], "wins"),
        ([2.0, 2.0, 2.0], "loses"),
        ([0.8, 1.0, 1.2], "no difference"),
        ([0.5, 0.5], "too few blocks"),
    ],
)
def test_where_pinning_wins(tmp_path, walls, verdict) -> None:
    """The interval of the ratio inside each block decides."""
    measured = [
        *rows(0, [1.0] * len(walls), pin_memory="off", transfer="blocking"),
        *rows(1, walls, pin_memory="on", transfer="non_blocking"),
    ]
    (found,) = compare_pinning(*tables(tmp_path, measured))
    assert found.verdict == verdict
    assert found.name == "torch_dataloader"


def test_only_equals_are_compared(tmp_path) -> None:
    """Configurations of another batch size, transfer or family form pairs of their own, or none."""
    measured = [
        *rows(0, [1.0] * 3, pin_memory="off", transfer="blocking"),
        *rows(1, [0.5] * 3, pin_memory="on", transfer="non_blocking"),
        *rows(2, [1.0] * 3, pin_memory="off", transfer="prefetch"),
        *rows(3, [0.25] * 3, pin_memory="on", transfer="prefetch"),
        *rows(4, [1.0] * 3, pin_memory="off", transfer="blocking", batch_size="64"),
        *rows(5, [0.1] * 3, family="tensor_slice", pin_memory="on", transfer="prefetch"),
        *rows(6, [0.1] * 3, family="device_resident"),
    ]
    found = {one.name: one.ratio.median for one in compare_pinning(*tables(tmp_path, measured))}
    assert found == {
        "torch_dataloader batch_size=256": 2,
        "torch_dataloader batch_size=256 transfer=prefetch": 4,
    }


def test_of_two_ways_of_the_loop_the_usual_one(tmp_path) -> None:
    """Page-locked memory is compared as it is meant to be used."""
    measured = [
        *rows(0, [1.0] * 3, pin_memory="off", transfer="non_blocking"),
        *rows(1, [2.0] * 3, pin_memory="off", transfer="blocking"),
        *rows(2, [0.5] * 3, pin_memory="on", transfer="non_blocking"),
        *rows(3, [0.7] * 3, pin_memory="on", transfer="blocking"),
    ]
    (found,) = compare_pinning(*tables(tmp_path, measured))
    assert found.ratio.median == 4


def test_what_failed_is_no_pair(tmp_path) -> None:
    """Its partner has nothing to be compared with."""
    measured = [
        *rows(0, [1.0] * 3, pin_memory="off", transfer="blocking"),
        *rows(1, [0.5] * 3, pin_memory="on", transfer="non_blocking"),
    ]
    measured[-1] = replace(measured[-1], status="failed")
    assert compare_pinning(*tables(tmp_path, measured)) == []


def sized(tmp_path, times: dict[int, tuple[float, float]]) -> pd.DataFrame:
    """Return the summary of a sweep over batch sizes, each with the seconds of its copies and steps."""
    measured = [
        rows(number, [1.0] * 3, batch_size=str(size), transfer="prefetch", pin_memory="on")
        for number, size in enumerate(times)
    ]
    device = [on_device(one[0], *time) for one, time in zip(measured, times.values(), strict=True)]
    return tables(tmp_path, [row for one in measured for row in one], device)[1]


@pytest.mark.parametrize(
    ("times", "first"),
    [
        ({64: (0.1, 0.5), 256: (0.1, 0.2), 1024: (0.1, 0.1)}, 64),
        ({64: (0.6, 0.5), 256: (0.1, 0.2), 1024: (0.1, 0.1)}, 256),
        ({64: (0.1, 0.5), 256: (0.3, 0.2), 1024: (0.1, 0.1)}, 1024),
        ({64: (0.1, 0.5), 256: (0.1, 0.2), 1024: (0.2, 0.1)}, None),
        ({1024: (0.1, 0.2), 64: (0.3, 0.2)}, 1024),
    ],
)
def test_from_which_batch_size_on_copies_hide(tmp_path, times, first) -> None:
    """Copies take no longer than steps at this size and at all larger ones."""
    (found,) = find_hidden_copies(sized(tmp_path, times))
    assert found.batch_size == first
    assert found.sizes == tuple(sorted(times))


def test_one_batch_size_says_nothing(tmp_path) -> None:
    """There is nothing to compare it with."""
    assert find_hidden_copies(sized(tmp_path, {64: (0.1, 0.2)})) == []


def printed(measured, summary) -> str:
    return "".join(f"{line.plain}\n" for line in describe_device_findings(measured, summary))


def test_all_of_it_is_printed(tmp_path) -> None:
    """Wins and losses are listed; pairs without a difference are counted."""
    measured = [
        *rows(0, [1.0] * 3, pin_memory="off", transfer="blocking"),
        *rows(1, [0.5] * 3, pin_memory="on", transfer="non_blocking"),
        *rows(2, [1.0] * 3, pin_memory="off", transfer="blocking", batch_size="64"),
        *rows(3, [2.0] * 3, pin_memory="on", transfer="non_blocking", batch_size="64"),
        *rows(4, [1.0] * 3, pin_memory="off", transfer="blocking", batch_size="32"),
        *rows(5, [0.9, 1.0, 1.1], pin_memory="on", transfer="non_blocking", batch_size="32"),
    ]
    device = [
        on_device(row, copies_s, 0.1)
        for row, copies_s in zip(measured[::3], (0.05, 0.05, 0.2, 0.2, 0.2, 0.2), strict=True)
    ]
    assert printed(*tables(tmp_path, measured, device)).splitlines() == [
        "Copies are shorter than steps from batch_size=256 on (of 32, 64, 256): "
        "torch_dataloader pin_memory=off and torch_dataloader pin_memory=on.",
        "Page-locked memory against ordinary, everything else equal:",
        "  wins × 2 (2–2): torch_dataloader batch_size=256",
        "  loses × 0.5 (0.5–0.5): torch_dataloader batch_size=64",
        "  no difference for 1 of 3",
    ]


def test_copies_that_never_hide_are_told(tmp_path) -> None:
    """The line names the largest measured size."""
    summary = sized(tmp_path, {64: (0.3, 0.1), 256: (0.2, 0.1)})
    text = printed(runs.table(tmp_path / "none", runs.blocks(0, [1.0])), summary)
    assert text == "Copies take longer than steps at batch_size=256 (of 64, 256): torch_dataloader.\n"


def test_without_a_gpu_nothing_is_printed(tmp_path) -> None:
    """A sweep on the CPU has no such table."""
    table = runs.table(tmp_path, runs.blocks(0, [1.0] * 3))
    assert printed(table, summarise(table)) == ""
