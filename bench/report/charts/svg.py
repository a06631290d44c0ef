"""SVG: a chart as markup for a page, and as a file of its own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bench.report.charts.chart import CONFIGURATION, TITLE, Chart
from bench.report.charts.drawing import prepare_drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# Width of a chart that fills the page, in points, and the share of it below which a chart is narrow.
WHOLE, NARROW = 540.0, 0.9
# Text stays text, which can be searched and copied. Ids are the same whenever a chart is drawn.
SETTINGS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "loaderbench"}
# A file of its own has no page that says which colours text and background have.
OWN_COLORS = (
    "svg{background:#fff;color:#1f2328;font-family:'DejaVu Sans',Verdana,sans-serif}"
    "@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3;--chart-surface:#0d1117}}"
)
# Reference to a part: the whole of a link, or `url(#part)` in a style, where colours begin with # too.
_REFERENCE = re.compile(r"(?<=^#)[\w.-]+|(?<=url\(#)[\w.-]+")
# matplotlib before 3.10 writes a font's slant, weight, size and families as one property.
_FONT = re.compile(r"font: (?:(italic|oblique) )?(?:(bold|\d+) )?([\d.]+)px [^;]*")
_FAMILY = re.compile(r"; font-family: [^;]*|font-family: [^;]*; ")


def to_svg(chart: Chart) -> str:
    """Return a chart as an `svg` element for a page.

    Text can be selected. Neutral parts have the text's colour (`currentColor`), gaps between marks that of
    the CSS variable `--chart-surface` (white without it), and other colours can be read on light and dark
    pages. The font is that of the page. Ids begin with the chart's name, so that one page can hold several
    charts. A group with the attribute `data-configuration` holds the marks of one configuration.

    The title is an element for readers and screen readers, and not drawn: a page has a heading instead.

    Args:
        chart: the chart.

    Raises:
        ChartsError: matplotlib can't draw it.
    """
    with _hide_title(chart.figure):
        svg = _make_element(chart)
    # A page stretches a chart to the width of its text, and letters with it. A narrow one stays narrow.
    width = float(svg.get("viewBox", f"0 0 {WHOLE} 0").split()[2])
    if width < NARROW * WHOLE:
        svg.set("style", f"max-width: {100 * width / WHOLE:.0f}%")
    return _serialise(svg)


def to_svg_file(chart: Chart) -> bytes:
    """Return a chart as an SVG file, with its title drawn and with colours of its own.

    Args:
        chart: the chart.

    Raises:
        ChartsError: matplotlib can't draw it.
    """
    svg = _make_element(chart)
    style = Element(f"{{{SVG}}}style")
    style.text = OWN_COLORS
    svg.insert(2, style)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_serialise(svg)}\n'.encode()


@contextmanager
def _hide_title(figure: Figure) -> Iterator[None]:
    """Leave out the title of a figure."""
    titles = figure.findobj(lambda part: part.get_gid() == TITLE and part.get_visible())
    for title in titles:
        title.set_visible(False)
    try:
        yield
    finally:
        for title in titles:
            title.set_visible(True)


def _make_element(chart: Chart) -> Element:
    """Return a chart as an `svg` element with its title and its description."""
    svg = ElementTree.fromstring(_draw(chart.figure))
    for parent in list(svg.iter()):
        # A style sheet would hold for the whole page. Its settings are attributes below.
        for child in [child for child in parent if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style")]:
            parent.remove(child)
    for name in ("width", "height", "version"):
        svg.attrib.pop(name, None)
    _name_parts(svg, chart.name)
    for element in svg.iter():
        if "style" in element.attrib:
            element.set("style", _follow_page(element.get("style", "")))
    title, description = f"{chart.name}-title", f"{chart.name}-description"
    svg.attrib.update(
        {
            "class": "chart",
            "role": "img",
            "aria-labelledby": f"{title} {description}",
            "fill": "currentColor",
            "stroke-linejoin": "round",
            "stroke-linecap": "butt",
        }
    )
    for place, (tag, key, text) in enumerate(
        (("title", title, chart.title), ("desc", description, chart.alternative))
    ):
        element = Element(f"{{{SVG}}}{tag}", {"id": key})
        element.text = text
        svg.insert(place, element)
    return svg


def _draw(figure: Figure) -> str:
    """Return a figure as matplotlib writes it."""
    import matplotlib

    text = io.StringIO()
    with prepare_drawing(), matplotlib.rc_context(SETTINGS):
        # The date would make each drawing another one.
        figure.savefig(
            text,
            format="svg",
            bbox_inches="tight",
            transparent=True,
            metadata={"Date": None},
        )
    return text.getvalue()


def _name_parts(svg: Element, name: str) -> None:
    """Keep the ids that something refers to, and make them unique in a page.

    Args:
        svg: element whose descendants are changed.
        name: beginning of each id.
    """
    hrefs = ("href", f"{{{XLINK}}}href")
    values = [
        value for element in svg.iter() for key, value in element.items() if key in hrefs or "url(#" in value
    ]
    wanted = {found for value in values for found in _REFERENCE.findall(value)}
    for element in svg.iter():
        key = element.attrib.pop("id", "")
        if key in wanted:
            element.set("id", f"{name}-{key}")
        elif key.startswith(CONFIGURATION):
            element.set("data-configuration", key.removeprefix(CONFIGURATION))
        for attribute, value in element.items():
            if attribute in hrefs or "url(#" in value:
                element.set(attribute, _REFERENCE.sub(lambda found: f"{name}-{found[0]}", value))


def _follow_page(style: str) -> str:
    """Return a style whose neutral colours and font are those of the page.

    matplotlib writes no fill for black, so that the `svg` element's own holds.
    """
    style = style.replace("stroke: #000000", "stroke: currentColor")
    style = style.replace("stroke: #ffffff", "stroke: var(--chart-surface, #ffffff)")
    return _FAMILY.sub("", _FONT.sub(_split_font, style))


def _split_font(found: re.Match[str]) -> str:
    slant, weight, size = found.groups()
    parts = [f"font-style: {slant}"] if slant else []
    parts += [f"font-weight: {weight}"] if weight else []
    return "; ".join([*parts, f"font-size: {size}px"])


def _serialise(svg: Element) -> str:
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    return ElementTree.tostring(svg, encoding="unicode")
