"""Tests of the rates of the comparison: which trials a comparison takes, and what is right often enough."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
import pytest
from rich.console import Console

from bench import validate
from bench.records.errors import ResultsError
from bench.records.results_folder import read_environment, write_json
from bench.validation.comparison import measure_rates as rates_module
from bench.validation.comparison.block_group import (
    AGAIN,
    LOADERS,
    OLD,
    SLOWER,
    BlockGroup,
    Version,
    find_partner,
    make_groups,
)
from bench.validation.comparison.findings import ComparisonError, Finding, compare_group
from bench.validation.comparison.measure_rates import RatesOptions, measure_rates
from bench.validation.comparison.rates import count_rates
from tests.bench.runs import blocks, failed, written

# Throughputs of a quiet machine, in seconds of an epoch.
NOISE = (1.0, 1.004, 0.997, 1.002, 0.999, 1.001, 0.998, 1.003)


@pytest.mark.parametrize("runs", [4, 8, 12, 40])
def test_every_comparison_has_trials_of_its_own(runs) -> None:
    """Both kinds of loader take turns, and a quarter of the comparisons has the slower versions."""
    groups = make_groups(runs)
    assert Counter(group.loader for group in groups) == dict.fromkeys(LOADERS, runs // 2)
    slower = [group for group in groups if set(SLOWER) <= set(group.versions)]
    assert len(slower) == runs // 4
    assert all(group.versions[:2] == (OLD, AGAIN) for group in groups)
    partners = [find_partner(groups, group) for group in groups]
    assert sorted(partner.number for partner in partners) == list(range(runs))
    for group, partner in zip(groups, partners, strict=True):
        assert partner.loader == group.loader
        assert abs(partner.number - group.number) == runs // 2
    if runs >= 8:
        assert {group.loader for group in slower} == set(LOADERS)


class FakeMeasuring:
    """Writes the results folders of a group, in which a version is as slow as it is planned.

    Args:
        root: Folder that takes a folder of each group.
        find_seconds: Returns the seconds of an epoch. Its arguments are the group, the version, and the
            seconds on a quiet machine.
    """

    def __init__(self, root: Path, find_seconds: Callable[[BlockGroup, Version, float], float]) -> None:
        self.root = root
        self.environment = {"machine": {"id": "fake"}}
        self._find_seconds = find_seconds

    def measure(self, group: BlockGroup, observer: object) -> None:
        for version in group.versions:
            folder = self.root / group.name / version.name
            folder.parent.mkdir(exist_ok=True)
            seconds = [self._find_seconds(group, version, second) for second in NOISE]
            starts = [f"2026-01-01T{group.number:02}:{block:02}:00+00:00" for block in range(len(seconds))]
            rows = blocks(0, seconds, dataset=f"compared.py:{group.loader}")
            rows = [replace(row, started_at=start) for row, start in zip(rows, starts, strict=True)]
            written(folder, rows)
            write_json(folder / "environment.json", self.environment)


def as_planned(group: BlockGroup, version: Version, second: float) -> float:
    return second * (1 + version.slowdown)


@pytest.fixture
def measured(tmp_path) -> Callable[..., list[Finding]]:
    """Return a function that returns what all comparisons of so many groups say."""

    def compare(find_seconds, runs: int = 4) -> list[Finding]:
        groups, measuring = make_groups(runs), FakeMeasuring(tmp_path, find_seconds)
        for group in groups:
            measuring.measure(group, None)
        found: Iterator[list[Finding]] = (
            [*compare_group(group, tmp_path), *compare_group(group, tmp_path, find_partner(groups, group))]
            for group in groups
        )
        return [finding for findings in found for finding in findings]

    return compare


def test_what_is_planted_is_found(measured) -> None:
    findings = measured(as_planned)
    assert {(one.design, one.planted, one.judgement) for one in findings} == {
        ("common blocks", 0.0, "same"), ("common blocks", 0.05, "slower"), ("common blocks", 0.1, "slower"),
        ("two folders", 0.0, "same"), ("two folders", 0.05, "slower"), ("two folders", 0.1, "slower"),
    }  # fmt: skip
    rates = count_rates(findings)
    assert [(rate.total, rate.found, rate.false) for rate in rates] == [(4, 0, 0), (1, 1, 0), (1, 1, 0)] * 2
    assert all(rate.passes for rate in rates)


def test_a_machine_that_changes_meanwhile_costs_two_folders_and_no_common_blocks(measured) -> None:
    """In each half of the time the machine is as fast as it was in no other."""
    findings = measured(
        lambda group, version, second: as_planned(group, version, second) * (1 + group.number)
    )
    rates = {(rate.design, rate.planted): rate for rate in count_rates(findings)}
    assert rates["common blocks", 0.0].passes
    assert rates["two folders", 0.0].false == 4
    assert not rates["two folders", 0.0].passes


@pytest.mark.parametrize(
    ("planted", "said", "passes"),
    [
        (0.0, {"same": 30, "undecided": 8, "slower": 2}, True),
        (0.0, {"same": 30, "undecided": 8, "slower": 1, "faster": 1}, True),
        (0.0, {"same": 37, "slower": 2, "faster": 1}, False),
        (0.05, {"undecided": 10}, True),
        (0.05, {"undecided": 9, "faster": 1}, False),
        (0.1, {"slower": 9, "undecided": 1}, True),
        (0.1, {"slower": 8, "undecided": 2}, False),
        (0.1, {"slower": 9, "faster": 1}, False),
    ],
)
def test_what_is_right_often_enough(planted, said, passes) -> None:
    findings = [
        Finding(1, "computing", "two folders", planted, word, 1.0, 0.9, 1.1)
        for word, number in said.items()
        for _ in range(number)
    ]
    (rate,) = count_rates(findings)
    assert rate.passes is passes
    assert rate.total == sum(said.values())


def test_a_comparison_of_a_trial_that_failed_says_nothing(tmp_path) -> None:
    group = make_groups(4)[1]
    for version in group.versions:
        (tmp_path / group.name).mkdir(exist_ok=True)
        written(tmp_path / group.name / version.name, [failed(0, 0)])
    with pytest.raises(ComparisonError, match="old and again aren't compared: nothing was measured in A"):
        list(compare_group(group, tmp_path))


@pytest.fixture
def measure(monkeypatch, tmp_path) -> Callable[..., tuple[int, str, Path]]:
    """Return a function that measures the rates on a machine that isn't there."""

    def run(find_seconds=as_planned) -> tuple[int, str, Path]:
        def prepare(groups, blocks, root, command) -> FakeMeasuring:
            return FakeMeasuring(root, find_seconds)

        monkeypatch.setattr(rates_module, "prepare_measuring", prepare)
        out = io.StringIO()
        folder = tmp_path / "rates"
        try:
            code = measure_rates(RatesOptions(runs=4, blocks=8, out=folder), Console(file=out, width=120))
        except KeyboardInterrupt:
            code = 130
        return code, out.getvalue(), folder

    return run


