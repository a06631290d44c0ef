"""Two results folders, configuration by configuration."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from bench.analysis.comparison.compare_folders import compare_folders
from bench.analysis.comparison.comparison import Comparison, ComparisonOptions
from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT, RUNS
from tests.bench.runs import blocks, ceiling, failed
from tests.bench.sides import WALLS, cut, scaled, side, started

ACROSS = ComparisonOptions(across_machines=True)


def judge(comparison: Comparison) -> dict[str, str]:
    """Return the judgement of each configuration by its name."""
    return {one.name: one.judgement for one in comparison.configurations}


def test_a_run_is_the_same_as_itself(tmp_path) -> None:
    """Also a copy of it, whose blocks deviate by a third: each of its trials is the same trial."""
    rows = started(blocks(0, [1, 1.3, 0.9]) + blocks(1, [2, 2.6, 1.9]), first_s=0, block_s=60)
    a = side(tmp_path / "a", rows)
    shutil.copytree(a, tmp_path / "b")
    for b in (a, tmp_path / "b"):
        comparison = compare_folders(a, b)
        assert judge(comparison) == {"num_workers=0": "same", "num_workers=1": "same"}
        assert comparison.exit_code == 0
        assert "nothing was measured twice" in comparison.notices[0]


def test_two_measurements_of_one_thing_are_the_same(tmp_path) -> None:
    """Other blocks of the same speed."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(tmp_path / "b", blocks(0, scaled(1.001, reversed(WALLS))))
    comparison = compare_folders(a, b)
    assert judge(comparison) == {"torch_dataloader": "same"}
    assert comparison.exit_code == 0


def test_a_tenth_slower_is_slower(tmp_path) -> None:
    """One of two configurations; exit code 1. The other way round it is faster; exit code 0."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS))
    b = side(tmp_path / "b", blocks(0, WALLS) + blocks(1, scaled(1 / 0.9, reversed(WALLS))))
    comparison = compare_folders(a, b)
    assert judge(comparison) == {"num_workers=0": "same", "num_workers=1": "slower"}
    assert comparison.exit_code == 1
    ratio = comparison.configurations[1].ratio
    assert ratio is not None
    assert ratio.median == pytest.approx(0.9, rel=0.01)
    assert ratio.blocks == 10
    comparison = compare_folders(b, a)
    assert judge(comparison)["num_workers=1"] == "faster"
    assert comparison.exit_code == 0


def test_three_rows_decide_nothing(tmp_path) -> None:
    """Exit code 3, in either folder or in both."""
    a, b = (side(tmp_path / name, blocks(0, WALLS) + blocks(1, WALLS)) for name in "ab")
    rows = [replace(row, epoch=epoch) for row in blocks(0, WALLS) for epoch in (0, 1)]
    short = cut(side(tmp_path / "short", rows), 3)
    for left, right in ((short, b), (a, short), (short, short)):
        comparison = compare_folders(left, right)
        assert set(judge(comparison).values()) == {"undecided"}
        assert comparison.exit_code == 3
        assert comparison.configurations[0].reason == "1 block of 3 that an interval needs"


def test_another_dataset_is_not_comparable(tmp_path) -> None:
    """Exit code 4, by its name, or by its files where the name is the same."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(tmp_path / "b", blocks(0, WALLS, dataset="fashion-mnist"))
    comparison = compare_folders(a, b)
    assert comparison.obstacles == ("dataset: A synthetic:1000, B fashion-mnist",)
    assert (comparison.exit_code, comparison.configurations) == (4, ())
    c = side(tmp_path / "c", blocks(0, WALLS), dataset={"sha256": "cd" * 32})
    assert "SHA-256 abababab… in A, cdcdcdcd… in B" in compare_folders(a, c).obstacles[0]
    assert compare_folders(a, c, ACROSS).exit_code == 4


def test_other_code_of_a_target_is_what_is_compared(tmp_path) -> None:
    """Its digest is that of the user's modules: a note says that they differ."""
    a, b = (
        side(tmp_path / name, blocks(0, WALLS, dataset="train.py:loader"), dataset={"sha256": name * 64})
        for name in "ab"
    )
    comparison = compare_folders(a, b)
    assert comparison.exit_code == 0
    assert "The code of the target differs between A and B." in comparison.notices


def test_a_folder_in_which_all_failed_is_not_comparable(tmp_path) -> None:
    """Exit code 4, and the first error."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(tmp_path / "b", [failed(0, block, error="RuntimeError: boom") for block in range(3)])
    comparison = compare_folders(a, b)
    assert comparison.exit_code == 4
    assert comparison.obstacles == (
        "nothing was measured in B: failed in each of 1 configuration: RuntimeError: boom",
    )
    assert compare_folders(b, b).exit_code == 4


def test_a_sweep_that_ended_before_its_first_row_is_not_comparable(tmp_path) -> None:
    """Exit code 4. A folder that no sweep made is bad input."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(tmp_path / "b", blocks(0, WALLS))
    cut(b, 0)
    assert compare_folders(a, b).obstacles == ("nothing was measured in B",)
    (b / RUNS).unlink()
    assert compare_folders(a, b).exit_code == 4
    (b / ENVIRONMENT).unlink()
    with pytest.raises(ResultsError, match=r"runs\.csv can't be read"):
        compare_folders(a, b)


