"""The pages of the docs: links, anchors, first paragraphs, and the results that they cite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.paths import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
INDEX = ROOT / "docs" / "README.md"
OTHERS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "results/README.md")
PAGES = [*(ROOT / name for name in OTHERS), *DOCS]
# How a page says for whom it is.
OPENING = "This page is for "
# A folder or file under results/ that a page cites, with * for any text.
CITED = re.compile(r"results/[\w*.-]*\d[\w*./-]*|results/[\w.-]+-2-cores[\w./-]*")


def name_page(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def parse(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def find_links(page: Path) -> Iterator[str]:
    """Yield the addresses of a page's links and pictures."""
    for token in parse(page):
        for child in token.children or []:
            address = child.attrGet("href" if child.type == "link_open" else "src")
            if isinstance(address, str):
                yield unquote(address)


@cache
def find_anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings as a code host makes them."""
    tokens = parse(page)
    times: Counter[str] = Counter()
    anchors = set()
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            text = "".join(child.content for child in content.children or [])
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            anchors.add(f"{anchor}-{times[anchor]}" if times[anchor] else anchor)
            times[anchor] += 1
    return frozenset(anchors)


def list_broken_links(page: Path) -> list[str]:
    broken = []
    for link in find_links(page):
        if link.startswith(("https://", "http://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in find_anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_links_lead_somewhere(page: Path) -> None:
    assert list_broken_links(page) == []


def test_a_wrong_link_is_noticed(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# Other\n\n## The `--json` option, and more\n\n## Twice\n\n## Twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n[a](other.md) [b](other.md#the---json-option-and-more) [c](#page) [d](other.md#twice-1)\n"
        "[e](gone.md) [f](other.md#gone) [g](#gone) ![h](gone.png) [i](other.md#twice-2)\n"
    )
    assert list_broken_links(page) == ["gone.md", "other.md#gone", "#gone", "gone.png", "other.md#twice-2"]


@pytest.mark.parametrize("page", DOCS, ids=name_page)
def test_a_page_begins_with_its_readers(page: Path) -> None:
    tokens = parse(page)
    kinds = ["heading_open", "inline", "heading_close", "paragraph_open"]
    assert [token.type for token in tokens[:4]] == kinds
    assert tokens[0].tag == "h1"
    assert tokens[4].content.startswith(OPENING)


def test_the_index_lists_every_page() -> None:
    linked = {link.partition("#")[0] for link in find_links(INDEX)}
    assert {page.name for page in DOCS} - {INDEX.name} <= linked


@pytest.mark.parametrize("page", PAGES, ids=name_page)
def test_cited_results_are_kept(page: Path) -> None:
    cited = {match.rstrip("./") for match in CITED.findall(page.read_text(encoding="utf-8"))}
    # The folder of a run that a page shows as an example.
    cited = {place for place in cited if not place.endswith("-local")}
    assert [place for place in sorted(cited) if not any(ROOT.glob(place))] == []
