"""Ceilings of configurations, and the share of them that is reached."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed


def bounded(tmp_path, rows, ceilings) -> pd.DataFrame:
    tmp_path.mkdir(exist_ok=True)
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


OWN = {"step": "train.py:make_step", "loss": None, "dataset": "train.py:loader"}


def own_ceiling(number: int, walls: list[float], knobs: dict[str, str], **changes) -> list:
    rows = ceiling("step", walls, **{**OWN, "knobs": knobs, "sample_shape": "7", **changes})
    return [replace(row, configuration=number) for row in rows]


def test_an_own_step_bounds_loaders_of_its_knobs(tmp_path) -> None:
    """Its batch size and the parameters of the user's function count, not the shape of the last batch."""
    sizes = {size: {"batch_size": "64", "param.size": size} for size in ("128", "224", "512")}
    rows = [
        *blocks(0, [2.0] * 3, **OWN, knobs={**sizes["128"], "num_workers": "2"}, sample_shape="5"),
        *blocks(1, [4.0] * 3, **OWN, knobs={**sizes["224"], "num_workers": "2"}, sample_shape="6"),
        *blocks(2, [4.0] * 3, **OWN, knobs={**sizes["512"], "num_workers": "2"}, sample_shape="6"),
    ]
    ceilings = [*own_ceiling(0, [0.5] * 3, sizes["128"]), *own_ceiling(1, [2.0] * 3, sizes["224"])]
    summary = bounded(tmp_path, rows, ceilings)
    assert summary["ceiling"].tolist() == ["step", "step", ""]
    assert summary["ceiling_share"].tolist()[:2] == [0.25, 0.5]


def test_an_own_loader_without_knobs_has_a_ceiling(tmp_path) -> None:
    """A library's own loader has no batch size that could be varied; another step is no ceiling of it."""
    rows = blocks(0, [2.0] * 3, **OWN, knobs={"transfer": "none"})
    summary = bounded(tmp_path, rows, own_ceiling(0, [0.5] * 3, {}))
    assert summary["ceiling_share"].tolist() == [0.25]
    assert summary["rank"].tolist() == [1]
    other = bounded(tmp_path / "other", rows, own_ceiling(0, [0.5] * 3, {}, step="12ms"))
    assert other["ceiling"].tolist() == [""]


def test_the_step_alone_is_told_beside_a_lower_ceiling(tmp_path) -> None:
    """Reading bounds the loader; an infinitely fast one would be bound by the step."""
    ceilings = [*ceiling("step", [0.25] * 3), *ceiling("read", [0.5] * 3)]
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3)]
    summary = bounded(tmp_path, rows, ceilings)
    assert summary["ceiling"].tolist() == ["read", "read"]
    assert summary["step_samples_per_s"].tolist() == [4000, 4000]
    assert summary["step_share"].tolist() == [0.125, 0.25]
    assert summary["possible_ratio"].tolist() == [8, 8]


def test_the_possible_gain_is_taken_inside_each_block(tmp_path) -> None:
    """A block at half speed slows the step and the baseline alike, so the interval has no width."""
    rows = [*blocks(0, [2.0, 4.0, 2.0]), *blocks(1, [1.0] * 3)]
    line = bounded(tmp_path, rows, ceiling("step", [0.5, 1.0, 0.5])).iloc[1]
    names = ("possible_ratio", "possible_ratio_low", "possible_ratio_high")
    assert [line[name] for name in names] == [4, 4, 4]


def test_without_the_step_alone_nobody_knows_what_is_possible(tmp_path) -> None:
    """Neither where it failed, nor where the baseline did."""
    broken = ceiling("step", [0.5] * 3, status="failed", error="boom")
    for folder, rows, ceilings in (
        ("step", blocks(0, [2.0] * 3), broken),
        ("none", blocks(0, [2.0] * 3, step="none", loss=None), ceiling("read", [0.5] * 3)),
    ):
        line = bounded(tmp_path / folder, rows, ceilings).iloc[0]
        assert pd.isna(line[["step_samples_per_s", "step_share", "possible_ratio"]]).all()
    rows = [*blocks(0, [2.0] * 3), failed(0, 3), *blocks(1, [1.0] * 3)]
    line = bounded(tmp_path / "baseline", rows, ceiling("step", [0.5] * 3)).iloc[1]
    assert (line["step_samples_per_s"], line["step_share"]) == (2000, 0.5)
    assert pd.isna(line["possible_ratio"])
