"""What a sweep prints."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from bench.analysis.summary import summarise
from bench.plan.grid import Machine, make_plan
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.report import table
from bench.report.aa_report import print_aa
from bench.report.closing import print_imprecise
from bench.report.console import print_notices
from bench.report.plan_table import print_plan, print_start
from tests.bench import runs
from tests.bench.runs import blocks, failed, limit, timed


def printed(call) -> str:
    console = Console(file=io.StringIO(), width=140)
    call(console)
    return console.file.getvalue()


def summary_text(folder, rows) -> str:
    return printed(lambda console: table.print_summary(console, summarise(runs.table(folder, rows))))


def three_blocks(number: int, wall_s: float, **changes) -> list:
    return [replace(timed(number, b, wall_s * (1 + b / 1000)), **changes) for b in range(3)]


def test_the_fastest_is_named(tmp_path) -> None:
    """Outside the interval of the ratio there is a winner."""
    text = summary_text(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)])
    assert "Fastest: num_workers=1" in text
    assert "2–2" in text
    assert "Baseline: num_workers=0" in text


def test_a_tie_is_named_as_one(tmp_path) -> None:
    """Two that lie within their noise have no winner."""
    rows = [
        timed(n, b, wall)
        for n, walls in enumerate(((1, 1.2, 1.1), (1.1, 1, 1.2)))
        for b, wall in enumerate(walls)
    ]
    text = summary_text(tmp_path, rows)
    assert "num_workers=0 and num_workers=1 can't be told apart in 3 blocks" in " ".join(text.split())
    assert "the cheapest of them is num_workers=0" in " ".join(text.split())
    assert "Fastest" not in text


def test_one_far_behind_needs_no_interval(tmp_path) -> None:
    """A configuration that the budget left with two blocks doesn't keep the others from a verdict."""
    rows = [*three_blocks(0, 2.0), *three_blocks(1, 1.0), *three_blocks(2, 30.0)[:2]]
    assert "Fastest: num_workers=1" in summary_text(tmp_path, rows)


def test_what_was_not_measured_says_so(tmp_path) -> None:
    """An interrupted sweep can hold only the cold epoch of a configuration."""
    text = summary_text(tmp_path, [*three_blocks(0, 2.0), replace(timed(1, 0, 1.0), epoch=0)])
    assert "not measured" in text


def test_equal_work_is_one_section(tmp_path) -> None:
    """A resize to the size that the pictures have is the same work: it has one rank 1."""
    resized = {**timed(1, 0, 1.0).knobs, "resize": "28", "num_workers": "0"}
    rows = [*three_blocks(0, 1.0), *three_blocks(1, 2.0, knobs=resized)]
    assert "Fastest: resize=none" in summary_text(tmp_path, rows)


def test_two_percent_is_no_difference(tmp_path) -> None:
    """However narrow the interval: nobody trains faster for it, and more blocks won't change that."""
    text = summary_text(tmp_path, [*three_blocks(0, 1.0), *three_blocks(1, 1.015)])
    assert "num_workers=0 and num_workers=1 are within 2% of each other" in text
    assert "More --blocks" not in text


def test_one_block_names_no_winner(tmp_path) -> None:
    """The fastest of a single block may be so by chance, and it says so."""
    text = summary_text(tmp_path, [timed(0, 0, 2.0), timed(1, 0, 1.0)])
    assert "num_workers=1 was fastest; fewer than three blocks give no interval" in text


def test_unstable_configurations_are_named_and_counted(tmp_path) -> None:
    """The worst three with their spread, the others by number; then what to try."""
    rows = [line for number in range(5) for line in blocks(number, [1.0, 1.0, 1.5 + number / 10])]
    text = summary_text(tmp_path, rows)
    (warning,) = (line for line in text.splitlines() if line.startswith("Unstable"))
    assert "num_workers=4 from 526 to 1.00k samples/s, num_workers=3" in warning
    assert "num_workers=2 from 588 to 1.00k samples/s and 2 more. Close other programs" in warning
    assert "num_workers=1" not in warning
    assert "try --num-threads 1; repeat with --precision 5%: the first would need about 2" in warning


def test_one_thread_is_not_told_to_try_one(tmp_path) -> None:
    """Nobody is sent where they are."""
    assert "--num-threads" not in summary_text(tmp_path, blocks(0, [1.0, 1.0, 2.0], num_threads=1))


def test_quiet_figures_have_no_warning(tmp_path) -> None:
    """Nothing to be wary of, nothing said."""
    text = summary_text(tmp_path, three_blocks(0, 2.0, shuffle_quality=0.99))
    assert not any(word in text for word in ("Unstable", "Disturbed", "Hardly"))


