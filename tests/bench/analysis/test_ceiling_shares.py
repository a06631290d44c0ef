"""Ceilings of configurations, and the share of them that is reached."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, ceiling


def bounded(tmp_path, rows, ceilings) -> pd.DataFrame:
    return summarise(runs.table(tmp_path / "runs", rows), runs.table(tmp_path / "ceilings", ceilings))


def test_the_lower_ceiling_binds(tmp_path) -> None:
    """The step alone takes 0.5 s, reading 0.1 s, and an epoch 2 s: it reaches a quarter of the step."""
    ceilings = [*ceiling("step", [0.5] * 3), *ceiling("read", [0.1] * 3)]
    line = bounded(tmp_path, blocks(0, [2.0] * 3), ceilings).iloc[0]
    assert (line["ceiling"], line["ceiling_samples_per_s"]) == ("step", 2000)
    assert line["ceiling_share"] == line["ceiling_share_low"] == line["ceiling_share_high"] == 0.25


def test_the_bus_binds_loaders_that_send_as_many_bytes(tmp_path) -> None:
    """Pictures scaled on the device cross as fewer bytes. A loader without a transfer has no bus."""
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


def test_the_share_of_the_ceiling_is_taken_inside_each_block(tmp_path) -> None:
    """A block at half speed slows the ceiling down as well."""
    line = bounded(tmp_path, blocks(0, [2.0, 4.0, 2.0]), ceiling("step", [1.0, 2.0, 1.0])).iloc[0]
    assert line["ceiling_share_low"] == line["ceiling_share_high"] == 0.5


@pytest.mark.parametrize(
    ("ceilings", "binds"),
    [([*ceiling("step", [0.5] * 3), *ceiling("read", [0.1] * 3)], "read"), (ceiling("step", [0.5] * 3), "")],
)
def test_a_loader_alone_is_bound_by_reading(tmp_path, ceilings, binds) -> None:
    """Without a step only the read ceiling applies, however slow the step is."""
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
def test_a_ceiling_of_other_work_bounds_nothing(tmp_path, other) -> None:
    """A failed ceiling doesn't either."""
    line = bounded(tmp_path, blocks(0, [2.0] * 3), ceiling("step", [0.5] * 3, **other)).iloc[0]
    assert line["ceiling"] == ""
    assert pd.isna(line["ceiling_samples_per_s"])


def test_a_ceiling_that_failed_once_bounds_nothing(tmp_path) -> None:
    """Neither does the other ceiling, since the failed one might have been lower."""
    once = replace(ceiling("step", [0.5])[0], block=3, wall_s=None, status="failed", error="boom")
    ceilings = [*ceiling("step", [0.5] * 3), once, *ceiling("read", [0.1] * 3)]
    assert bounded(tmp_path, blocks(0, [2.0] * 4), ceilings).iloc[0]["ceiling"] == ""


def test_a_disturbed_ceiling_is_repeated_too(tmp_path) -> None:
    """The undisturbed attempt counts."""
    ceilings = [*ceiling("step", [1.0] * 3, disturbed="load"), *ceiling("step", [0.5] * 3, attempt=1)]
    assert bounded(tmp_path, blocks(0, [2.0] * 3), ceilings).iloc[0]["ceiling_share"] == 0.25
