"""StandInStep: a step on the CPU, in place of one that isn't known."""

from __future__ import annotations

import time
from typing import Any

import torch

# Side of the matrices: as large as small layers, so that all of torch's threads take part.
SIDE = 256
CALIBRATION_S = 0.02


class StandInStep:
    """A step that multiplies matrices with all of torch's threads.

    It is a fixed amount of work, so it takes longer where workers take its cores.
    """

    def __init__(self, seconds: float) -> None:
        """Find how many products take so long on idle cores.

        Args:
            seconds: length of the step.
        """
        # No random numbers are drawn.
        self._matrix = torch.full((SIDE, SIDE), 1 / SIDE, device="cpu")
        self._result = torch.empty(SIDE, SIDE, device="cpu")
        self._times = 1
        self(None)
        began_s = time.perf_counter()
        done = 0
        while (elapsed_s := time.perf_counter() - began_s) < CALIBRATION_S or not done:
            self(None)
            done += 1
        self._times = max(1, round(seconds * done / elapsed_s))

    def __call__(self, batch: Any) -> None:
        """Take a batch, and compute beside it."""
        del batch
        with torch.no_grad():
            for _ in range(self._times):
                torch.mm(self._matrix, self._matrix, out=self._result)
