"""What each stage costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.block_figures import compute_figures
from bench.analysis.explanation.ladder import find_ladder
from tests.bench.analysis.replay.traces import ORDER_S, MadeUpLoader

LOADER = MadeUpLoader(transforms={"Crop": 0.002, "Lambda": 0.001, "ToTensor": 0.003})


def find(evidence):
    return find_ladder(evidence.setup, compute_figures(evidence))


def test_stages_are_differences_of_rungs() -> None:
    """Each has its planned time, in the order of running."""
    ladder = find(replace(LOADER, num_workers=0).make_evidence())
    planned = {
        "order": ORDER_S, "fetch": 0.008 - ORDER_S, "Crop": 0.002, "Lambda": 0.001, "ToTensor": 0.003,
        "collate": 0.001,
    }  # fmt: skip
    found = {rung.name: rung.batch_s.median for rung in ladder}
    assert [*found][:6] == [*planned]
    assert {name: found[name] for name in ("Crop", "ToTensor", "collate")} == pytest.approx(
        {name: planned[name] for name in ("Crop", "ToTensor", "collate")}
    )
    assert found["step"] == pytest.approx(0.002)
    assert "transport" not in found
    assert {rung.name: rung.sample_s for rung in ladder}["Crop"] == pytest.approx(0.002 / 32)
    assert not any(rung.is_overlapped for rung in ladder)
    assert {rung.place for rung in ladder} == {"training"}


def test_workers_overlap_with_the_step() -> None:
    """What they do runs beside it, and the way of batches doesn't."""
    ladder = {rung.name: rung for rung in find(LOADER.make_evidence())}
    assert {name for name, rung in ladder.items() if rung.place == "worker"} == {
        "fetch", "Crop", "Lambda", "ToTensor", "collate",
    }  # fmt: skip
    assert {name for name, rung in ladder.items() if rung.is_overlapped} == {
        "fetch", "Crop", "Lambda", "ToTensor", "collate",
    }  # fmt: skip
    assert ladder["transport"].batch_s.median == pytest.approx(LOADER.hand_s)
    # Workers run beside each other: there is no difference to what one process does.
    assert "DataLoader" not in ladder


def test_nothing_overlaps_without_a_step() -> None:
    """There is nothing beside which it could run."""
    assert not any(rung.is_overlapped for rung in find(replace(LOADER, step_s=0.0).make_evidence()))


def test_a_loader_of_its_own_kind_is_no_dataloader() -> None:
    """The whole of it has one rung."""
    evidence = replace(LOADER, num_workers=0).make_evidence(has_dataloader=False)
    blocks = tuple(
        replace(block, rungs=tuple(rung for rung in block.rungs if rung.rung == "loader"))
        for block in evidence.blocks
    )
    assert [rung.name for rung in find(replace(evidence, blocks=blocks))] == ["loader", "step"]


def test_noise_may_make_a_cheap_stage_negative() -> None:
    """Its interval reaches below 0."""
    evidence = replace(LOADER, num_workers=0).make_evidence()
    blocks = []
    for number, block in enumerate(evidence.blocks):
        rungs = tuple(
            replace(rung, wall_s=rung.wall_s * (1 + 0.1 * (-1) ** number)) if rung.rung == "collate" else rung
            for rung in block.rungs
        )
        blocks.append(replace(block, rungs=rungs))
    collate = next(rung for rung in find(replace(evidence, blocks=tuple(blocks))) if rung.name == "collate")
    assert collate.batch_s.low < 0 < collate.batch_s.high


def test_a_missing_rung_adds_its_stage_to_the_next_one() -> None:
    """Code after a transform may need what it makes."""
    evidence = LOADER.make_evidence()
    blocks = tuple(
        replace(block, rungs=tuple(rung for rung in block.rungs if rung.stage != "Crop"))
        for block in evidence.blocks
    )
    found = {rung.name: rung.batch_s.median for rung in find(replace(evidence, blocks=blocks))}
    assert found["Lambda"] == pytest.approx(0.003)


def test_passes_of_a_rung_are_averaged() -> None:
    """Of 60 and of 20 batches: by batches, not by passes."""
    evidence = replace(LOADER, num_workers=0).make_evidence()
    block = evidence.blocks[0]
    order = block.rungs[0]
    again = replace(order, batches=20, wall_s=3 * order.batch_s * 20, epoch=1)
    one = replace(evidence, blocks=(replace(block, rungs=(*block.rungs, again)),))
    found = {rung.name: rung.batch_s for rung in find(one)}
    share = 20 / (order.batches + 20)
    assert found["order"].median == pytest.approx(order.batch_s * (1 + 2 * share))
    assert found["order"].low is None
