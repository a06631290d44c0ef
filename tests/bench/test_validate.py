"""Tests of the validation: what counts as right, and that it can be wrong."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from bench import validate
from bench.cli.command_line import run_command
from bench.validation import measuring
from bench.validation.cases import CASES
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.fixed_cost_loaders import FixedCostLoader
from bench.validation.judging import judge_case
from bench.validation.own_cases import OWN_CHEATS, OWN_COSTS
from bench.validation.picture_case import PictureCase
from bench.validation.validation_case import ValidationCase

SLEEP = PictureCase(
    "sleep", "3 batches of 10 ms", FixedCostLoader(20, batch_s=10e-3), 60, readings={"data_wait_s": 0.03}
)
CHEAT = PictureCase(
    "cheat", "repeats", FixedCostLoader(20, cheat="repeats"), 60, epochs=2, error_words=("more than once",)
)


def rows_of(case: ValidationCase, *values: float, column: str = "data_wait_s", **more) -> list:
    """Return one row an epoch, the cold one first, with these values in the column."""
    return [
        replace(case.trial().make_row(epoch), **{column: value}, **more) for epoch, value in enumerate(values)
    ]


def failed(epoch: int, error: str) -> list:
    """Return the rows of a trial that failed in this epoch."""
    *before, last = [CHEAT.trial().make_row(number) for number in range(epoch + 1)]
    return [*before, replace(last, status="failed", error=error)]


def run_validate(*checked: ValidationCase, width: int = 120) -> tuple[int, str]:
    out = io.StringIO()
    return validate.validate(checked, Console(file=out, width=width)), out.getvalue()


@pytest.fixture
def trials(monkeypatch):
    """A list of rows for each trial, which are taken instead of running it."""
    left: list[list] = []
    monkeypatch.setattr(measuring, "prepare_context", lambda modules: None)
    monkeypatch.setattr(measuring.TrialRunner, "run", lambda runner, trial: iter(left.pop(0)))
    return left


@pytest.mark.parametrize(
    ("column", "planned", "measured", "right"),
    [
        ("data_wait_s", 0.3, 0.3059, True),
        ("data_wait_s", 0.3, 0.3061, False),
        ("data_wait_s", 0.3, 0.2939, False),
        ("data_wait_median_s", 0.01, 0.01099, True),
        ("data_wait_median_s", 0.01, 0.01101, False),
        ("step_s", 0.0, 0.00099, True),
        ("step_s", 0.0, 0.00101, False),
        ("samples_per_s", 1000.0, 1019.0, True),
        ("samples_per_s", 1000.0, 1021.0, False),
        ("samples_per_s", 0.01, 0.0103, False),
        ("between_epochs_cpu_s", 0.5, 0.524, True),
        ("between_epochs_cpu_s", 0.5, 0.526, False),
        ("between_epochs_cpu_s", 0.5, 0.0, False),
        ("cpu_s", 0.3, 0.314, True),
        ("cpu_s", 0.3, 0.316, False),
        ("shuffle_quality", 1.0, 0.91, True),
        ("shuffle_quality", 1.0, 0.89, False),
    ],
)
def test_a_reading_may_be_off_by_so_much(column, planned, measured, right) -> None:
    """A time may be off by 2% or 1 ms, a rate by 2%."""
    known = replace(SLEEP, readings={column: planned})
    result = judge_case(known, rows_of(known, 0.0, measured, measured, column=column))
    assert result.right is right


def test_the_median_of_the_steady_epochs_counts() -> None:
    """The cold epoch and one slow epoch don't count."""
    (reading,) = judge_case(SLEEP, rows_of(SLEEP, 9.0, 0.03, 0.5, 0.031)).checks
    assert (reading.measured, reading.low, reading.high) == (0.031, 0.03, 0.5)


@pytest.mark.parametrize(("first_s", "steady_s", "right"), [(0.5, 9.0, True), (9.0, 0.5, False)])
def test_the_time_to_build_is_read_in_the_first_epoch(first_s, steady_s, right) -> None:
    known = replace(SLEEP, readings={"build_s": 0.5})
    assert judge_case(known, rows_of(known, first_s, steady_s, column="build_s")).right is right


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (failed(0, "audit: 2 delivered more than once"), None),
        (failed(1, "audit: 2 delivered more than once"), "caught in epoch 1, not 0: audit: 2"),
        (failed(0, "MemoryError: "), "caught for something else: MemoryError"),
        (rows_of(CHEAT, 1, 1), "not caught"),
        (rows_of(CHEAT, 1, status="timeout", error="not done after 60 s"), "timeout: not done"),
    ],
)
def test_a_cheat_must_be_caught_for_what_it_does(rows, problem) -> None:
    """The error must name the fault, in the epoch that has it."""
    result = judge_case(CHEAT, rows)
    assert result.right is (problem is None)
    assert (result.problem or "").startswith(problem or "")


