"""What all tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest

from bench.process.forkserver import prepare_context
from bench.workloads.own import own_loader
from bench.workloads.script import script, script_inspection
from loaders import registry
from tests import fakes

# Files that take longest. They come first, so that processes that share the files end together.
LONGEST = (
    "test_cuda_sweep.py", "test_survival.py", "test_faults.py", "test_sweep.py", "test_contract.py",
    "test_fused_step.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, and leave the others in their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session", autouse=True)
def _temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests and their processes a folder for temporary files that is removed after the last test.

    Its path is short, as the path of a socket has at most 107 characters. Folders of `tmp_path` stay where
    pytest has them.
    """
    tmp_path_factory.getbasetemp()
    # The folder of multiprocessing's sockets lasts until this process ends, and is removed then.
    get_temp_dir()
    folder = tempfile.TemporaryDirectory(prefix="lb-", ignore_cleanup_errors=True)
    with folder as path, pytest.MonkeyPatch.context() as patch:
        # The sweep of another user has its folder in it.
        Path(path).chmod(0o711)
        patch.setenv("TMPDIR", path)
        patch.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _checkout() -> Iterator[None]:
    """Check that no test leaves a file in the checkout, such as a script that runs in the current folder."""
    root = Path(__file__).parents[1]
    before = set(root.iterdir())
    yield
    left = [path.name for path in set(root.iterdir()) - before if not path.name.startswith(".")]
    assert not left, f"tests left {', '.join(sorted(left))} in {root}"


@pytest.fixture(scope="session")
def context() -> BaseContext:
    """Return the context whose processes are forked from this process's only server.

    A server is started once a process, and the first one decides what it has imported. So tests that measure
    trials in this process begin here, and none of their trials imports anything.
    """
    # By their modules, as the server passes over a name that no longer exists.
    modules = (registry, own_loader, script, script_inspection, fakes)
    late = {module for family in registry.families().values() for module in family.late_modules}
    return prepare_context([*(module.__name__ for module in modules), *sorted(late)])
