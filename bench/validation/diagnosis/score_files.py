"""Files of a score: every explanation beside its truth, the table, the confusion matrix and the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records import results_folder
from bench.validation.diagnosis.outcome import Outcome
from bench.validation.diagnosis.score import FOUND, LABELS, Score
from bench.validation.diagnosis.score_tables import TITLES, list_sentences, make_cells
from bench.validation.judged_table import list_markdown_lines

OUTCOMES, TABLE = "diagnosis.csv", "table.md"
MARK = "right"


def write_score(folder: Path, score: Score) -> None:
    """Write every explanation beside its truth, and the tables for people.

    Args:
        folder: folder of the results.
        score: the explanations, at least one.

    Raises:
        StorageError: a file can't be written.
    """
    rows = [_make_row(outcome) for outcome in score.outcomes]
    results_folder.write_csv(folder / OUTCOMES, pd.DataFrame(rows))
    results_folder.write_text(folder / TABLE, "\n".join([*_list_lines(score), ""]))


def _make_row(outcome: Outcome) -> dict[str, Any]:
    plant = outcome.plant
    found = None if outcome.explanation is None else outcome.explanation.diagnosis
    return {
        "training": plant.name,
        "planted": LABELS[plant.truth.cause],
        "planted_stage": plant.stage,
        "named": "" if found is None else LABELS[found.cause],
        "named_stage": "" if found is None else found.stage,
        "is_sure": None if found is None else found.is_sure,
        "is_right": outcome.is_right,
        "planted_share": plant.true_share,
        "found_share": None if found is None else found.loss,
        "is_repeated": outcome.is_repeated,
        "is_disturbed": outcome.is_disturbed,
        "gains": "; ".join(
            f"{gain.change}: planned {gain.planned:.3f}, predicted {gain.predicted:.3f}"
            for gain in outcome.gains
        ),
        "faults": "; ".join(outcome.faults),
        "error": outcome.error,
    }


def _list_lines(score: Score) -> Iterator[str]:
    titles = [title or "certainty" for title in TITLES]
    lines = [[*make_cells(one), MARK if one.is_right else "WRONG"] for one in score.outcomes]
    yield from ("# How often a planted cause is named", "")
    yield from list_markdown_lines([*titles, "answer"], [*titles[:4], "answer"], lines)
    yield from ("", "## Planted (rows), named (columns)", "")
    matrix = score.count_matrix()
    named = [label for label in FOUND if any(row.get(label) for row in matrix.values())]
    cells = [[planted, *(str(row.get(label, 0)) for label in named)] for planted, row in matrix.items()]
    yield from list_markdown_lines(["planted", *named], ["planted"], cells)
    yield ""
    yield from (f"- {sentence}" for sentence in list_sentences(score))
