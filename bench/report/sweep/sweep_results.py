"""SweepResults: the tables of a results folder, their summary, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from typing_extensions import Self

from bench.analysis.aa import check_aa
from bench.analysis.answer import Answer, find_answers
from bench.analysis.naming import list_knobs
from bench.analysis.summary import summarise
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.report.gpu_name import find_gpu_name
from bench.report.labels import make_report_labels
from bench.report.sweep.aa_report import describe_aa
from bench.report.sweep.answer_words import describe_answer
from bench.report.sweep.best_configuration import BestConfiguration, read_setting
from bench.report.sweep.conclusion_file import read_conclusion
from bench.text import format_count, join_words, suggest

if TYPE_CHECKING:
    from bench.report.notebook.shown_charts import ShownCharts

BAD = ("failed", "timeout")


@dataclass(frozen=True, repr=False)
class SweepResults:
    """The tables of a results folder, and their summary.

    Attributes:
        folder: the results folder.
        runs: rows of runs.csv.
        ceilings: rows of ceilings.csv; None without that file.
        summary: one line for each configuration.
        notices: facts of data and loaders to know before reading figures; default none.
    """

    folder: Path
    runs: pd.DataFrame
    ceilings: pd.DataFrame | None
    summary: pd.DataFrame
    notices: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the tables of a folder; None where nothing was measured.

        Raises:
            ResultsError: A table can't be read.
        """
        if not results_folder.has_header(folder, results_folder.RUNS):
            return None
        runs = results_folder.read_runs(folder)
        if runs.empty:
            return None
        ceilings = results_folder.read_ceilings(folder)
        return cls(folder, runs, ceilings, summarise(runs, ceilings, results_folder.read_device(folder)))

    @property
    def answers(self) -> list[Answer]:
        """The configuration to use for each kind of work, the baseline's kind first."""
        return find_answers(self.summary)

    @property
    def answer(self) -> str | None:
        """The answer for the work of the baseline in words, as the command prints it.

        None where nothing could be ranked. `answers` holds its figures, and those of other kinds of work.
        """
        if self.is_aa:
            return " ".join(line.plain for line in describe_aa(self.summary, check_aa(self.summary)))
        found = next(iter(self.answers), None)
        if found is None:
            return None
        return describe_answer(found, make_report_labels(self.summary), self.gpu).whole.plain

    def best(self, work: str | None = None) -> BestConfiguration:
        """Return the configuration to use, with its knobs, its figures and the code to paste.

        Args:
            work: kind of work as the attribute `work` of an answer names it, such as `batch_size=64`; default
                None for that of the baseline.

        Raises:
            ValueError: the sweep has no such kind of work.
            ResultsError: nothing could be ranked.
        """
        answers = {answer.work: answer for answer in self.answers}
        if not answers:
            errors = list(self.summary.loc[self.summary["error"] != "", "error"])
            raise ResultsError(f"{self.folder}: nothing could be ranked{f': {errors[0]}' if errors else ''}")
        if work is not None and work not in answers:
            near = suggest(work, answers)
            raise ValueError(f"work: {work!r} was not measured; known: {join_words(list(answers))}{near}")
        return self._describe_best(answers[work] if work is not None else next(iter(answers.values())))

    def _describe_best(self, answer: Answer) -> BestConfiguration:
        line = self.summary.set_index("configuration").loc[answer.configuration]
        cells = {name: str(line[name]) for name in list_knobs(self.summary)}
        return BestConfiguration(
            name=make_report_labels(self.summary).full[answer.configuration],
            family=str(line["family"]),
            # An empty cell says that the family has no such knob.
            knobs={name: read_setting(cell) for name, cell in cells.items() if cell},
            samples_per_s=answer.samples_per_s,
            ratio=answer.ratio,
            is_baseline=answer.is_baseline,
            code="\n".join(self.code.get(answer.configuration, ())),
        )

    @property
    def gpu(self) -> str:
        """Name of the GPU that anything was measured on; empty where it isn't known, or nothing was."""
        return find_gpu_name(self.folder) if (self.summary["device"] == "cuda").any() else ""

    @property
    def code(self) -> Mapping[int, tuple[str, ...]]:
        """Lines of code to paste, by the number of the configuration; only of those that an answer names."""
        return read_conclusion(self.folder).code

    @property
    def is_aa(self) -> bool:
        """True for an A/A check, whose configurations are all equal."""
        if not (self.folder / results_folder.ENVIRONMENT).is_file():
            return False
        return results_folder.read_environment(self.folder).get("sweep", {}).get("aa_pairs") is not None

    def plot(self) -> ShownCharts:
        """Make the charts, and show them if this is a notebook.

        Returns:
            The charts, each with its `figure` of matplotlib.

        Raises:
            ChartsError: matplotlib or seaborn can't be imported, or they fail.
        """
        # Imported here: the charts are made of these results.
        from bench.report.charts.draw import make_charts
        from bench.report.notebook.shown_charts import show_charts

        return show_charts([] if self.is_aa else make_charts(self))

    def __repr__(self) -> str:
        """Return the answer and the folder."""
        found = self.answer or f"{format_count(len(self.summary), 'configuration')}, none of them ranked"
        return f"{found}\nResults: {self.folder}"

    def _repr_html_(self) -> str:
        """Return the answer, the table and the cautions, as a notebook shows them."""
        from bench.report.notebook.sweep_html import show_results

        return show_results(self)

    @property
    def has_failures(self) -> bool:
        """True if any trial failed or took too long, of a configuration or of a ceiling."""
        tables = [self.runs] if self.ceilings is None else [self.runs, self.ceilings]
        return any(bool(table["status"].isin(BAD).any()) for table in tables)
