"""Makes the server that trials are forked from ignore a terminal's signals, and find our packages.

It is the server's first import.

The sweep handles these signals. The server imports torch for seconds, in which a Ctrl-C would end it with a
traceback. The process that starts it blocks the signals until here.
"""

from __future__ import annotations

import signal

from bench.process.interrupts import TERMINAL_SIGNALS
from bench.process.search_path import prefer_own_packages

# PYTHONPATH may name a folder with a user's model.py or loaders.py.
prefer_own_packages()

for number in TERMINAL_SIGNALS:
    signal.signal(number, signal.SIG_IGN)
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINAL_SIGNALS)
