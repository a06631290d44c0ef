"""Measures data loaders. A command is run as `python -m bench.<command>`."""

import signal
import sys

if sys.argv[:1] == ["-m"]:
    # Such a command is about to begin, and imports for seconds: until it takes care of Ctrl-C itself, that
    # ends it without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
