"""The display of downloads and conversions."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.report.progress.file_progress import show_conversions, show_downloads


@pytest.mark.parametrize("terminal", [True, False])
def test_a_download_is_shown(terminal) -> None:
    """By its name: once in a pipe, as a bar on a terminal."""
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
    with show_downloads(console) as show:
        for received in (0, 500, 1000):
            show("train-images.gz", received, 1000)
    text = console.file.getvalue()
    assert "downloading train-images.gz" in text
    assert terminal or text.count("train-images.gz") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_a_conversion_is_shown(terminal) -> None:
    """By the family's name: once in a pipe, as a bar on a terminal."""
    console = Console(file=io.StringIO(), width=120, force_terminal=terminal)
    with show_conversions(console) as show:
        for done in (0, 500, 1000):
            show("memory_map", done, 1000)
    text = console.file.getvalue()
    assert "making the files of memory_map" in text
    assert terminal or text == "making the files of memory_map: 1,000 samples, once\n"
