"""Fixtures of the benchmarks."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `--turns N` stand for a module's own number, where a small difference needs more of them."""
    parser.addoption("--turns", type=int, help="turns of each benchmark")


@pytest.fixture
def turns(request: pytest.FixtureRequest) -> int:
    """Return the module's number of turns, or a few with `--benchmark-disable`, which only tries the code."""
    if request.config.getoption("benchmark_disable"):
        return 4
    return request.config.getoption("turns", None) or request.module.TURNS
