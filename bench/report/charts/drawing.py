"""Drawing: the settings and errors that all charts have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.records.errors import StorageError
from bench.report.charts.settings import use_own_settings
from bench.text import describe_error


class ChartsError(RuntimeError):
    """Charts that can't be drawn: one line that names the cause."""


@contextmanager
def prepare_drawing() -> Iterator[None]:
    """Draw with matplotlib's defaults, and turn any failure of a library into one line.

    Raises:
        StorageError: a chart can't be written.
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    try:
        with use_own_settings():
            yield
    except StorageError:
        raise
    # Charts never cost figures, whatever libraries and their settings do.
    except Exception as error:
        raise ChartsError(f"the charts can't be drawn: {describe_error(error)}") from error