def test_disturbed_blocks_are_told(tmp_path) -> None:
    """Of how many blocks the figures rest on disturbed epochs."""
    rows = [timed(0, 0, 1.0, disturbed="load"), timed(0, 1, 1.0), *three_blocks(1, 1.0)]
    assert "time to repeat: num_workers=0 (1 of 2 blocks). `disturbed` in runs.csv" in summary_text(
        tmp_path, rows
    )


def test_who_hardly_shuffles_is_told(tmp_path) -> None:
    """By name and figure."""
    rows = [*three_blocks(0, 2.0, shuffle_quality=0.99), *three_blocks(1, 1.0, shuffle_quality=0.31)]
    assert "Not fully shuffled: num_workers=1 (0.31), where a true shuffle has 1" in summary_text(
        tmp_path, rows
    )


def test_the_share_of_the_limit_is_shown(tmp_path) -> None:
    """With the limit that binds; next to nothing of it is not nothing."""
    limits = runs.table(tmp_path / "limits", limit("step", [0.5] * 3))
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [200.0] * 3)]
    text = printed(lambda c: table.print_summary(c, summarise(runs.table(tmp_path / "runs", rows), limits)))
    assert "25% step" in text
    assert "<1% step" in text


def test_sections_are_of_equal_work(tmp_path) -> None:
    """Two resizes to one shape beside a third: no section has two first places."""
    rows = [
        line
        for number, (resize, shape) in enumerate([("none", "1x28x28"), ("28", "1x28x28"), ("64", "1x64x64")])
        for line in three_blocks(
            number, 1.0 + number, sample_shape=shape, knobs={**timed(0, 0, 1.0).knobs, "resize": resize}
        )
    ]
    text = summary_text(tmp_path, rows)
    assert "Fastest: resize=none (sample_shape=1x28x28)" in text
    assert text.count("Fastest") == 1


