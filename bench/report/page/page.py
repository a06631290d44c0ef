"""Page: report.html of a results folder, one file that holds all it shows. Needs no torch.

A page is a template in `templates/` that extends `base.html` and uses the macros of `parts.html`, which take
the dataclasses of `parts.py`. Names, errors and paths of users may hold HTML: every value is escaped, save
those that are Markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.records.errors import ResultsError, StorageError
from bench.records.results_folder import write_text
from bench.text import describe_error

REPORT = "report.html"
TEMPLATES = Path(__file__).parent / "templates"


class PageError(RuntimeError):
    """A page that can't be made: one line that names the cause."""


@contextmanager
def prepare_page() -> Iterator[None]:
    """Turn any failure of a library or of a template into one line: a page never costs figures.

    Raises:
        ResultsError: the folder holds no results that can be read.
        StorageError: the page can't be written.
        PageError: the page can't be made.
    """
    try:
        yield
    except (ResultsError, StorageError, PageError):
        raise
    except Exception as error:
        raise PageError(f"{REPORT} can't be made: {describe_error(error)}") from error


def render_page(template: str, content: Mapping[str, Any]) -> str:
    """Return the HTML of a page.

    Args:
        template: name of a file in `templates/` that extends `base.html`.
        content: values of the template. `base.html` asks for `title`, `subtitle` and `sections`, which are
            pairs of an id and a name; a missing value is an error.
    """
    # Imported here: a sweep starts sooner.
    import jinja2

    environment = jinja2.Environment(
        # By its path: a user's own package may bear the name of this one.
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(content)


def write_page(folder: Path, template: str, content: Mapping[str, Any]) -> Path:
    """Write report.html into a results folder, as a whole or not at all.

    Args:
        folder: the results folder.
        template: name of a file in `templates/` that extends `base.html`.
        content: values of the template, as for `render_page`.

    Returns:
        Path of the page.

    Raises:
        StorageError: the page can't be written.
    """
    path = folder / REPORT
    write_text(path, render_page(template, content))
    return path
