"""Failed start: a command whose imports fail says so in one line, and leaves with exit code 2.

Libraries read variables as they are imported, and PYTHONPATH may name a folder with a user's queue.py. This
module uses modules that are loaded already, as any other could be the one that fails.
"""

import os
import sys
from types import TracebackType


def report_failed_start() -> None:
    """Let one line stand for the traceback of any exception until `end_start` is called."""
    sys.excepthook = _report


def end_start() -> None:
    """Let Python report exceptions again: from here on they are faults of ours."""
    if sys.excepthook is _report:
        sys.excepthook = sys.__excepthook__


def _report(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    lines = str(error).strip().splitlines() or [""]
    text = f"error: the command can't start: {kind.__name__}: {lines[0]}"
    if place is not None:
        text += f" ({place.tb_frame.f_code.co_filename}:{place.tb_lineno})"
    hiding = _find_hiding()
    if hiding:
        verb, them = ("hides", "it") if len(hiding) == 1 else ("hide", "them")
        text += f"; {', '.join(hiding)} {verb} Python's own: rename {them}, or change PYTHONPATH"
    if sys.stderr is not None:
        print(text, file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


def _find_hiding() -> list[str]:
    """Return the files of imported modules that bear the names of Python's own.

    Compiled ones are Python's. On Windows they lie in a folder of their own.
    """
    own = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
    modules = [sys.modules.get(name) for name in sorted(sys.stdlib_module_names)]
    files = [str(getattr(module, "__file__", None) or own) for module in modules]
    users = [file for file in files if file.endswith(".py") and not file.startswith(own)]
    # setuptools lends its distutils.
    return [file for file in users if "-packages" not in file]
