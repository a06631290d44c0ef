"""Plugin of pytest that writes each test's outcome to a file as soon as it is known.

A run that is killed keeps the outcomes up to then. `-p tests.cuda.outcome_recorder --outcomes FOLDER` uses
the plugin.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cuda.outcomes import COLUMNS, FAILURES, OUTCOMES


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the folder."""
    parser.addoption("--outcomes", type=Path, metavar="FOLDER", help="folder for the outcomes of tests")


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Record the outcomes in this process, unless it is one of several that share the tests."""
    folder = config.getoption("--outcomes")
    if folder is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomeRecorder(folder))


class OutcomeRecorder:
    """Writes the outcomes of tests, and the text of failures."""

    def __init__(self, folder: Path) -> None:
        """Begin the files.

        Args:
            folder: folder of the files, which exists.
        """
        self._failures = folder / FAILURES
        self._outcomes = folder / OUTCOMES
        self._append(COLUMNS)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a test that passed, failed or was skipped, and a failure before or after a test."""
        if report.when == "call" or not report.passed:
            outcome = report.outcome if report.when == "call" or report.skipped else "error"
            self._append((report.nodeid, outcome, f"{report.duration:.3f}", _read_reason(report)))
        if report.failed:
            self._explain(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file whose tests can't be found."""
        if report.failed:
            self._append((report.nodeid, "error", "", "not collected"))
            self._explain(report)

    def _append(self, cells: tuple[str, ...]) -> None:
        with self._outcomes.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(cells)

    def _explain(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        with self._failures.open("a", encoding="utf-8") as file:
            file.write("\n".join(_list_texts(report)) + "\n\n")


def _list_texts(report: pytest.TestReport | pytest.CollectReport) -> Iterator[str]:
    yield f"=== {report.nodeid}"
    yield report.longreprtext
    yield from (f"--- {title}\n{text}" for title, text in report.sections)


def _read_reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped; empty for other outcomes."""
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return ""
    return str(report.longrepr[2]).removeprefix("Skipped: ")
