"""Chart: a figure, and the words that stand around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

# Id of the title among the parts of a figure. A page has a heading in its place.
TITLE = "title"
# Ids of the parts that belong to one configuration begin with it; its number follows.
CONFIGURATION = "configuration-"


@dataclass(frozen=True)
class Chart:
    """A figure, and the words that stand around it. All words are plain text.

    Attributes:
        name: name of its file without the ending, such as `ranking`.
        title: title in a few words, which the figure shows as well.
        alternative: finding of the chart in a sentence with figures, for readers who can't see it.
        caption: explanation of the marks and axes.
        figure: the figure.
        configurations: numbers of the configurations that it shows, in their order there.
    """

    name: str
    title: str
    alternative: str
    caption: str
    figure: Figure
    configurations: tuple[int, ...] = ()


def mark_configuration(part: Artist, number: int) -> None:
    """Say that a part of a figure belongs to a configuration.

    Args:
        part: the part.
        number: number of the configuration.
    """
    part.set_gid(f"{CONFIGURATION}{number}")
