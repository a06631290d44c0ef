"""Tests of the score: what counts as right, that it can be wrong, and how it is printed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.explanation import Advice, Cause, Diagnosis, Explanation, SlowBatch
from bench.analysis.statistics import Estimate
from bench.plan.plan import PlanError
from bench.records.results_folder import read_environment
from bench.validation.diagnosis import scoring
from bench.validation.diagnosis.machine_costs import MachineCosts
from bench.validation.diagnosis.outcome import Outcome
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.score import FAILED, FOUND, LABELS, WRONG_STAGE, Score
from bench.validation.diagnosis.score_tables import print_score
from bench.validation.diagnosis.scoring import (
    DiagnosisOptions,
    NotExplainedError,
    explain_plants,
    score_diagnosis,
)

BY_NAME = {plant.name: plant for plant in PLANTS}
SETUP = LoaderSetup("planted.py", "dataloader", "3ms", "cpu", 2, 2, True)


def estimate(value: float) -> Estimate:
    return Estimate(value, 0.9 * value, 1.1 * value, 3)


def explanation(cause: Cause, stage: str = "", *, sure: bool = True, advice=(), slow=()) -> Explanation:
    """Return an explanation that names a cause."""
    diagnosis = Diagnosis(cause, stage, sure, "Evidence with 3 figures.", loss=0.4)
    return Explanation(
        SETUP,
        estimate(100),
        0.5,
        None,
        diagnosis,
        (),
        None,
        (),
        advice=tuple(advice),
        slow_batches=tuple(slow),
    )


def outcome(name: str, cause: Cause, stage: str = "", **more) -> Outcome:
    return Outcome(BY_NAME[name], explanation(cause, stage, **more))


def advise(kind: str, gain: float | None, family: str = "dataloader", **knobs) -> Advice:
    return Advice(f"another {kind}", kind, None if gain is None else estimate(gain), family, knobs)


def right(plant) -> Outcome:
    slow = [
        SlowBatch(0, 1, index // 4, 0.2, 0.009, 0.19, True, 0, (index,)) for index in plant.plan.slow_indices
    ]
    return Outcome(plant, explanation(plant.truth.cause, plant.stage, slow=slow))


@pytest.mark.parametrize(
    ("name", "cause", "stage", "is_right"),
    [
        ("fetch-wait", Cause.FETCH, "", True),
        ("fetch-wait", Cause.COLLATE, "", False),
        ("fetch-wait", Cause.UNDECIDED, "", False),
        # Of transforms the slow one must be named.
        ("transform-wait", Cause.TRANSFORM, "Colour", True),
        ("transform-wait", Cause.TRANSFORM, "Flip", False),
        ("transform-wait", Cause.TRANSFORM, "", False),
        # A cause that is alike is right too.
        ("transfer-script", Cause.STEP, "", True),
        ("transfer-script", Cause.TRANSFER, "", True),
        ("transfer", Cause.STEP, "", False),
        ("balanced", Cause.STEP, "", True),
    ],
)
def test_the_planted_cause_must_be_named(name, cause, stage, is_right) -> None:
    assert outcome(name, cause, stage).is_right is is_right


@pytest.mark.parametrize(
    ("name", "cause", "sure", "is_worse"),
    [
        ("fetch-wait", Cause.COLLATE, True, True),
        ("fetch-wait", Cause.COLLATE, False, False),
        ("fetch-wait", Cause.FETCH, True, False),
        # Less than 30% of an epoch.
        ("few-workers-weak-script", Cause.FETCH, True, False),
        # Nothing was to be found.
        ("balanced", Cause.FETCH, True, False),
    ],
)
def test_to_be_wrong_and_sure_is_worse_where_the_cause_costs_much(name, cause, sure, is_worse) -> None:
    assert BY_NAME["few-workers-weak-script"].true_share < 0.3
    assert outcome(name, cause, sure=sure).is_confidently_wrong is is_worse


def test_an_explanation_that_failed_is_wrong() -> None:
    failed = Outcome(BY_NAME["fetch-wait"], None, "no process can be started")
    assert (failed.is_right, failed.is_confidently_wrong, failed.faults, failed.gains) == (
        False,
        False,
        (),
        (),
    )


@pytest.mark.parametrize(("share", "passes"), [(0.04, True), (0.06, False)])
def test_under_95_in_100_fails(share, passes) -> None:
    """Wrong, but not sure."""
    number = round(100 * share)
    wrong = [outcome("fetch-wait", Cause.UNDECIDED, sure=False)] * number
    score = Score([*wrong, *[outcome("fetch-wait", Cause.FETCH)] * (100 - number)])
    assert score.rate == pytest.approx(1 - share)
    assert score.passes is passes


def test_a_single_one_that_is_wrong_and_sure_fails() -> None:
    wrong = outcome("fetch-wait", Cause.COLLATE)
    score = Score([wrong, *[outcome("fetch-wait", Cause.FETCH)] * 99])
    assert score.confidently_wrong == (wrong,)
    assert not score.passes


def test_the_matrix_counts_each_outcome_once() -> None:
    score = Score(
        [
            outcome("fetch-wait", Cause.FETCH),
            outcome("fetch-work", Cause.COLLATE),
            outcome("transform-wait", Cause.TRANSFORM, "Flip"),
            outcome("transfer-script", Cause.TRANSFER),
            Outcome(BY_NAME["step"], None, "failed"),
        ]
    )
    assert score.count_matrix() == {
        "fetch": {"fetch": 1, "collate": 1},
        "transform": {WRONG_STAGE: 1},
        # Rightly named in its place.
        "step": {"step": 1, FAILED: 1},
    }
    assert set(LABELS) == set(Cause)
    assert len(set(FOUND)) == len(FOUND) == len(Cause) + 2


def test_a_predicted_gain_is_held_against_the_plan() -> None:
    """Three workers instead of two make the step the slower one: 15 ms become 10.5 ms."""
    plan = BY_NAME["few-workers"].plan
    changed = plan.with_knobs({"num_workers": 3})
    planned = plan.wall_s / changed.wall_s
    assert planned == pytest.approx(15 / 10.5, rel=0.05)
    near, far = (
        advise("workers", 1.1 * planned, num_workers=3),
        advise("workers", 1.2 * planned, num_workers=3),
    )
    unplanned = [
        advise("transform", 3.0),
        advise("workers", 3.0, batch_size=8),
        advise("in memory", 9.0, family="in_memory", num_workers=0),
        advise("workers", None, num_workers=3),
    ]
    found = outcome("few-workers", Cause.FEW_WORKERS, advice=[near, far, *unplanned])
    assert [gain.is_right for gain in found.gains] == [True, False]
    (fault,) = found.faults
    assert fault.startswith(f"another workers gains ×{planned:.2f} by the plan")
    assert fault.endswith("(+20%)")
    assert len(Score([found, found]).gains) == 4


def test_advice_that_would_help_must_be_given() -> None:
    assert outcome("few-workers", Cause.FEW_WORKERS).faults == ("no advice on workers, which would help",)
    assert outcome("fetch-wait", Cause.FETCH).faults == ()


def test_no_gain_may_be_promised_where_there_is_none() -> None:
    promise, small = advise("prefetch", 1.3, prefetch_factor=4), advise("prefetch", 1.02, prefetch_factor=4)
    (fault, off) = outcome("none", Cause.STEP, advice=[promise]).faults
    assert fault == "another prefetch is advised, though nothing can be gained"
    assert "gains ×1.00 by the plan" in off
    assert outcome("none", Cause.STEP, advice=[small]).faults == ()


def test_slow_samples_must_be_named() -> None:
    plant = BY_NAME["stragglers"]
    first, second, third = plant.plan.slow_indices
    slow = [
        SlowBatch(0, 1, first // 4, 0.2, 0.009, 0.19, True, 0, (first,)),
        SlowBatch(0, 1, third // 4, 0.2, 0.009, 0.19, True, 1, (third - 1, third)),
    ]
    found = outcome("stragglers", Cause.STRAGGLERS, slow=slow, advice=[advise("in order", None)])
    assert found.faults == (f"slow sample {second} is not named",)


@pytest.mark.parametrize(("named", "passes"), [(3, True), (2, False)])
def test_slow_samples_that_are_not_named_fail(named, passes) -> None:
    """Though each cause is right: a straggler that nobody can find is of no use."""
    plant = BY_NAME["stragglers-pictures"]
    slow = [SlowBatch(0, 1, 7, 0.2, 0.009, 0.19, True, 0, plant.plan.slow_indices[:named])]
    score = Score([outcome(plant.name, Cause.STRAGGLERS, slow=slow), right(BY_NAME["fetch-wait"])])
    assert (score.num_named, score.num_stragglers, score.rate) == (named, 3, 1)
    assert score.passes is passes
    out = io.StringIO()
    print_score(Console(file=out, width=100), score, 1.0)
    assert f"Named by their index: {named} of 3 slow samples" in out.getvalue()


def share(name: str) -> str:
    return f"{BY_NAME[name].true_share:.0%}"


def test_a_shuffled_slow_sample_must_be_told_from_its_neighbours() -> None:
    slow = BY_NAME["stragglers-script"].plan.slow_indices
    faults = {}
    for innocent in (3, 4):
        named = (*slow, *range(1, 1 + innocent))
        batch = SlowBatch(0, 1, 7, 0.2, 0.009, 0.19, True, 0, named)
        found = outcome(
            "stragglers-script", Cause.STRAGGLERS, slow=[batch], advice=[advise("in order", None)]
        )
        faults[innocent] = found.faults
    assert faults == {3: (), 4: ("4 samples are named as slow that are not, beside 3 that are",)}


def run(plants, explain) -> tuple[Score, list[str]]:
    out = io.StringIO()
    score = Score([*explain_plants(plants, 2, Console(file=out, width=100), explain)])
    return score, out.getvalue().splitlines()


def test_each_training_has_a_line(monkeypatch) -> None:
    """Truth, diagnosis, how sure, true share, found share. Evidence only where it is wrong."""
    asked: list[tuple[int, str]] = []
    found = {
        "fetch-wait": explanation(Cause.FETCH),
        "transform-wait": explanation(Cause.TRANSFORM, "Flip"),
        "none": explanation(Cause.BALANCED, sure=False),
    }

    def explain(plant, blocks: int, folder: Path) -> Explanation:
        asked.append((blocks, folder.name))
        return found[plant.name]

    score, lines = run([BY_NAME[name] for name in found], explain)
    assert asked == [(2, name) for name in found]
    assert lines[0].split() == ["training", "planted", "named", "share", "found"]
    told = share("fetch-wait")
    assert lines[1].split() == ["1/3", "fetch-wait", "fetch", "fetch", "sure", told, "40%", "right"]
    assert lines[2].split()[:5] == ["2/3", "transform-wait", "transform", "Colour", "transform"]
    assert lines[2].endswith("WRONG, and sure")
    assert lines[3].strip() == "Evidence with 3 figures."
    assert lines[4].split()[-5:] == ["balanced", "likely", share("none"), "40%", "right"]
    assert all(len(line) <= 110 for line in lines)
    assert score.num_right == 2


CAUTION = "2 of 3 blocks were disturbed, at worst: other processes used 90% of the cores."


@pytest.mark.parametrize(
    ("first", "second", "asked", "code"),
    [
        # Wrong and disturbed: once more, whatever comes of it.
        ((Cause.STARVED, (CAUTION,)), (Cause.FETCH, ()), 2, True),
        ((Cause.STARVED, (CAUTION,)), (Cause.STARVED, (CAUTION,)), 2, False),
        # Right, or undisturbed.
        ((Cause.FETCH, (CAUTION,)), None, 1, True),
        ((Cause.COLLATE, ("Another caution.",)), None, 1, False),
    ],
)
def test_one_that_is_wrong_and_disturbed_is_explained_once_more(first, second, asked, code) -> None:
    found = [
        replace(explanation(cause), cautions=cautions) for cause, cautions in filter(None, (first, second))
    ]
    folders = set()

    def explain(_plant, _blocks, folder: Path) -> Explanation:
        folders.add(folder)
        return found[len(folders) - 1]

    score, lines = run([BY_NAME["fetch-wait"]], explain)
    assert len(folders) == asked
    assert score.outcomes[0].is_right is code
    repeated = [line.strip() for line in lines if "once more" in line]
    again = ", and again" if second and second[1] else ""
    assert repeated == ["It was disturbed and explained once more" + again] * (asked - 1)


def test_a_planted_neighbour_is_no_disturbance() -> None:
    caution = replace(explanation(Cause.FETCH), cautions=(CAUTION,))
    assert not Outcome(BY_NAME["neighbour"], caution).is_disturbed
    assert Outcome(BY_NAME["fetch-wait"], caution).is_disturbed


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotExplainedError("nothing was measured"), "nothing was measured"),
        (PlanError("can't be measured"), "can't be measured"),
        # Of an unexpected one the type and the place are needed too.
        (ZeroDivisionError("a fault"), "ZeroDivisionError: a fault (test_score.py:"),
    ],
)
def test_a_training_that_fails_is_a_line_too(error, told) -> None:
    def explain(*_: object) -> Explanation:
        raise error

    score, lines = run([BY_NAME["fetch-wait"]], explain)
    assert lines[1].split()[3:4] == ["failed"]
    assert lines[2].strip().startswith(told)
    assert score.rate == 0


@pytest.fixture
def score_all(monkeypatch, tmp_path) -> Callable[..., tuple[int, str, Path]]:
    """Return a function that scores trainings which a function explains, on a machine that isn't there."""

    def run_all(plants, explain, crowd_ms: float = 4.0) -> tuple[int, str, Path]:
        costs = MachineCosts(10.0, 0.5, import_ms=1500.0, threaded_step_ms=0.4, crowd_ms=crowd_ms)
        monkeypatch.setattr(scoring, "prepare_context", lambda modules: None)
        monkeypatch.setattr(scoring, "measure_costs", lambda context: costs)
        monkeypatch.setattr(scoring, "explain_plant", explain)
        out, folder = io.StringIO(), Path(tempfile.mkdtemp(dir=tmp_path))
        try:
            code = score_diagnosis(DiagnosisOptions(plants, 3, folder), Console(file=out, width=120))
        except KeyboardInterrupt:
            code = 130
        return code, out.getvalue(), folder

    return run_all


