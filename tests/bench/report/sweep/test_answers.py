"""The answer of a sweep in words."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from bench.analysis.answer import find_answers
from bench.analysis.summary import summarise
from bench.report.labels import make_report_labels
from bench.report.sweep.answers import print_answers
from bench.report.sweep.table import print_table
from tests.bench import runs
from tests.bench.report.printing import capture
from tests.bench.runs import blocks, ceiling, failed, timed


def answer(summary: pd.DataFrame) -> str:
    """Return the printed answers, with one line of code a configuration."""
    labels = make_report_labels(summary)
    return capture(
        lambda console: print_answers(console, find_answers(summary), labels, lambda n: [f"load([{n}])"])
    )


def answer_rows(folder, rows) -> str:
    return answer(summarise(runs.table(folder, rows)))


def answer_below(folder, rows, ceilings) -> str:
    """Return the printed answers of configurations below ceilings."""
    folder.mkdir(exist_ok=True)
    bounds = runs.table(folder / "ceilings", ceilings)
    return answer(summarise(runs.table(folder / "runs", rows), bounds))


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
            f"num_workers=1 was fastest so far: {wall_s:g} times the baseline num_workers=0; fewer"
        )
        assert "Use" not in text


def test_one_with_too_few_blocks_is_named(tmp_path) -> None:
    """The budget may cut the last block. The reason names the configuration that lacks blocks."""
    rows = [*three_blocks(0, 2.0), *three_blocks(1, 1.0), *three_blocks(2, 1.1)[:2]]
    text = answer_rows(tmp_path, rows)
    assert text.startswith("num_workers=1 was fastest: 2 times the baseline num_workers=0 (95% interval ")
    assert "num_workers=2 has too few blocks to be compared: three are needed." in text


def test_the_cheapest_of_a_tie_is_not_called_the_fastest(tmp_path) -> None:
    """Another configuration, of which nobody knows yet, changes nothing about that."""
    rows = [
        timed(n, b, wall)
        for n, walls in enumerate(((3, 3.1, 3.2), (1.1, 1.2, 1.1), (1.1, 1, 1.1), (1.2, 1.2)))
        for b, wall in enumerate(walls)
    ]
    text = answer_rows(tmp_path, rows)
    assert text.startswith("Use num_workers=1: ")
    assert "it and num_workers=2 can't be told apart in 3 blocks, and it is the cheapest. " in text
    assert "num_workers=3 has too few blocks to be compared" in text
    assert "fastest" not in text


def test_one_configuration_is_told_from_a_winner(tmp_path) -> None:
    """It has no rival."""
    text = answer_rows(tmp_path, three_blocks(0, 1.0))
    assert text.startswith("Nothing was measured beside torch_dataloader: 999 samples/s (95% interval ")


def test_the_bound_is_named(tmp_path) -> None:
    """The step from nine tenths of its ceiling on, else loading."""
    ceilings = runs.table(tmp_path / "ceilings", ceiling("step", [0.95] * 3))
    for folder, wall_s, bound in (
        ("step", 1.0, "The train step bounds it then"),
        ("loader", 1.5, "Loading still bounds it"),
    ):
        table = runs.table(tmp_path / folder, [*blocks(0, [3.0] * 3), *blocks(1, [wall_s] * 3)])
        text = answer(summarise(table, ceilings))
        assert f"{bound}: the loop waits for data 50% of the time." in text
    assert "The loop waits for data 50% of the time." in answer(summarise(table))


@pytest.mark.parametrize(
    ("wait", "step", "teardown", "sentences"),
    [
        (
            0.09, 0.88, 0.0,
            "The step is slower beside the loader than alone, which costs 36% of the time. The loop waits "
            "for data 9% of the time.",
        ),
        (
            0.31, 0.67, 0.01,
            "Loading still bounds it: the loop waits for data 31% of the time. The step is slower beside the "
            "loader than alone, which costs 15% of the time.",
        ),
        (
            0.31, 0.52, 0.17,
            "Loading still bounds it: the loop waits for data 31% of the time. The end of each epoch takes "
            "17% of the time.",
        ),
        (0.44, 0.55, 0.01, "Loading still bounds it: the loop waits for data 44% of the time."),
    ],
)  # fmt: skip
def test_all_that_loading_costs_is_told(tmp_path, wait, step, teardown, sentences) -> None:
    """Waits alone don't explain that half of the ceiling is reached. Below 5% it may be noise."""
    parts = {"data_wait_s": wait, "step_s": step, "teardown_s": teardown}
    rows = [*blocks(0, [3.0] * 3), *(replace(line, **parts) for line in blocks(1, [1.0] * 3))]
    text = answer_below(tmp_path, rows, ceiling("step", [0.52] * 3))
    assert text.splitlines()[0].endswith(f"interval 3–3). {sentences}")