def test_an_honest_loader_must_not_fail() -> None:
    """An audit that fails everything would catch all cheats too."""
    result = judge_case(SLEEP, failed(1, "audit: 2 missing"))
    assert result.problem == "an honest loader failed: audit: 2 missing"


def test_an_empty_cell_is_no_reading() -> None:
    assert judge_case(SLEEP, rows_of(SLEEP, None, None)).problem == "data_wait_s is empty"


def test_a_disturbed_wrong_reading_is_measured_again(trials) -> None:
    """Once, and it is said."""
    trials += [rows_of(SLEEP, 0.03, 0.05, disturbed="others used 80%"), rows_of(SLEEP, 0.03, 0.03)]
    code, out = run_validate(SLEEP)
    assert code == 0
    assert "sleep was disturbed and measured once more\n" in out


@pytest.mark.parametrize("disturbed", [None, "others used 80%"])
def test_a_reading_that_stays_wrong_is_wrong(trials, disturbed) -> None:
    """The line shows the mark and the difference. Without a disturbance it isn't measured again."""
    tries = 2 if disturbed else 1
    trials += [rows_of(SLEEP, 0.03, 0.06, disturbed=disturbed)] * tries
    code, out = run_validate(SLEEP)
    assert code == 1
    (line,) = [line for line in out.splitlines() if line.startswith("data_wait_s")]
    assert "30.00 ms" in line
    assert "+100.00%" in line
    assert line.rstrip().endswith("WRONG")
    assert "1 of 1 wrong" in out
    assert ("once more, and again: others used 80%" in out) is bool(disturbed)
    assert trials == []


def test_a_narrow_terminal_shows_the_mark(trials) -> None:
    """The spread between epochs is left out there."""
    trials += [rows_of(SLEEP, 0.03, 0.06)]
    (line,) = [
        line for line in run_validate(SLEEP, width=80)[1].splitlines() if line.startswith("data_wait_s")
    ]
    assert line.split() == ["data_wait_s", "30.00", "ms", "60.00", "ms", "+30.00", "ms", "+100.00%", "WRONG"]


def test_a_right_reading_is_not_measured_again(trials) -> None:
    trials += [rows_of(SLEEP, 0.03, 0.03, disturbed="others used 80%")]
    assert run_validate(SLEEP)[0] == 0


def test_altered_plans_are_seen() -> None:
    """Real trials find an altered count, an altered time, and a cheat that doesn't cheat.

    Waits are never shorter than planned, so that no noise can make the altered time right.
    """
    counted = replace(SLEEP, epochs=2, readings={"batches": 3, "samples": 60})
    checked = [
        replace(counted, name="as-planned"),
        replace(counted, name="other-count", readings={"batches": 4}),
        replace(counted, name="other-time", readings={"data_wait_s": 0.95 * 0.03}),
        replace(CHEAT, name="no-cheat", spec=FixedCostLoader(20), epochs=1),
    ]
    code, out = run_validate(*checked)
    assert code == 1
    assert "1/4 as-planned: right" in out
    assert "2/4 other-count: WRONG" in out
    assert "3/4 other-time: WRONG" in out
    assert "4/4 no-cheat: WRONG" in out
    assert "not caught" in out
    assert "3 of 4 wrong" in out


