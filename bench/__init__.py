"""Measures data loaders. A command is run as `python -m bench.<command>`."""

import signal
import sys

if sys.argv[:1] == ["-m"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Such a command is about to begin, and imports for seconds: until it takes care of Ctrl-C itself, that
    # ends it without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