@pytest.mark.parametrize(("wrong", "code"), [(False, 0), (True, 1)])
def test_the_exit_code_is_that_of_the_score(score_all, wrong, code) -> None:
    """The matrix has a row for each planted cause; the conclusion is the last line but one."""

    def explain(plant, *_: object) -> Explanation:
        assert (plant.plan.worker_ms, plant.plan.pipe_ms) == (10.0, 0.5)
        return explanation(Cause.STEP) if wrong else right(plant).explanation

    found, text, folder = score_all(PLANTS, explain)
    assert found == code
    assert "a worker takes 10.0 ms to start and end" in text
    *_, last, results = text.splitlines()
    assert results.startswith("Results: ")
    rows = pd.read_csv(folder / "diagnosis.csv")
    assert rows["training"].tolist() == [plant.name for plant in PLANTS]
    assert rows["is_right"].all() == (not wrong)
    causes = {LABELS[plant.truth.cause] for plant in PLANTS}
    matrix = text[text.index("planted (rows)") :].splitlines()
    assert causes <= {line[: len("many workers")].strip() for line in matrix}
    if wrong:
        assert "Sure and wrong" in text
        assert "causes named (" in last
    else:
        assert last.startswith(f"{len(PLANTS)} of {len(PLANTS)} causes named (100%, at least 95% are needed)")


