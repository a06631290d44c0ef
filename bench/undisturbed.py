"""What the server that trials are forked from imports first: the terminal's signals are the sweep's business.

It imports torch for seconds, in which a Ctrl-C would be a traceback of its own.
"""

from __future__ import annotations

import signal

TERMINALS = [getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)]

for number in TERMINALS:
    signal.signal(number, signal.SIG_IGN)