def test_an_undecided_difference_says_how_many_blocks_may_decide(tmp_path) -> None:
    """More than there are; none where the ratio lies at the margin."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS))
    b = side(tmp_path / "b", blocks(0, scaled(1.036, WALLS[::-1])) + blocks(1, scaled(1 / 0.97, WALLS)))
    few, many = (one.reason.rpartition("; ")[2] for one in compare_folders(a, b).configurations)
    assert few.startswith("some ")
    assert 10 < int(few.split()[1]) < 100
    assert many == "the ratio lies too near the margin for more blocks to decide"


def test_one_that_fails_now_is_undecided(tmp_path) -> None:
    """It can't be called slower, and not the same either."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS))
    b = side(tmp_path / "b", [*blocks(0, WALLS), failed(1, 0)])
    comparison = compare_folders(a, b)
    assert judge(comparison) == {"num_workers=0": "same", "num_workers=1": "undecided"}
    assert comparison.configurations[1].reason == "failed in B: boom"
    assert comparison.exit_code == 3


def test_configurations_are_matched_by_what_they_are(tmp_path) -> None:
    """Not by their numbers, and a knob at none is one that isn't there."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": "4"}
    a = side(tmp_path / "a", blocks(0, WALLS, knobs=knobs) + blocks(1, WALLS))
    other = {"batch_size": "256", "num_workers": "4"}
    third = {"batch_size": "64", "num_workers": "4"}
    b = side(tmp_path / "b", blocks(3, scaled(1.3), knobs=other) + blocks(4, WALLS, knobs=third))
    comparison = compare_folders(a, b)
    (one,) = comparison.configurations
    assert (one.number_a, one.number_b, one.judgement) == (0, 3, "slower")
    assert len(comparison.only_a) == len(comparison.only_b) == 1


def test_twins_are_matched_in_their_order(tmp_path) -> None:
    """An A/A check holds each configuration twice."""
    same = {"batch_size": "256", "resize": "none", "num_workers": "4"}
    rows = blocks(0, WALLS, knobs=same) + blocks(1, scaled(1.3), knobs=same)
    comparison = compare_folders(side(tmp_path / "a", rows), side(tmp_path / "b", rows))
    assert [(one.number_a, one.number_b) for one in comparison.configurations] == [(0, 0), (1, 1)]
    assert [one.name for one in comparison.configurations] == ["torch_dataloader", "torch_dataloader (2)"]


def test_nothing_in_common_says_what_differs(tmp_path) -> None:
    """Exit code 4, with the values that no configuration shares."""
    a = side(tmp_path / "a", blocks(1, WALLS) + blocks(2, WALLS))
    b = side(tmp_path / "b", blocks(4, WALLS))
    assert compare_folders(a, b).obstacles == (
        "no configuration is in both A and B: num_workers is 1 and 2 in A, 4 in B",
    )


def test_another_machine_is_not_comparable_but_its_ratios_are(tmp_path) -> None:
    """A machine of half the speed, on which one configuration became a tenth slower beside the baseline."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS) + blocks(2, WALLS))
    rows = blocks(0, scaled(2)) + blocks(1, scaled(2.0, WALLS)) + blocks(2, scaled(2 / 0.9, reversed(WALLS)))
    b = side(
        tmp_path / "b",
        [replace(row, num_threads=4) for row in rows],
        machine={"id": "ffffffff", "cores": 4},
        torch={"num_threads": 4},
    )
    comparison = compare_folders(a, b)
    assert comparison.exit_code == 4
    assert comparison.obstacles[0].startswith("machine id: 12345678 in A, ffffffff in B; --across-machines")
    comparison = compare_folders(a, b, ACROSS)
    assert judge(comparison) == {"num_workers=1": "same", "num_workers=2": "slower"}
    assert comparison.configurations[1].a == pytest.approx(1, rel=0.02)
    assert any("The machines differ" in notice for notice in comparison.notices)


def test_across_machines_the_baseline_must_be_the_same(tmp_path) -> None:
    """A ratio to another baseline says nothing."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS))
    b = side(tmp_path / "b", [replace(row, baseline=2) for row in blocks(1, WALLS) + blocks(2, WALLS)])
    comparison = compare_folders(a, b, ACROSS)
    assert comparison.obstacles == ("num_workers=1: its baseline is another configuration in B than in A",)
    alone = side(tmp_path / "alone", blocks(0, WALLS))
    assert "only the baseline" in compare_folders(a, alone, ACROSS).obstacles[0]


def test_versions_are_a_note(tmp_path) -> None:
    """An upgrade of torch is often what is compared."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(
        tmp_path / "b", blocks(0, WALLS), versions={"torch": "2.15.0"}, variables={"OMP_NUM_THREADS": "1"}
    )
    comparison = compare_folders(a, b)
    assert comparison.exit_code == 0
    (note,) = [notice for notice in comparison.notices if "torch: 2.14.1 in A, 2.15.0 in B" in notice]
    assert "variables" in note


