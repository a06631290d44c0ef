"""A comparison in words, on the terminal, as Markdown and as JSON."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from bench.analysis.comparison.comparison import ComparedConfiguration, Comparison, ComparisonOptions
from bench.analysis.comparison.matching import AS_IT_IS
from bench.analysis.statistics import Estimate
from bench.report.comparison.compare_results import CompareResults
from bench.report.comparison.comparison_json import to_json
from bench.report.comparison.markdown import MOST_ROWS, to_markdown
from bench.report.comparison.output import show_comparison
from bench.report.comparison.words import describe_answer


def test_the_answer_counts_and_names_the_largest_change(comparison) -> None:
    """The worst first, with its interval."""
    answer = describe_answer(comparison)
    assert answer.startswith(
        "1 of 5 configurations is slower, 2 are undecided, 1 is faster and 1 is the same"
    )
    assert " within 3%. num_workers=1 runs at 0.90" in answer
    assert "times A (90% interval 0.8" in answer


@pytest.mark.parametrize(
    ("judgement", "text"),
    [
        ("slower", "x is slower: B runs at 0.800 times A (90% interval 0.700–0.900)."),
        ("same", "x is the same within 3%."),
        ("undecided", "x is undecided."),
    ],
)
def test_one_configuration_is_named(comparison, judgement, text) -> None:
    """A list of one needs no count."""
    one = ComparedConfiguration("x", 0, 0, 1.0, 0.8, Estimate(0.8, 0.7, 0.9, 5), judgement)
    assert describe_answer(replace(comparison, configurations=(one,))) == text


def test_a_loader_as_it_is_has_no_name(comparison) -> None:
    """Two commits of one loader need none."""
    one = ComparedConfiguration(AS_IT_IS, 0, 0, 1.0, 1.0, None, "undecided")
    assert describe_answer(replace(comparison, configurations=(one,))) == "The loader is undecided."


def test_an_obstacle_is_the_answer(comparison) -> None:
    """Nothing else is said beside it."""
    stopped = replace(comparison, configurations=(), obstacles=("dataset: A x, B y",))
    assert describe_answer(stopped) == "A and B can't be compared: dataset: A x, B y."
    assert to_markdown(stopped).startswith("### ⚠️ Loaders: A and B can't be compared: dataset: A x, B y.\n")


def show(comparison: Comparison, form: str, width: int = 100) -> str:
    """Return what the command prints in a form."""
    console = Console(file=io.StringIO(), width=width, highlight=False, force_terminal=False)
    shown = replace(comparison, options=replace(comparison.options, form=form))
    show_comparison(console, shown)
    return console.file.getvalue()


def test_the_terminal_shows_figures_reasons_and_the_answer_last(comparison) -> None:
    """One line a configuration, the slower ones first, in 100 columns."""
    lines = show(comparison, "text").splitlines()
    rows = [line.split() for line in lines if line.startswith("num_workers=")]
    assert [(row[0], row[-1]) for row in rows] == [
        ("num_workers=1", "slower"),
        ("num_workers=3", "undecided"),
        ("num_workers=4", "undecided"),
        ("num_workers=2", "faster"),
        ("num_workers=0", "same"),
    ]
    assert max(len(line.rstrip()) for line in lines[: len(rows) + 5]) <= 100
    assert any(line.startswith("Undecided: num_workers=4: failed in B: ValueError") for line in lines)
    assert lines[-1] == describe_answer(comparison)


def test_markdown_is_one_table_that_no_name_can_break(comparison) -> None:
    """Pipes, tags and mentions of users' own names are text."""
    text = to_markdown(comparison)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 5
    assert {line.count("|") - line.count(r"\|") for line in table} == {7}
    assert text.startswith("### 🔴 Loaders: 1 of 5")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "@someone" not in text
    assert "num_workers=1 | " in text


def test_markdown_folds_a_long_table(comparison) -> None:
    """The first rows stay in sight, and no row is lost."""
    one = comparison.configurations[0]
    many = replace(comparison, configurations=tuple(replace(one, name=f"x{n}") for n in range(60)))
    text = to_markdown(many)
    head, _, folded = text.partition("<details><summary>40 more configurations</summary>")
    assert head.count("| x") == MOST_ROWS
    assert folded.count("| x") == 60 - MOST_ROWS


def test_json_has_every_figure(comparison) -> None:
    """It can be read back, and an unknown is null."""
    values = json.loads(show(comparison, "json"))
    assert values == to_json(comparison)
    assert values["exit_code"] == 1
    assert [one["judgement"] for one in values["configurations"]] == [
        "same", "slower", "faster", "undecided", "undecided",
    ]  # fmt: skip
    assert values["configurations"][1]["ratio"] == pytest.approx(0.9, rel=0.01)
    assert values["configurations"][4]["ratio"] is None


def test_results_in_python_have_a_table(comparison) -> None:
    """One line a configuration, and the answer as a text."""
    results = CompareResults(comparison)
    assert results.answer == describe_answer(comparison)
    assert results.exit_code == 1
    assert list(results.table["judgement"]) == ["same", "slower", "faster", "undecided", "undecided"]
    assert results.table["ratio"].isna().tolist() == [False] * 4 + [True]


def test_ratios_to_the_baseline_are_called_so(comparison) -> None:
    """Across machines no throughput is shown."""
    across = replace(comparison, options=ComparisonOptions(across_machines=True, paired=False))
    assert "A × baseline" in to_markdown(across)
    assert "reaches 0.90" in describe_answer(across)
