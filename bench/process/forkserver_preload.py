"""What the server that trials are forked from imports first: a terminal's signals are the sweep's business.

It imports torch for seconds, in which a Ctrl-C would be a traceback of its own. Until here they are held
back.
"""

from __future__ import annotations

import signal

from bench.process.interrupts import TERMINALS

for number in TERMINALS:
    signal.signal(number, signal.SIG_IGN)
if hasattr(signal, "pthread_sigmask"):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINALS)
