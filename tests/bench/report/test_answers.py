"""The answer of a sweep in words."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bench.analysis.answer import find_answers
from bench.analysis.summary import summarise
from bench.report.answers import print_answers
from bench.report.labels import make_report_labels
from tests.bench import runs
from tests.bench.report.printing import capture
from tests.bench.runs import blocks, ceiling, timed


def answer(summary: pd.DataFrame) -> str:
    """Return the printed answers, with one line of code a configuration."""
    labels = make_report_labels(summary)
    return capture(
        lambda console: print_answers(console, find_answers(summary), labels, lambda n: [f"load([{n}])"])
    )


def answer_rows(folder, rows) -> str:
    return answer(summarise(runs.table(folder, rows)))


def three_blocks(number: int, wall_s: float, **changes) -> list:
    return [replace(timed(number, b, wall_s * (1 + b / 1000)), **changes) for b in range(3)]


def with_batch_size(size: str, workers: str) -> dict[str, object]:
    return {"knobs": {"batch_size": size, "resize": "none", "num_workers": workers}}


def test_the_fastest_is_to_be_used(tmp_path) -> None:
    """With its gain, the interval of that, and the code for it."""
    text = answer_rows(tmp_path, [*three_blocks(0, 2.0), *blocks(1, [1.0, 1.02, 0.98])])
    sentence, _, code, *_ = text.splitlines()
    assert sentence.startswith(
        "Use num_workers=1, the fastest: 2 times the baseline num_workers=0 (95% interval 1.9–2.11). "
    )
    assert code == "    load([1])"


def test_a_baseline_that_is_fastest_is_kept(tmp_path) -> None:
    """Nothing is gained by a change."""
    text = answer_rows(tmp_path, [*three_blocks(0, 1.0), *three_blocks(1, 2.0)])
    assert text.startswith("Keep the baseline num_workers=0, the fastest: 999 samples/s (95% interval ")
    assert "    load([0])\n" in text


def test_of_a_tie_the_cheapest_is_to_be_used(tmp_path) -> None:
    """The others of the tie set are named."""
    rows = [
        timed(n, b, wall)
        for n, walls in enumerate(((3, 3.1, 3.2), (1, 1.2, 1.1), (1.1, 1, 1.2)))
        for b, wall in enumerate(walls)
    ]
    text = answer_rows(tmp_path, rows)
    assert "it and num_workers=2 can't be told apart in 3 blocks, and it is the cheapest." in text
    assert text.startswith("Use num_workers=1: ")
    assert "fastest" not in text


def test_two_percent_is_no_difference(tmp_path) -> None:
    """Nobody trains faster for it, however narrow the interval is."""
    text = answer_rows(tmp_path, [*three_blocks(0, 1.0), *three_blocks(1, 1.015)])
    assert text.startswith("Keep the baseline num_workers=0: ")
    assert "it and num_workers=1 are within 2% of each other, and it is the cheapest." in text


def test_one_far_behind_needs_no_interval(tmp_path) -> None:
    """A configuration that the budget left with two blocks doesn't keep the others from an answer."""
    rows = [*three_blocks(0, 2.0), *three_blocks(1, 1.0), *three_blocks(2, 30.0)[:2]]
    assert answer_rows(tmp_path, rows).startswith("Use num_workers=1, the fastest: ")


def test_one_block_makes_nobody_the_fastest(tmp_path) -> None:
    """Chance may have decided, however large the difference is."""
    for folder, wall_s in (("near", 2.0), ("far", 3.0)):
        text = answer_rows(tmp_path / folder, [timed(0, 0, wall_s), timed(1, 0, 1.0)])
        assert text.startswith(
            f"num_workers=1 was fastest: {wall_s:g} times the baseline num_workers=0; fewer"
        )
        assert "Use" not in text


def test_one_configuration_is_told_from_a_winner(tmp_path) -> None:
    """It has no rival."""
    text = answer_rows(tmp_path, three_blocks(0, 1.0))
    assert text.startswith("Nothing was measured beside torch_dataloader: 999 samples/s (95% interval ")


def test_the_bound_is_named(tmp_path) -> None:
    """The step from nine tenths of its ceiling on, else loading."""
    ceilings = runs.table(tmp_path / "ceilings", ceiling("step", [0.95] * 3))
    for folder, wall_s, bound in (
        ("step", 1.0, "The train step bounds it then: it reaches 95%"),
        ("loader", 1.5, "Loading still bounds it: it reaches 63%"),
    ):
        table = runs.table(tmp_path / folder, [*blocks(0, [3.0] * 3), *blocks(1, [wall_s] * 3)])
        text = " ".join(answer(summarise(table, ceilings)).split())
        assert f"{bound} of the throughput of the train step alone, and the loop waits for data 50%" in text
    assert "The loop waits for data 50% of the time." in answer(summarise(table))
    # A share that only noise explains tells nothing.
    ceilings = runs.table(tmp_path / "noisy", ceiling("step", [3.0] * 3))
    assert "ound" not in answer(summarise(table, ceilings))


def test_each_kind_of_work_has_an_answer(tmp_path) -> None:
    """That of the baseline comes first; without a rival there is nothing to say beside the others."""
    rows = [
        *three_blocks(0, 2.0, **with_batch_size("256", "0")),
        *three_blocks(1, 1.0, **with_batch_size("256", "2")),
        *three_blocks(2, 2.0, **with_batch_size("64", "0")),
        *three_blocks(3, 1.0, **with_batch_size("64", "2")),
        *three_blocks(4, 1.0, **with_batch_size("16", "0")),
    ]
    lines = answer_rows(tmp_path, rows).splitlines()
    assert lines[0].startswith("Use num_workers=2 (batch_size=256), the fastest: 2 times the baseline")
    assert lines[4].startswith("Use num_workers=2 (batch_size=64), the fastest: 2 times the baseline num_w")
    assert [line for line in lines if "load" in line] == ["    load([1])", "    load([3])"]


def test_many_kinds_of_work_are_counted(tmp_path) -> None:
    """A screen has room for three answers."""
    rows = [
        line
        for n, size in enumerate(["8", "16", "32", "64"])
        for workers, wall_s in (("0", 2.0), ("2", 1.0))
        for line in three_blocks(2 * n + (workers == "2"), wall_s, **with_batch_size(size, workers))
    ]
    text = answer_rows(tmp_path, rows)
    assert text.count("Use") == 3
    assert text.endswith("The table has 1 more kind of work.\n")