def test_a_lower_bound_has_its_share(tmp_path) -> None:
    """Reading bounds the loader more than the step does."""
    ceilings = [*ceiling("step", [0.5] * 3), *ceiling("read", [0.95] * 3)]
    text = answer_below(tmp_path, [*blocks(0, [3.0] * 3), *blocks(1, [1.0] * 3)], ceilings)
    assert text.startswith(
        "With an infinitely fast loader this training would run at 2,000 samples/s, 6 times the baseline "
        "(95% interval 6–6): num_workers=1 reaches 50% of it. Use num_workers=1, the fastest: "
    )
    assert (
        "Reading the data from memory bounds it then: it reaches 95% of the throughput of reading the data "
        "alone, and the loop waits for data 50% of the time." in text
    )


def test_how_much_there_is_to_gain_comes_first(tmp_path) -> None:
    """Three times, of which the recommended configuration gains two, with the interval over blocks."""
    rows = [*blocks(0, [3.0, 3.03, 2.97]), *blocks(1, [1.5] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [1.0] * 3))
    assert text.startswith(
        "With an infinitely fast loader this training would run at 1,000 samples/s, 3 times the baseline "
        "(95% interval 2.93–3.08): num_workers=1 reaches 67% of it. "
        "Use num_workers=1, the fastest: 2 times the baseline num_workers=0"
    )


def test_more_than_all_is_all(tmp_path) -> None:
    """Noise brings the loader a little above the step alone."""
    rows = [*blocks(0, [3.0] * 3), *blocks(1, [0.97] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [1.0] * 3))
    assert "(95% interval 3–3): num_workers=1 reaches all of it. Use num_workers=1, " in text


def test_a_baseline_that_is_kept_may_leave_a_gain(tmp_path) -> None:
    """No configuration of the sweep comes nearer, so the baseline's own share is told."""
    rows = [*three_blocks(0, 1.0), *three_blocks(1, 2.0)]
    text = answer_below(tmp_path, rows, ceiling("step", [0.5, 0.5005, 0.501]))
    assert text.startswith(
        "With an infinitely fast loader this training would run at 1,998 samples/s, 2 times the baseline "
        "(95% interval 2–2). Keep the baseline num_workers=0, the fastest: 999 samples/s (95% interval "
    )


def test_nothing_to_gain(tmp_path) -> None:
    """The whole interval of the baseline's share lies above 95%."""
    rows = [*blocks(0, [1.0, 1.0, 1.01]), *blocks(1, [2.0] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [0.98] * 3))
    assert text.startswith(
        "There is nothing to gain: the baseline num_workers=0 reaches 98% (95% interval 96%–99%) of the "
        "throughput of this training with an infinitely fast loader. Keep the baseline num_workers=0, "
    )
    # Half of the interval lies below.
    rows = [*blocks(0, [1.0, 1.0, 1.06]), *blocks(1, [2.0] * 3)]
    text = answer_below(tmp_path / "wide", rows, ceiling("step", [0.98] * 3))
    assert text.startswith("With an infinitely fast loader this training would run at 1,020 samples/s, 1.02 ")


def test_little_to_gain(tmp_path) -> None:
    """A configuration is faster than the baseline, which is near the ceiling already."""
    rows = [*blocks(0, [1.0] * 3), *blocks(1, [0.97] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [0.96] * 3))
    assert text.startswith(
        "There is little to gain: the baseline num_workers=0 reaches 96% (95% interval 96%–96%) of the "
        "throughput of this training with an infinitely fast loader. Use num_workers=1, the fastest: "
    )


def test_a_possible_gain_without_an_interval(tmp_path) -> None:
    """Two blocks give a figure and no judgement."""
    text = answer_below(tmp_path, blocks(0, [1.0] * 2), ceiling("step", [0.98] * 2))
    assert text.startswith(
        "With an infinitely fast loader this training would run at 1,020 samples/s, 1.02 times the baseline. "
    )


def test_a_failed_baseline_leaves_the_possible_throughput(tmp_path) -> None:
    """There is no ratio to it."""
    rows = [*blocks(0, [2.0] * 3), failed(0, 3), *blocks(1, [1.0] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [0.5] * 3))
    assert text.startswith(
        "With an infinitely fast loader this training would run at 2,000 samples/s: num_workers=1 reaches "
        "50% of it. No other configuration that does the same work as num_workers=1 was measured: 1,000 "
    )


