"""A clock for tunings in this process whose budget must not depend on how busy the machine is."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from bench import loader_tuning
from bench.runner.in_process import conclude, in_process_lab, trial_epoch

MODULES = (loader_tuning, conclude, in_process_lab, trial_epoch)


class TickingClock:
    """A clock that moves on at each reading, and as tests say.

    It begins at the time of time.monotonic and is faster, so real waits until a time on it are longer.

    Attributes:
        now_s: its time.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tick_s: float) -> None:
        """Give the clock to tunings.

        Args:
            monkeypatch: puts the real one back.
            tick_s: seconds that each reading takes.
        """
        self.now_s = time.monotonic()
        self._tick_s = tick_s
        clock = SimpleNamespace(monotonic=self.read, perf_counter=self.read)
        for module in MODULES:
            monkeypatch.setattr(module, "time", clock)

    def read(self) -> float:
        """Return the time."""
        self.now_s += self._tick_s
        return self.now_s