def explain_rightly(plant, *_: object) -> Explanation:
    return right(plant).explanation


def test_threads_that_lose_nothing_here_are_left_out(score_all) -> None:
    """Where the machine shares its cores well, there is no such cause to name."""
    plants = [BY_NAME["many-threads"], BY_NAME["start-up-spawn"]]
    code, out, _ = score_all(plants, explain_rightly, crowd_ms=0.1)
    assert code == 0
    assert "many-threads is left out: its cause costs " in out
    assert "1 of 1 cause named" in out
    with pytest.raises(PlanError, match="none of these trainings shows its cause"):
        score_all(plants[:1], explain_rightly, crowd_ms=0.1)


def test_an_interrupt_leaves_what_was_explained(score_all) -> None:
    def explain(plant, *_: object) -> Explanation:
        if plant.name == "collate-wait":
            raise KeyboardInterrupt
        return explain_rightly(plant)

    plants = [BY_NAME[name] for name in ("fetch-wait", "transform-wait", "collate-wait")]
    code, out, folder = score_all(plants, explain)
    assert code == 130
    assert "2 of 2 causes named" in out
    assert "Ended early: 2 of 3 trainings measured" in out
    assert pd.read_csv(folder / "diagnosis.csv")["named"].tolist() == ["fetch", "transform"]
    table = (folder / "table.md").read_text()
    assert "| transform-wait | transform Colour | transform Colour | sure |" in table
    assert "| transform | 0 | 1 |" in table
    assert read_environment(folder)["command"] == (
        "python -m bench.validate --diagnosis --blocks 3 --only fetch-wait,transform-wait,collate-wait"
    )
