"""Drawing: the settings, errors and files that all charts have in common."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records.durable_write import write_atomically
from bench.records.errors import StorageError
from bench.report.charts.settings import use_own_settings
from bench.text import describe_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Text stays text, which can be searched and copied. Ids and the file are the same whenever they are drawn.
SVG_SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "loaderbench"}


class ChartsError(RuntimeError):
    """Charts that can't be drawn: one line that names the cause."""


@contextmanager
def prepare_drawing() -> Iterator[None]:
    """Draw with matplotlib's defaults, and turn any failure of a library into one line.

    Raises:
        StorageError: A chart can't be written.
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


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as a whole or not at all.

    Args:
        figure: the figure.
        path: the file; its suffix is the format, `.png` or `.svg`.

    Returns:
        The path.

    Raises:
        StorageError: The file can't be written.
    """
    import matplotlib

    form = path.suffix.removeprefix(".")
    picture = io.BytesIO()
    with matplotlib.rc_context(SVG_SETTINGS if form == "svg" else {}):
        # The date would make each drawing another file.
        metadata = {"Date": None} if form == "svg" else None
        figure.savefig(picture, dpi=150, bbox_inches="tight", format=form, metadata=metadata)
    write_atomically(path, picture.getvalue())
    return path