def test_a_folder_without_its_environment_is_compared_with_a_note(tmp_path) -> None:
    """Rows alone don't say on which machine they were measured."""
    a, b = (side(tmp_path / name, blocks(0, WALLS)) for name in "ab")
    (b / ENVIRONMENT).unlink()
    comparison = compare_folders(a, b)
    assert comparison.exit_code == 0
    assert comparison.notices[0].startswith("B has no environment.json")


def test_cold_epochs_are_not_compared_with_steady_ones(tmp_path) -> None:
    """A sweep of one epoch a process has no steady ones."""
    a = side(tmp_path / "a", blocks(0, WALLS))
    b = side(tmp_path / "b", [replace(row, epoch=0) for row in blocks(0, WALLS)])
    assert "epochs: A has steady ones, B cold ones" in compare_folders(a, b).obstacles[0]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sample_shape": "3x64x64"}, "samples are 1x28x28 float32 in A, 3x64x64 float32 in B"),
        ({"samples": 500}, "an epoch has 1,000 samples in A, 500 in B"),
    ],
)
def test_other_work_is_not_compared(tmp_path, changes, reason) -> None:
    """Larger samples, and an epoch of another length, whose start-up weighs otherwise."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS))
    b = side(tmp_path / "b", blocks(0, WALLS) + blocks(1, WALLS, **changes))
    comparison = compare_folders(a, b)
    assert (comparison.exit_code, comparison.configurations[1].reason) == (3, reason)
    only = side(tmp_path / "only", blocks(1, WALLS, **changes))
    assert compare_folders(a, only).obstacles == (f"num_workers=1: {reason}",)


def test_blocks_that_hold_both_sides_are_paired(tmp_path) -> None:
    """A machine that drifts by a third hides 5% between folders, and not inside blocks."""
    drift = [1 + place / 30 for place in range(10)]
    old = [wall * factor for wall, factor in zip(WALLS, drift, strict=True)]
    new = [1.08 * wall * factor for wall, factor in zip(reversed(WALLS), drift, strict=True)]
    a = side(tmp_path / "a", started(blocks(0, old), first_s=0, block_s=10))
    b = side(tmp_path / "b", started(blocks(0, new), first_s=5, block_s=10))
    late = side(tmp_path / "late", started(blocks(0, new), first_s=100, block_s=10))
    comparison = compare_folders(a, b)
    assert comparison.options.paired
    assert judge(comparison) == {"torch_dataloader": "slower"}
    comparison = compare_folders(a, late)
    assert not comparison.options.paired
    assert judge(comparison) == {"torch_dataloader": "undecided"}
    assert "1 min 40 s apart" in comparison.notices[-1]
    assert judge(compare_folders(a, late, ComparisonOptions(paired=True))) == {"torch_dataloader": "slower"}


def test_a_comparison_of_two_commits_records_its_common_blocks(tmp_path) -> None:
    """Without start times the record decides, and so it does against them."""
    a, b, c = (
        side(tmp_path / name, blocks(0, WALLS), common_blocks=record)
        for name, record in (("a", None), ("b", None), ("c", None))
    )
    for folder, name in ((a, "one"), (b, "one"), (c, "two")):
        values = json.loads((folder / ENVIRONMENT).read_text())
        (folder / ENVIRONMENT).write_text(json.dumps({**values, "common_blocks": {"id": name}}))
    assert compare_folders(a, b).options.paired
    assert not compare_folders(a, c).options.paired


def test_a_step_that_slowed_down_alike_leaves_it_undecided(tmp_path) -> None:
    """No loader takes part in the step alone. Inside common blocks the machine is the same: it is slower."""
    a = side(tmp_path / "a", started(blocks(0, WALLS), first_s=0, block_s=10), ceiling("step", WALLS))
    rows, slow = blocks(0, scaled(1.2)), ceiling("step", scaled(1.2))
    b = side(tmp_path / "b", started(rows, first_s=200, block_s=10), slow)
    comparison = compare_folders(a, b)
    assert judge(comparison) == {"torch_dataloader": "undecided"}
    assert comparison.configurations[0].reason == "slower, but a ceiling became slower"
    assert any(notice.startswith("The step alone") for notice in comparison.notices)
    paired = side(tmp_path / "paired", started(rows, first_s=5, block_s=10), slow)
    assert judge(compare_folders(a, paired)) == {"torch_dataloader": "slower"}


def test_a_loader_that_slows_down_while_the_step_gets_faster_is_slower(tmp_path) -> None:
    """The machine can't explain that."""
    a = side(tmp_path / "a", blocks(0, WALLS) + blocks(1, WALLS), ceiling("step", WALLS))
    b = side(tmp_path / "b", blocks(0, scaled(1.2)) + blocks(1, WALLS), ceiling("step", scaled(0.8)))
    assert judge(compare_folders(a, b)) == {"num_workers=0": "slower", "num_workers=1": "undecided"}
