"""Command start: the first import of a command, as a user's module or a variable may break any other.

While `python -m` imports the packages of a module, sys.argv[0] is -m. They may be those of a user's program,
which imports this package. A script that pip has installed has a name.
"""

import sys

from bench.process.current_folder import move_current_folder
from bench.process.failed_start import report_failed_start


def _is_module_of_ours() -> bool:
    """Return whether this process is `python -m bench.NAME`."""
    if sys.argv[:1] != ["-m"]:
        return False
    # Before its own arguments. It may be one word with the options, as in -mbench.sweep.
    word = sys.orig_argv[-len(sys.argv)]
    name = word.partition("m")[2] if word.startswith("-") else word
    return name.partition(".")[0] == "bench"


def _is_installed_script() -> bool:
    """Return whether this process is `loaderbench`."""
    file = (sys.argv[0] if sys.argv else "").replace("\\", "/").rpartition("/")[2]
    return file.partition(".")[0] == "loaderbench"


_IS_MODULE = _is_module_of_ours()
IS_COMMAND = _IS_MODULE or _is_installed_script()

if IS_COMMAND:
    report_failed_start()
if _IS_MODULE:
    move_current_folder()
