"""A browser for tests of pages: Chromium without a window."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class OpenPage:
    """A page that is open in the browser, with what went wrong in it.

    Attributes:
        page: the page, as playwright has it.
        errors: errors and warnings of the console, and exceptions of scripts.
        requests: addresses that the page asked for, beside its own file.
    """

    def __init__(self, page, path: Path) -> None:
        """Open a file, and note everything that it asks for."""
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.errors.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url, path))
        page.goto(path.as_uri())

    def _note(self, address: str, path: Path) -> None:
        # A picture inside the page is no request that leaves.
        if address.partition("#")[0] != path.as_uri() and not address.startswith("data:"):
            self.requests.append(address)

    def find_overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


Open = Callable[..., OpenPage]


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """Return Chromium, or skip the test where it or playwright is missing.

    It lasts for one file: while playwright runs, no other event loop can begin in this thread.
    """
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright isn't installed: pip install -e '.[browser]'"
    )
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as runner:
        try:
            # Root, as in a container, has no sandbox.
            browser = runner.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"{path} can't be started: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium) -> Iterator[Open]:
    """Return a function that opens a file in a wide window, with scripts or without."""
    contexts = []

    def open_in(path: Path, *, scripts: bool = True) -> OpenPage:
        size = {"width": 1600, "height": 900}
        context = chromium.new_context(viewport=size, offline=True, java_script_enabled=scripts)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        return OpenPage(context.new_page(), path)

    yield open_in
    for context in contexts:
        context.close()
