"""FailureWatch: tells why a process of a trial or a probe has failed."""

from __future__ import annotations

import re
from pathlib import Path

from bench.process.system_kills import count_system_kills
from bench.runner.error_diagnosis import explain_error
from bench.runner.trial_log import TrialLog
from bench.text import describe_error

# Beginning of an error without a known cause of a process that took too long.
LATE = "not done after"
# Errors of a process that may have been killed for lack of memory.
DEATH = re.compile(r"SIGKILL|killed by signal: Killed|exited unexpectedly")


class FailureWatch:
    """Watch over what a process prints, and over the processes that the system kills, from its start on."""

    def __init__(self, log: Path) -> None:
        """Begin to watch.

        Args:
            log: file that takes the text that the process prints.
        """
        self._kills = count_system_kills()
        self._printed = TrialLog(log)

    def explain(self, error: BaseException) -> str:
        """Return an error of the process in one line, with its cause and cure where they are known."""
        text = str(error) or describe_error(error)
        if count_system_kills() > self._kills and DEATH.search(text):
            text = f"out of memory: the system ended a process for it; {text}"
        return explain_error(text, self._printed.read())

    def explain_lateness(self, timeout_s: float) -> str:
        """Return that the process took too long, with the cause where it is known.

        Args:
            timeout_s: seconds that it had.
        """
        return explain_error(f"{LATE} {timeout_s:g} s", self._printed.read())
