"""The screen of an explanation."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.analysis.explanation.explanation import Cause, Diagnosis, Explanation
from bench.analysis.statistics import Estimate
from bench.report.explain.explain_screen import print_explanation
from bench.report.explain.sample_bars import HATCHED, SOLID
from tests.bench.report.explain import explanations
from tests.bench.report.printing import capture

# Lines of a terminal that a page may take.
PAGE = 50


def show(explanation: Explanation, width: int = 100, **options) -> str:
    return capture(lambda console: print_explanation(console, explanation, **options), width=width)


def flow(explanation: Explanation, **options) -> str:
    """Return the screen in one line, so that no line break cuts a sentence."""
    return " ".join(show(explanation, **options).split())


def find_rows(text: str, mark: str) -> dict[str, str]:
    """Return the lines of the bars that are made of a letter, by the name of the part."""
    return {line.split()[0]: line for line in text.splitlines() if mark in line}


@pytest.mark.parametrize("width", [100, 140, 60])
@pytest.mark.parametrize("make", explanations.ALL.values(), ids=explanations.ALL)
def test_it_is_one_page(make, width) -> None:
    """Of 100 columns at most, in a wider terminal and a pipe as well."""
    lines = show(make(), width=width, folder=Path("results/explain")).splitlines()
    assert max(cell_len(line) for line in lines) <= min(width, 100)
    assert len(lines) <= (PAGE if width >= 100 else 2 * PAGE)


def test_the_answer_stands_first() -> None:
    """The cause and how sure it is, the evidence, and how much there is to gain at all."""
    found = flow(explanations.fetch_bound())
    assert found.startswith(
        "train.py:train_loader: dataloader, batch 64, 2 workers (fork, prefetch 2), step script, cpu, "
        "4 cores Fetch bound (sure) dataset[i] takes 281 of the 388 µs"
    )
    assert "Without this an epoch would be 61% shorter. Next after it: collate bound." in found
    assert "Now: 5,161 samples/s (95% interval 5,058–5,264)" in found
    assert "an infinitely fast loader would make it 3.10 times as fast (95% interval 3.04–3.16)" in found
    likely = flow(explanations.in_process())
    assert "Transform bound (ColorJitter) (likely, not sure)" in likely


def test_a_worker_stands_beside_the_training_process() -> None:
    """Its bars are hatched, since they are overlapped; times are those of a sample."""
    text = show(explanations.fetch_bound())
    training, worker = find_rows(text, SOLID), find_rows(text, HATCHED)
    assert list(training) == ["start-up", "waiting", "step", "other"]
    assert list(worker) == ["fetch", "ToTensor", "Normalize", "collate", "idle"]
    # 66% of 12.4 ms of a batch of 64, and 72.4% of 24.8 ms of a batch of its own.
    assert training["waiting"].split()[-2:] == ["128", "66%"]
    assert worker["fetch"].split()[-2:] == ["281", "72%"]
    assert "each of 2 workers, at the same time" in text
    assert "µs/sample" in text
    assert "A faster loader saves at most the waiting (66%) and the start-up (2%)." in " ".join(text.split())


def test_bars_follow_one_another_on_one_scale() -> None:
    """A bar begins where the one before it ended; lengths are shares of the epoch."""
    lines = find_rows(show(explanations.fetch_bound()), SOLID)
    assert lines["step"].index(SOLID) == lines["waiting"].rindex(SOLID) + 1
    bars = [lines[name].count(SOLID) for name in ("waiting", "step")]
    assert bars[0] / bars[1] == pytest.approx(66 / 31, rel=0.1)
    worker = find_rows(show(explanations.fetch_bound()), HATCHED)
    assert worker["fetch"].count(HATCHED) / bars[0] == pytest.approx(72.4 / 66, rel=0.1)


def test_many_transforms_fit() -> None:
    """The largest parts have bars; the others have one together, and the step is among the first."""
    text = show(explanations.in_process())
    rows = find_rows(text, SOLID)
    assert len(rows) <= 9
    assert {"ColorJitter", "GaussianBlur", "step"} <= set(rows)
    assert "8 other parts" in text
    shares = [int(line.split()[-1].strip("%")) for line in rows.values()]
    assert sum(shares) == pytest.approx(100, abs=4)
    assert "nothing is overlapped" in text
    assert HATCHED not in text


def test_changes_stand_in_the_order_of_gain() -> None:
    """Each with its predicted gain and interval, its options and its condition."""
    found = flow(explanations.fetch_bound())
    assert (
        "Worth changing, predicted by replay of 240 batches predicted gain 1 4 workers instead of 2" in found
    )
    assert "×1.94 (1.90–1.98)" in found
    assert "num_workers=4. They take all 4 cores." in found
    assert "family=in_memory. It takes 180 MiB" in found
    assert found.index("4 workers") < found.index("decoded once") < found.index("ToTensor on the whole batch")
    assert "not predicted" in found
    assert "actual" not in found
    assert "Not worth changing: prefetch_factor=4 (×1.00) and pin_memory=True (×0.99)." in found


def test_the_actual_gain_stands_beside_the_predicted_one() -> None:
    """After --verify; a change that wasn't made says so."""
    found = flow(explanations.verified())
    assert "predicted gain actual gain" in found
    assert "×1.94 (1.90–1.98) ×1.87 (1.81–1.93)" in found
    assert "not verified" in found
    assert "checked: 97% of the step's rate" in found


