"""StepCeilings: the step of the training alone, measured beside the fresh trials of a tuning."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.process.running_clock import read_running_s
from bench.runner.tuning.process_lab import ProcessLab
from bench.workloads.own.captured_batches import LONG_CAPTURE_S


@dataclass
class StepCeilings:
    """The step of each number of threads and each batch size alone, as `Ceilings` has it.

    Attributes:
        lab: runs the trials.
    """

    lab: ProcessLab
    _taken_s: dict[int, list[float]] = field(default_factory=dict)

    def measure(self, numbers: Sequence[int], block: int) -> None:
        """Measure the steps of some configurations alone, once in a fresh block. See `Ceilings`."""
        for place in self._list_places(numbers):
            began_s = read_running_s()
            self.lab.measure("confirm", place, block)
            self._taken_s.setdefault(place, []).append(read_running_s() - began_s)

    def estimate_s(self, numbers: Sequence[int]) -> float:
        """Return about how many seconds that takes."""
        return sum(self._estimate_s(place) for place in self._list_places(numbers))

    def bound(self, number: int) -> bool:
        """Return True if there is a step that bounds a configuration, measured or not."""
        return bool(self._list_places([number]))

    def _estimate_s(self, place: int) -> float:
        if taken_s := self._taken_s.get(place):
            return statistics.median(taken_s)
        look = self.lab.lengths.paces.find(0).look
        alone = replace(look, process_s=self.lab.process_s, ends_s=0.0, batch_s=look.step_s)
        return self.lab.foresee_s("confirm", place, alone) + self._estimate_capture_s(place)

    def _estimate_capture_s(self, place: int) -> float:
        """Return about how long the batches of a user's own loader take that the step is to train on."""
        part = self.lab.stages.get("confirm")
        if part is None or not isinstance(part.trials.runs[place].configuration.spec, OwnStepCeiling):
            return 0.0
        epoch_s = self.lab.lengths.paces.find(0).look.estimate_epoch_s(part.batches)
        return min(LONG_CAPTURE_S, epoch_s)

    def _list_places(self, numbers: Sequence[int]) -> list[int]:
        """Return the places of the steps that bound some configurations, in the fresh blocks."""
        part = self.lab.stages.get("confirm")
        runs = () if part is None else part.trials.runs
        return [
            place
            for place, run in enumerate(runs)
            if run.bounds is not None and not run.bounds.isdisjoint(numbers)
        ]