@pytest.mark.parametrize("width", [120, 80])
def test_the_table_fits(tmp_path, width) -> None:
    """Long names, wide numbers: columns are left out, from the last, before anything is cut."""
    knobs = {"batch_size": "256", "resize": "none", "num_workers": "0"}
    wide = {"knobs": knobs, "peak_memory_bytes": 2**30 * 3 // 2}
    rows = [
        *blocks(0, [0.05, 0.051, 0.052], **wide),
        *blocks(1, [0.0012, 0.00121, 0.00122], family="batched_dataloader", **wide),
        *blocks(2, [0.04, 0.041, 0.042], **{**wide, "knobs": {**knobs, "num_workers": "2"}}),
    ]
    rows = [replace(line, time_to_first_batch_s=1.234) for line in rows]
    limits = runs.table(tmp_path / "limits", limit("step", [0.0012, 0.00121, 0.00122]))
    console = Console(file=io.StringIO(), width=width)
    table.print_summary(console, summarise(runs.table(tmp_path / "runs", rows), limits))
    text = console.file.getvalue().split("Fastest")[0]
    assert "batched_dataloader num_workers=0" in text
    assert "…" not in text
    assert ("memory" in text) == ("100% step" in text) == (width == 120)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def twins(number: int, wall_s: float, workers: str = "0") -> list:
    """A configuration and, under the next number, the same once more, which takes so long."""
    same = {"knobs": {**timed(0, 0, 1.0).knobs, "num_workers": workers}, "baseline": number}
    return [*three_blocks(number, 1.0, **same), *three_blocks(number + 1, wall_s, **same)]


def aa_text(folder, rows) -> str:
    return printed(lambda c: print_aa(c, summarise(runs.table(folder, rows))))


def test_twins_that_are_told_apart_fail(tmp_path) -> None:
    """More often than chance explains: the verdict is red, and the largest false difference stands by."""
    text = aa_text(tmp_path, [*twins(0, 0.8), *twins(2, 1.25)])
    assert text == (
        "A/A fails: 2 of 2 pairs told apart, largest false difference 25.0%. "
        "At the nominal 5%, chance explains up to 1.\n"
    )


def test_each_configuration_of_twins_has_a_line(tmp_path) -> None:
    """Where there are several; and twins without an interval are told."""
    text = aa_text(tmp_path, [*twins(0, 1.0), *twins(2, 1.0, workers="2"), *twins(4, 1.0), failed(5, 3)])
    assert "num_workers=2: 0 of 1 pair told apart, largest false difference 0.0%" in text
    assert "A/A holds: 0 of 2 pairs told apart" in text
    assert "1 pair without an interval" in text


def test_twins_of_two_blocks_say_nothing(tmp_path) -> None:
    """Nothing was claimed, since nothing could be."""
    assert "A/A says nothing" in aa_text(tmp_path, [*blocks(0, [1.0, 1.0]), *blocks(1, [1.0, 1.0])])


def test_failures_are_shown_with_their_reason(tmp_path) -> None:
    """In the table without a rank, and below it why; square brackets are text."""
    text = summary_text(tmp_path, [*three_blocks(0, 1.0), failed(1, 0, "timeout", "not done [after] 5 s")])
    assert "timeout num_workers=1: not done [after] 5 s" in text


def test_the_plan_names_the_baseline_and_what_was_left_out() -> None:
    """One line a configuration, one a reason, and the time it will take."""
    plan = make_plan(
        Request(knobs={"num_workers": (0, 4), "pin_memory": (False, True)}),
        Machine(cuda=False, num_threads=2),
    )
    text = printed(lambda c: print_plan(c, plan, ["first", "second"]))
    assert "left out 2 configurations: pin_memory=on needs a CUDA device to feed" in text
    assert any(line.split() == ["1", "second", "baseline"] for line in text.splitlines())


def test_how_much_there_is_and_how_long_it_takes() -> None:
    """And what may come on top."""

    def start(precision: float | None) -> str:
        course = Schedule(blocks=3, epochs=2, seed=0, precision=precision)
        return printed(lambda c: print_start(c, "mine", 1000, course, configurations=2, block_s=20))

    assert "2 configurations × 3 blocks × 2 epochs of 1,000 samples (mine): about 1 min 0 s" in start(None)
    assert "then more of the contenders until ±2.5%" in start(0.025)


def test_who_fell_short_of_the_precision_is_named(tmp_path) -> None:
    """Nothing where nobody did."""
    summary = summarise(runs.table(tmp_path, [*three_blocks(0, 1.0), *three_blocks(1, 1.0)]))
    text = printed(lambda c: print_imprecise(c, summary, [1], 0.03))
    assert "The budget ended before ±3% for num_workers=1; give --budget for more." in text
    assert printed(lambda c: print_imprecise(c, summary, [], 0.03)) == ""


def test_a_notice_is_framed() -> None:
    """It can't be missed, and its square brackets are text."""
    text = printed(lambda console: print_notices(console, ["data is [synthetic]"]))
    assert "NOTICE" in text
    assert "data is [synthetic]" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (789.4, "789"),
        (999.4, "999"),
        (999.6, "1.00k"),
        (26_276, "26.3k"),
        (543_210, "543k"),
        (1.234e6, "1.23M"),
    ],
)
def test_short_numbers_have_three_digits(number, text) -> None:
    """Whatever their size."""
    assert text.abbreviate(number) == text


def test_a_narrow_terminal_gets_what_matters(tmp_path) -> None:
    """In 80 columns the names and the speeds are whole."""
    summary = summarise(runs.table(tmp_path, [*three_blocks(0, 2.0), *three_blocks(1, 1.0)]))
    console = Console(file=io.StringIO(), width=80)
    table.print_summary(console, summary)
    assert "…" not in console.file.getvalue()
    assert "num_workers=1" in console.file.getvalue()
    assert "memory" not in console.file.getvalue()


def test_a_share_that_only_noise_explains_is_told(tmp_path) -> None:
    """Twice the limit's speed: nobody can be that fast."""
    limits = runs.table(tmp_path / "limits", runs.limit("read", [2.0] * 3))
    rows = [replace(row, step="none", loss=None) for row in runs.blocks(0, [1.0] * 3)]
    summary = summarise(runs.table(tmp_path / "runs", rows), limits)
    text = printed(lambda console: table.print_summary(console, summary))
    assert "Over a limit: num_workers=0 (200%)" in text or "Over a limit: torch_dataloader (200%)" in text


def test_one_block_names_nobody_the_fastest(tmp_path) -> None:
    """Not even who is three times as fast: nothing says how the blocks would have varied."""
    text = summary_text(tmp_path, [timed(0, 0, 3.0), timed(1, 0, 1.0)])
    assert "num_workers=1 was more than twice as fast as any other; fewer than three blocks" in text
    assert "Fastest" not in text


def test_what_all_have_in_common_is_said_once(tmp_path) -> None:
    """What no name holds, as it doesn't vary; not what was left as it is."""
    text = summary_text(tmp_path, [*blocks(0, [1.0] * 3), *blocks(1, [2.0] * 3)])
    assert (
        "The same in all: dataset=synthetic:1000 device=cpu batch_size=256 num_threads=2 step=analytic "
        "loss=cross_entropy\n"
    ) in text