def test_nobody_knows_the_gain_without_the_step_alone(tmp_path) -> None:
    """The loader alone has no such ceiling, and a share that only noise explains tells nothing."""
    alone = {"step": "none", "loss": None}
    rows = [*blocks(0, [3.0] * 3, **alone), *blocks(1, [1.5] * 3, **alone)]
    assert answer_below(tmp_path, rows, ceiling("read", [1.0] * 3)).startswith("Use num_workers=1")
    rows = [*blocks(0, [3.0] * 3), *blocks(1, [1.5] * 3)]
    noisy = answer_below(tmp_path / "noisy", rows, ceiling("step", [3.0] * 3))
    assert noisy.startswith("Use num_workers=1")
    assert "ound" not in noisy


def test_a_loader_alone_says_nothing_of_the_training(tmp_path) -> None:
    """It waits for data all the time, whatever a training would do."""
    rows = [*three_blocks(0, 2.0, step="none", loss=None), *three_blocks(1, 1.0, step="none", loss=None)]
    sentence, *_ = answer_rows(tmp_path, rows).splitlines()
    assert sentence.endswith(
        "(95% interval 2–2). The loader ran alone: with --step a sweep shows how much of this a training can "
        "use."
    )


def test_a_slow_training_has_three_digits(tmp_path) -> None:
    """Large pictures pass at a few samples a second."""
    rows = [*blocks(0, [300.0] * 3), *blocks(1, [150.0] * 3)]
    text = answer_below(tmp_path, rows, ceiling("step", [123.4] * 3))
    assert text.startswith("With an infinitely fast loader this training would run at 8.1 samples/s, 2.43 ")


def test_the_answer_and_the_table_name_one_ceiling(tmp_path) -> None:
    """Each row lies below the step with its own threads; so does the answer, which names a faster step."""
    rows = [*blocks(0, [2.0] * 3, num_threads=2), *blocks(1, [1.0] * 3, num_threads=1)]
    alone = {1: 0.8, 2: 0.4}
    ceilings = [
        replace(row, configuration=threads)
        for threads, step_s in alone.items()
        for row in ceiling("step", [step_s] * 3, num_threads=threads)
    ]
    bounds = runs.table(tmp_path / "ceilings", ceilings)
    summary = summarise(runs.table(tmp_path / "runs", rows), bounds)
    assert answer(summary).startswith(
        "With an infinitely fast loader this training would run at 1,250 samples/s with num_threads=1, 2.5 "
        "times the baseline (95% interval 2.5–2.5): num_workers=1 num_threads=1 reaches 80% of it. With "
        "num_threads=2 it would run at 2,500 samples/s, 5 times the baseline (95% interval 5–5). Use "
    )
    shown = capture(lambda console: print_table(console, summary, make_report_labels(summary)))
    assert "80% step" in shown
    assert (
        "Ceiling: samples/s over those of the train step alone (step), with the num_threads of the row"
        in shown
    )


def test_the_possible_gain_of_each_kind_of_work(tmp_path) -> None:
    """It is told with the kind."""
    rows = [
        *three_blocks(0, 2.0, **with_batch_size("256", "0")),
        *three_blocks(1, 1.0, **with_batch_size("256", "2")),
        *three_blocks(2, 2.0, **with_batch_size("64", "0")),
        *three_blocks(3, 1.0, **with_batch_size("64", "2")),
    ]
    ceilings = [
        replace(row, configuration=number)
        for number, size in enumerate(("256", "64"))
        for row in ceiling("step", [0.5] * 3, **with_batch_size(size, ""))
    ]
    lines = answer_below(tmp_path, rows, ceilings).splitlines()
    starts = [line[: line.index(")") + 1] for line in lines if line.startswith("With")]
    assert starts == [
        "With an infinitely fast loader this training (batch_size=256)",
        "With an infinitely fast loader this training (batch_size=64)",
    ]
    assert "num_workers=2 reaches 50% of it. Use num_workers=2 (batch_size=64)" in lines[4]


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


def test_kinds_of_work_without_rivals_are_compared_with_other_work(tmp_path) -> None:
    """As `--param size=128,224` makes them: the baseline was measured too, and is no rival."""
    rows = [
        *three_blocks(0, 1.0, **with_batch_size("256", "0"), sample_shape="3x128x128"),
        *three_blocks(1, 2.0, **with_batch_size("64", "0"), sample_shape="3x224x224"),
    ]
    first, second = (line for line in answer_rows(tmp_path, rows).splitlines() if line.startswith("No"))
    assert first.startswith(
        "No other configuration that does the same work as torch_dataloader (batch_size=256) was measured: "
        "999 samples/s (95% interval "
    )
    assert "baseline" not in first
    assert second.startswith(
        "No other configuration that does the same work as torch_dataloader (batch_size=64)"
    )
    assert (
        "), 0.5 times the baseline torch_dataloader (batch_size=256) (95% interval 0.5–0.5), which does "
        in (second)
    )


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