def test_the_rates_are_kept_with_all_that_they_were_made_of(measure) -> None:
    code, out, folder = measure()
    assert code == 0, out
    assert sorted(path.name for path in folder.iterdir()) == [
        "comparisons.csv", "environment.json", "rates.md", "trials.csv",
    ]  # fmt: skip
    comparisons = pd.read_csv(folder / "comparisons.csv")
    assert len(comparisons) == 2 * (4 + 2)
    trials = pd.read_csv(folder / "trials.csv")
    assert len(trials) == len(NOISE) * (4 * 2 + 2)
    slow = trials[trials["version"] == "slower-10"]["samples_per_s"]
    assert slow.tolist() == pytest.approx([1000 / (second * 1.1) for second in NOISE])
    table = (folder / "rates.md").read_text()
    assert "| common blocks | 10% | 1 | 1 | 0 | 0 | 0 |" in table
    assert read_environment(folder)["comparison"]["runs"] == 4
    assert "4 comparisons of the same code, 1 of each slow-down of 5% and 10%" in out


def test_too_many_false_alarms_are_exit_code_1(measure) -> None:
    def slow_down(group: BlockGroup, version: Version, second: float) -> float:
        return second * (1.2 if version == AGAIN else 1)

    code, out, _ = measure(slow_down)
    assert code == 1
    assert "Not right often enough: common blocks with none planted" in out


def test_an_interrupt_leaves_what_was_measured(measure) -> None:
    """Of two folders, pairs are compared of which both were measured."""

    def interrupt(group: BlockGroup, version: Version, second: float) -> float:
        if group.number == 3:
            raise KeyboardInterrupt
        return as_planned(group, version, second)

    code, out, folder = measure(interrupt)
    assert code == 130
    assert "Ended early: 3 of 4 comparisons measured" in out
    comparisons = pd.read_csv(folder / "comparisons.csv")
    assert comparisons.groupby("design")["group"].unique().map(list).to_dict() == {
        "common blocks": [1, 2, 3],
        "two folders": [1, 3],
    }
    assert pd.read_csv(folder / "trials.csv")["group"].nunique() == 3
    assert read_environment(folder)["comparison"]["measured"] == 3


def test_a_comparison_that_fails_costs_no_other(measure) -> None:
    def fail(group: BlockGroup, version: Version, second: float) -> float:
        if group.number == 1:
            raise ZeroDivisionError("a fault")
        return as_planned(group, version, second)

    code, out, folder = measure(fail)
    assert code == 1
    assert "1 of 4 comparisons failed:\n  002-waiting: ZeroDivisionError: a fault (" in out
    assert "Ended early" not in out
    assert pd.read_csv(folder / "failures.csv")["name"].tolist() == ["002-waiting"]
    assert set(pd.read_csv(folder / "comparisons.csv")["group"]) == {1, 3, 4}


def test_an_interrupt_before_the_first_comparison_says_so(measure) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    code, out, _ = measure(interrupt)
    assert code == 130
    assert "Ended early: 0 of 4 comparisons measured" in out
    assert "Results:" not in out


def test_a_folder_that_is_in_use_is_an_error_before_anything_is_measured(measure, tmp_path) -> None:
    (tmp_path / "rates").mkdir()
    (tmp_path / "rates" / "mine").write_text("")
    with pytest.raises(ResultsError, match="not empty"):
        measure()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--runs", "8"], "--runs: it needs --comparison"),
        (["--out", "there"], "--out: it needs --diagnosis, --comparison"),
        (["--comparison", "--diagnosis"], "give one of them"),
        (["--comparison", "--only", "bare"], "--only"),
        (["--comparison", "--runs", "6"], "--runs: 6 is not a multiple of 4"),
        (["--comparison", "--runs", "0"], "--runs"),
    ],
)
def test_options_that_belong_to_another_validation_are_errors(words, message) -> None:
    with pytest.raises(click.UsageError) as raised:
        validate.command.main(words, standalone_mode=False)
    assert message in raised.value.format_message()
