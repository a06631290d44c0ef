"""Fixtures of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of benchmarks."""
    # Where a small difference needs more turns than a module's own number.
    parser.addoption("--turns", type=int, help="turns of each benchmark")
    parser.addoption(
        "--rates", type=Path, metavar="FOLDER", help="folder for the rates of loaders that feed a GPU"
    )
    parser.addoption(
        "--rehearse-cuda", action="store_true", help="try benchmarks of a GPU on a simulated device"
    )


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    """Restore the number of torch's threads after each benchmark, which may set it."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread(restored_threads: None) -> None:
    """Set torch to one thread, as the wake-ups of a second one are noise."""
    torch.set_num_threads(1)


@pytest.fixture
def turns(request: pytest.FixtureRequest) -> int:
    """Return the module's number of turns, or a few with `--benchmark-disable`, which only tries the code."""
    if request.config.getoption("benchmark_disable"):
        return 4
    return request.config.getoption("turns", None) or request.module.TURNS
