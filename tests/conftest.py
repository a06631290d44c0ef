"""What all tests share."""

from __future__ import annotations

from multiprocessing.context import BaseContext

import pytest

from bench.process.forkserver import prepare_context
from bench.workloads.own import own_loader
from bench.workloads.script import script, script_inspection
from loaders import registry
from tests import fakes


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
