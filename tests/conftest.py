"""What all tests share."""

from __future__ import annotations

from multiprocessing.context import BaseContext

import pytest

from bench.process.forkserver import prepare_context
from loaders.registry import families


@pytest.fixture(scope="session")
def context() -> BaseContext:
    """Return the context whose processes are forked from this process's only server.

    A server is started once a process, and the first one decides what it has imported. So tests that measure
    trials in this process begin here, and none of their trials imports anything.
    """
    late = {module for family in families().values() for module in family.late_modules}
    workloads = ("own_loader", "script", "script_inspection")
    modules = ["loaders.registry", *(f"bench.workloads.{name}" for name in workloads), "tests.fakes"]
    return prepare_context([*modules, *sorted(late)])