def test_an_interrupt_keeps_the_results_until_then(trials, monkeypatch) -> None:
    """They are printed with the number of cases that were measured."""
    trials.append(rows_of(SLEEP, 0.03, 0.06))
    out = io.StringIO()
    run = measuring.TrialRunner.run

    def interrupt(runner, trial):
        if not trials:
            raise KeyboardInterrupt
        return run(runner, trial)

    monkeypatch.setattr(measuring.TrialRunner, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        validate.validate([SLEEP, CHEAT], Console(file=out, width=120))
    printed = out.getvalue()
    assert "1 of 1 wrong" in printed
    assert "+100.00%" in printed
    assert printed.endswith("Ended early: 1 of 2 cases measured\n")


def test_a_case_that_fails_costs_no_other(trials, monkeypatch) -> None:
    """It is wrong, with its cause."""
    run = measuring.TrialRunner.run

    def fail(runner, trial):
        if len(trials) == 2:
            trials.pop()
            raise ZeroDivisionError("a fault")
        return run(runner, trial)

    monkeypatch.setattr(measuring.TrialRunner, "run", fail)
    trials += [rows_of(SLEEP, 0.03, 0.03), []]
    code, out = run_validate(CHEAT, SLEEP)
    assert code == 1
    assert "1/2 cheat: WRONG" in out
    assert "2/2 sleep: right" in out
    assert "ZeroDivisionError: a fault" in out
    assert "Ended early" not in out


def test_all_right_is_exit_code_0() -> None:
    """A real trial counts its batches, which can't depend on the machine."""
    code, out = run_validate(replace(SLEEP, epochs=2, readings={"batches": 3}))
    assert code == 0
    assert "All 1 right" in out


def test_own_loaders_and_scripts_are_measured_as_a_sweep_does() -> None:
    """Real trials: each is inspected, varied and audited. Counts can't depend on the machine."""
    by_name = {case.name: case for case in (*OWN_COSTS, *OWN_CHEATS)}
    script = by_name["script"]
    quick = replace(script, params={**script.params, "sample-ms": 1, "step-ms": 0}, epochs=2)
    honest = replace(by_name["own-skips"], params={"samples": 300, "batch_size": 20})
    checked = [
        replace(quick, name="as-planned", readings={"batches": 6, "samples": 60}),
        replace(quick, name="other-count", readings={"batches": 7}),
        by_name["own-skips"],
        by_name["own-replaces"],
        replace(honest, name="no-cheat"),
    ]
    code, out = run_validate(*checked)
    assert code == 1
    assert "1/5 as-planned: right" in out
    assert "2/5 other-count: WRONG" in out
    assert "3/5 own-skips: caught" in out
    assert "4/5 own-replaces: caught" in out
    assert "5/5 no-cheat: WRONG" in out
    assert "2 of 5 wrong" in out


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        run_command(validate.command, user_errors=(), arguments=arguments)
    return left.value.code


def test_an_unknown_case_is_one_line(capsys) -> None:
    """The line lists the names."""
    assert exit_code("--only", "step,nope") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: --only: 'nope' is not one of sleep-sample, ")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--diagnosis", "--only", "step,nope"), "--only: 'nope' is not one of fetch-wait, "),
        (("--only", "fetch-wait"), "--only: 'fetch-wait' is not one of sleep-sample, "),
        (
            ("--blocks", "2"),
            "--blocks: only explanations, comparisons and whole grids have blocks: it needs ",
        ),
        (("--diagnosis", "--blocks", "0"), "--blocks: '0' is not a whole number from 1 to 100"),
    ],
)
def test_a_wrong_option_is_one_line(capsys, arguments, error) -> None:
    assert exit_code(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {error}")


@pytest.mark.parametrize(
    ("arguments", "count", "blocks"),
    [
        (("--diagnosis",), len(PLANTS), 3),
        # In any order.
        (("--only", "step,none", "--blocks", "5", "--diagnosis"), 2, 5),
    ],
)
def test_diagnosis_explains_the_planted_trainings(monkeypatch, arguments, count, blocks) -> None:
    """The exit code is that of the score."""
    asked = []
    monkeypatch.setattr(
        validate,
        "score_diagnosis",
        lambda options, console: asked.append((len(options.plants), options.blocks)) or 1,
    )
    assert exit_code(*arguments) == 1
    assert asked == [(count, blocks)]


ON_CPU = [case for case in CASES if case.device == "cpu"]


@pytest.mark.parametrize(
    ("arguments", "cuda", "count"),
    [
        ((), True, len(CASES)),
        ((), False, len(ON_CPU)),
        (("--only", "step,workers"), False, 2),
        (("--only", "step,kernel"), True, 2),
    ],
)
def test_only_the_cases_asked_for_are_measured(monkeypatch, arguments, cuda, count) -> None:
    """Without --only, all cases are measured that can be. The exit code is the validation's."""
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(validate, "validate", lambda cases, console: asked.extend(cases) or 1)
    assert exit_code(*arguments) == 1
    assert len(asked) == count


def test_a_case_of_a_gpu_is_refused_without_one(capsys, monkeypatch) -> None:
    """Without --only, such cases are left out with a notice."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert exit_code("--only", "step,kernel") == 2
    assert "--only: kernel needs a CUDA device, and there is none here" in capsys.readouterr().err
    monkeypatch.setattr(validate, "validate", lambda cases, console: 0)
    assert exit_code() == 0
    assert f"{len(CASES) - len(ON_CPU)} that need a CUDA device are left out" in capsys.readouterr().out


KERNEL = next(case for case in CASES if case.name == "kernel")


def timed(clock: float, events: float | None) -> list:
    """Return two epochs by the clock and, unless None, one by events."""
    rows = [replace(row, step_s=clock) for row in rows_of(KERNEL, 0.0, 0.0, samples_per_s=5000.0)]
    if events is None:
        return rows
    return [*rows, replace(KERNEL.trial().make_row(2), step_s=events, timed_by="events")]


@pytest.mark.parametrize(
    ("rows", "right"),
    [
        (timed(0.2, 0.2), True),
        (timed(0.2, 0.2039), True),
        (timed(0.2, 0.2041), False),
        (timed(0.2041, 0.2), False),
        (timed(0.2, None), False),
    ],
)
def test_the_time_of_the_device_is_read_in_its_own_epoch(rows, right) -> None:
    """It may be off by 2% too, and a missing epoch is wrong."""
    result = judge_case(KERNEL, rows)
    assert result.right == right
    if result.problem is None:
        assert {reading.column for reading in result.checks} >= {"step_s", "device_step_s"}


@pytest.mark.cuda
@pytest.mark.alone
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_kernels_of_planned_length_are_recovered() -> None:
    """All cases of a GPU are right."""
    code, out = run_validate(*(case for case in CASES if case.device == "cuda"))
    assert code == 0, out
