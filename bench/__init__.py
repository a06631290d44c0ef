"""Measures data loaders. A command is run as `python -m bench.<command>`."""

import signal
import sys
from pathlib import Path

from bench.process.search_path import prefer_own_packages
from bench.process.temporary_folder import require_temporary_folder

# A command is about to begin: until then, sys.argv[0] is -m or the script that pip has installed.
if sys.argv[:1] == ["-m"] or Path(sys.argv[0] if sys.argv else "").stem == "loaderbench":
    prefer_own_packages()
    require_temporary_folder()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Imports take seconds. Until the command handles Ctrl-C itself, it ends without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
