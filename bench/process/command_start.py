"""Command start: the first import of a command, as a user's module or a variable may break any other.

A command is about to begin while sys.argv[0] is -m or the script that pip has installed.
"""

import sys

from bench.process.current_folder import move_current_folder
from bench.process.failed_start import report_failed_start

_PROGRAM = sys.argv[0] if sys.argv else ""
_FILE = _PROGRAM.replace("\\", "/").rpartition("/")[2]
IS_COMMAND = _PROGRAM == "-m" or _FILE.partition(".")[0] == "loaderbench"

if IS_COMMAND:
    report_failed_start()
if _PROGRAM == "-m":
    move_current_folder()