def test_nothing_to_gain_is_said() -> None:
    """And the loader stays as it is."""
    found = flow(explanations.nothing_to_gain())
    assert "Step bound (sure)" in found
    # Nobody trains without a step.
    assert "shorter" not in found
    assert "Nothing to gain Keep the loader as it is: an infinitely fast loader would gain nothing." in found
    assert "Not worth changing: 1 worker instead of 2 (×0.98)" in found
    assert "hardly waits for its workers" in found


def test_a_gap_without_a_change_is_no_nothing_to_gain() -> None:
    """An infinitely fast loader would gain, but nobody knows how."""
    found = flow(replace(explanations.fetch_bound(), advice=(), useless=()))
    assert "Nothing to gain" not in found
    assert "No change is known that gains" in found


def test_a_starved_training_is_told_to_measure_again() -> None:
    """Its figures are those of a machine that others use."""
    starved = Diagnosis(Cause.STARVED, "", True, "Others took 84% of the cores' time.")
    found = flow(replace(explanations.fetch_bound(), diagnosis=starved, advice=()))
    assert "Starved of cores by others (sure) Others took" in found
    assert "Measure again without them." in found


def test_break_even_steps_stand_beside_the_step() -> None:
    """Those of the configuration as it is and of the changes."""
    found = flow(explanations.fetch_bound())
    assert (
        "the loader no longer matters where the step of a batch takes 6.2 ms (4 workers instead of 2) or "
        "12.1 ms (as it is) or longer. The step takes 3.84 ms now."
    ) in found


def test_each_stage_has_its_cost_alone() -> None:
    """With the reach of its interval; the smallest stages of many are summed up."""
    found = flow(explanations.fetch_bound())
    assert "Each stage alone, µs/sample: order 0.03 ±0.01, fetch 281 ±14, ToTensor 53.1 ±2.7" in found
    assert "8 other stages 72.7." in flow(explanations.in_process())
    assert "Each stage alone" not in flow(explanations.undecided())


def test_stragglers_are_named_by_index() -> None:
    """With their loading time, and whose delay the waits were."""
    found = flow(explanations.stragglers())
    assert "Stragglers: samples 4711 and 33 in 3 slow batches" in found
    assert "the slowest took 210 ms to load, a typical batch 12.4 ms" in found
    assert "waited 540 ms for them; earlier batches in the queue caused 1 of 3 waits" in found
    whole = explanations.stragglers()
    slow = replace(whole.slow_batches[0], indices=tuple(range(64)))
    found = flow(replace(whole, slow_batches=(slow,)))
    assert "Stragglers: batch 17 of epoch 1 in block 0 (64 samples, which explanation.json lists)" in found
    assert "Stragglers:" not in flow(explanations.fetch_bound())


def test_start_up_is_one_sentence() -> None:
    """By cause, and how much of it each epoch pays again."""
    found = flow(explanations.fetch_bound())
    assert (
        "Start-up: 61 ms to the first batch (starting workers 31, loading the batch 24 and handing it on 6); "
        "each later epoch pays 52 ms again, and 4 ms at its end."
    ) in found
    whole = explanations.fetch_bound()
    pickled = replace(whole, start_up=replace(whole.start_up, importing_s=0.02, pickled_bytes=3 * 2**20))
    assert "imports in workers 20" in flow(pickled)
    # Nothing is pickled for a forked worker.
    assert "Pickled" not in flow(pickled)
    spawned = replace(pickled, setup=replace(pickled.setup, multiprocessing_context="spawn"))
    assert "Pickled for each worker: 3 MiB." in flow(spawned)
    timed = replace(spawned, start_up=replace(spawned.start_up, pickling_s=0.012))
    assert "Pickled for each worker: 3 MiB, 12 ms for all." in flow(timed)
    alone = replace(pickled.setup, multiprocessing_context=None, num_workers=0)
    found = flow(replace(pickled, setup=alone))
    assert "Pickled" not in found
    # Nothing is said of workers that aren't there.
    assert (
        "Start-up: 61 ms to the first batch (making the iterator 31, drawing the indices 20, loading the "
        "batch 24 and handing it on 6); "
    ) in found


