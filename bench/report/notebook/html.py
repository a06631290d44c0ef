"""HTML of a notebook's output: tables, remarks and links. Everything is escaped but Markup.

A notebook brings its own style, light or dark, so parts have no colours of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from bench.report.page.page import REPORT
from bench.report.remark import Remark

CELL = Markup('<{tag} style="text-align: {side}; vertical-align: top">{content}</{tag}>')


def make_table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, texts: Sequence[int] = (0,)
) -> Markup:
    """Return a table.

    Args:
        titles: heading of each column.
        rows: content of the cells, as plain text or Markup.
        texts: places of the columns that hold text; the others hold figures, which line up at the right.
            Default the first.
    """

    def make_row(tag: str, cells: Sequence[str]) -> Markup:
        sides = ("left" if place in texts else "right" for place in range(len(cells)))
        return Markup("<tr>{}</tr>").format(
            Markup("").join(
                CELL.format(tag=tag, side=side, content=cell) for side, cell in zip(sides, cells, strict=True)
            )
        )

    body = Markup("").join(make_row("td", row) for row in rows)
    return Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(make_row("th", titles), body)


def make_paragraph(*parts: str) -> Markup:
    """Return a paragraph of plain text or Markup."""
    return Markup("<p>{}</p>").format(Markup(" ").join(parts))


def make_code(lines: Sequence[str]) -> Markup:
    """Return lines of code; nothing for none."""
    return Markup("<pre><code>{}</code></pre>").format("\n".join(lines)) if lines else Markup("")


def make_remarks(remarks: Iterable[Remark]) -> Markup:
    """Return a list of remarks; nothing for none."""
    items = [
        Markup("<li><strong>{}:</strong> {}</li>").format(remark.title, remark.text) for remark in remarks
    ]
    return Markup("<ul>{}</ul>").format(Markup("").join(items)) if items else Markup("")


def link_report(folder: Path) -> Markup:
    """Return the folder of the results, with a link to its report where there is one.

    Args:
        folder: results folder. A notebook finds a relative one from its own folder.
    """
    place = Markup("<code>{}</code>").format(str(folder))
    if not (folder / REPORT).is_file():
        return Markup("<p>Results: {}</p>").format(place)
    link = Markup('<a href="{}" target="_blank">{}</a>').format(quote((folder / REPORT).as_posix()), REPORT)
    return Markup("<p>Results: {}, {} has all of it</p>").format(place, link)
