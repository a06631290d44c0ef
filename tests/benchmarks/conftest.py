"""Fixtures of the benchmarks."""

from __future__ import annotations

import pytest


@pytest.fixture
def turns(request: pytest.FixtureRequest) -> int:
    """Return the module's number of turns, or a few with `--benchmark-disable`, which only tries the code."""
    return 4 if request.config.getoption("benchmark_disable") else request.module.TURNS