def test_an_undecided_explanation_claims_nothing() -> None:
    """No cause is sure, no change is advised; cautions stand as they are."""
    found = flow(explanations.undecided())
    assert "Undecided Blocks differ by 40%." in found
    assert "(sure)" not in found
    assert "from 2 blocks and so without an interval" in found
    assert "Without a cause there is no change to advise." in found
    assert "Caution: The probe of the inside failed: TypeError: no len() of [an object]" in found
    assert "The times inside the workers weren't measured." in found


def test_a_loader_of_unknown_inside_says_so() -> None:
    """And times are those of a batch where nobody knows the samples in it."""
    found = flow(explanations.no_inside())
    assert "The inside of this loader isn't known. A faster loader saves at most the waiting (96%)" in found
    assert "µs/batch" in found
    assert "the loader ran alone" in found


def test_files_can_be_copied() -> None:
    """A path is never broken."""
    folder = Path("results") / ("a" * 120)
    text = show(explanations.fetch_bound(), folder=folder, files=[folder / "explanation.json"])
    assert str(folder) in text
    assert "(explanation.json)" in text


def test_names_of_users_are_no_markup() -> None:
    """Neither of rich, nor of the terminal."""
    found = explanations.fetch_bound()
    odd = "[bold]x[/] \x1b[31m\n:smile:"
    text = show(
        replace(
            found,
            setup=replace(found.setup, name=odd),
            diagnosis=Diagnosis(Cause.TRANSFORM, odd, True, odd),
            parts=tuple(replace(part, name=odd) for part in found.parts),
            ladder=tuple(replace(rung, name=odd) for rung in found.ladder),
            advice=tuple(replace(a, change=odd, note=odd, basis=odd, knobs={"x": odd}) for a in found.advice),
            useless=tuple(replace(a, change=odd) for a in found.useless),
            break_even=tuple(replace(point, change=odd) for point in found.break_even),
            cautions=(odd,),
        ),
        folder=Path(odd),
        files=[Path(odd)],
    )
    assert "\x1b" not in text
    assert text.count("[bold]x[/]") >= 10


def test_letters_of_any_width_keep_the_columns() -> None:
    """Chinese letters take two columns each."""
    found = explanations.in_process()
    parts = tuple(
        replace(part, name="变换" * 12) if part.stage == "transform" else part for part in found.parts
    )
    lines = [line for line in show(replace(found, parts=parts)).splitlines() if SOLID in line]
    assert len({cell_len(line) for line in lines}) == 1


def test_an_output_without_blocks_gets_ascii() -> None:
    """A file in ASCII, as bench.report.output writes it."""
    from bench.report.output import READABLE

    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", errors=READABLE), width=100)
    print_explanation(console, explanations.fetch_bound())
    console.file.flush()
    assert b"###" in raw.getvalue()
    assert b"\\u" not in raw.getvalue()


def test_one_block_has_no_intervals() -> None:
    """The title of the changes says so, and a difference below 0 isn't shown as a cost."""
    found = explanations.fetch_bound()
    bare = Estimate(1.94, None, None, 1)
    ladder = tuple(
        replace(rung, batch_s=Estimate(-cost, None, None, 1), sample_s=-cost)
        for rung, cost in zip(found.ladder, (1e-3, -2e-3, 0.0, 0.0, 0.0), strict=True)
    )
    one = replace(found, advice=(replace(found.advice[0], gain=bare),), ladder=ladder)
    text = flow(one)
    assert "Worth changing, predicted by replay of 240 batches (1 block: no interval)" in text
    assert "Each stage alone, ms/sample: order 0, fetch 2, ToTensor 0," in text
    # With an interval, the reader sees that it is noise.
    assert "order -1 ±0.2" in flow(
        replace(
            found,
            ladder=(replace(found.ladder[0], batch_s=Estimate(-64e-3, -77e-3, -51e-3, 5), sample_s=-1e-3),),
        )
    )


def test_other_stages_cost_no_less_than_nothing() -> None:
    """Noise of some doesn't make up for the cost of others."""
    ladder = [
        replace(rung, batch_s=Estimate(cost, None, None, 1), sample_s=cost)
        for rung, cost in zip(
            explanations.in_process().ladder, (*[5e-3] * 6, *[-1e-3, 1e-3] * 4), strict=False
        )
    ]
    text = flow(replace(explanations.in_process(), ladder=tuple(ladder)))
    assert "other stages 4." in text


@pytest.mark.parametrize(("step", "words"), [("none", "none was measured"), ("script", "wasn't measured")])
def test_a_training_of_unknown_ceiling_has_a_step(step, words) -> None:
    """An interrupt may come before the step alone was measured. That is another case than no step at all."""
    found = explanations.fetch_bound()
    setup = replace(found.setup, step=step)
    text = flow(replace(found, setup=setup, advice=(), useless=(), possible=None))
    assert words in text
    assert ("depends on the step" in text) == (step == "none")
