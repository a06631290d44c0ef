"""Start method: how workers are started, and whether the script is ready for it."""

from __future__ import annotations

import ast
import contextlib
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

from loaders.spec.source_facts import DataLoaderSettings


def find_start_method(settings: DataLoaderSettings) -> str:
    """Return how workers are started. The script can still choose it afterwards.

    Args:
        settings: settings of a DataLoader.
    """
    chosen = settings.multiprocessing_context or multiprocessing.get_start_method(allow_none=True)
    # The first one is the default.
    return chosen or multiprocessing.get_all_start_methods()[0]


@contextlib.contextmanager
def keep_start_method() -> Iterator[None]:
    """Let the script choose how processes are started after a `with` block, if it could before.

    The first worker settles that.
    """
    before = multiprocessing.get_start_method(allow_none=True)
    try:
        yield
    finally:
        if before is None:
            # The type hints lack what resets it.
            multiprocessing.set_start_method(None, force=True)


def runs_whole_script() -> bool:
    """Return whether a worker that isn't forked would run all of the script: it asks for `__name__` nowhere.

    The worker would train, too.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is None:
        return False
    try:
        tree = ast.parse(Path(script).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    comparisons = (node for node in ast.walk(tree) if isinstance(node, ast.Compare))
    names = (part.id for node in comparisons for part in ast.walk(node) if isinstance(part, ast.Name))
    return "__name__" not in names
