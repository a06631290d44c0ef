"""Words of an explanation."""

from __future__ import annotations

import pytest

from bench.analysis.explanation.words import format_cores, format_workers


@pytest.mark.parametrize(("number", "text"), [(0, "no workers"), (1, "1 worker"), (12, "12 workers")])
def test_workers(number, text) -> None:
    """One worker has no plural."""
    assert format_workers(number) == text


@pytest.mark.parametrize(("number", "text"), [(1.0, "1 core"), (1.5, "1.5 cores"), (16, "16 cores")])
def test_cores(number, text) -> None:
    """A quota may give a part of one."""
    assert format_cores(number) == text
