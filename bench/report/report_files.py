"""Write the charts and the page of a results folder. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.analysis.tuning.tuning import Tuning
from bench.records.errors import ResultsError, StorageError
from bench.report.charts.chart import Chart
from bench.report.charts.chart_files import save_charts
from bench.report.charts.draw import make_charts
from bench.report.charts.drawing import ChartsError
from bench.report.explain.explain_charts import SUFFIXES, make_explanation_charts
from bench.report.explain.explain_page import write_explain_page
from bench.report.page.page import PageError
from bench.report.remark import Remark
from bench.report.sweep.sweep_page import write_sweep_page
from bench.report.sweep.sweep_results import SweepResults
from bench.report.tune.tune_charts import make_tuning_charts
from bench.report.tune.tune_page import write_tune_page


class ReportFiles:
    """The charts and the page of a results folder. What can't be made or written costs nothing else.

    Attributes:
        paths: files that were written.
        undrawn: why there are no charts or no page, although they could be written; empty where nothing is
            wrong.
        unwritten: errors of files that couldn't be written, the first one first.
    """

    def __init__(self) -> None:
        """Begin without a file."""
        self.paths: list[Path] = []
        self.undrawn: list[Remark] = []
        self.unwritten: list[StorageError] = []

    @classmethod
    def write_sweep(cls, results: SweepResults, *, with_charts: bool = True) -> ReportFiles:
        """Write the charts and the page of a sweep into its folder.

        Args:
            results: tables of the folder.
            with_charts: whether the sweep has charts; default True. An A/A check has none.
        """
        files = cls()
        charts = files._draw(lambda: make_charts(results), results.folder) if with_charts else ()
        files._write_page(lambda: write_sweep_page(results.folder, charts, results))
        return files

    @classmethod
    def write_explanation(cls, explanation: Explanation, folder: Path) -> ReportFiles:
        """Write the charts and the page of an explanation into its folder, which holds explanation.json."""
        files = cls()
        charts = files._draw(lambda: make_explanation_charts(explanation), folder, SUFFIXES)
        files._write_page(lambda: write_explain_page(folder, charts))
        return files

    @classmethod
    def write_tuning(cls, tuning: Tuning, folder: Path) -> ReportFiles:
        """Write the charts and the page of a tuning into its folder, which holds tuning.json."""
        files = cls()
        charts = files._draw(lambda: make_tuning_charts(tuning), folder, SUFFIXES)
        files._write_page(lambda: write_tune_page(folder, charts))
        return files

    def _draw(
        self, make: Callable[[], Sequence[Chart]], folder: Path, suffixes: Sequence[str] = (".png",)
    ) -> Sequence[Chart] | None:
        """Make and write charts; return None where they can't be made."""
        charts = None
        with self._keep_errors("No charts"):
            charts = make()
            self.paths += save_charts(charts, folder, suffixes)
        return charts

    def _write_page(self, write: Callable[[], Path | None]) -> None:
        with self._keep_errors("No page"):
            if (path := write()) is not None:
                self.paths.append(path)

    @contextmanager
    def _keep_errors(self, title: str) -> Iterator[None]:
        try:
            yield
        except (ChartsError, PageError, ResultsError) as error:
            self.undrawn.append(Remark(title, str(error), "caution"))
        except StorageError as error:
            self.unwritten.append(error)
