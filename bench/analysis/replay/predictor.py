"""Predictor: what a change would gain, by replays of traced epochs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from bench.analysis.evidence import BlockEvidence, Evidence
from bench.analysis.replay.change import Change
from bench.analysis.replay.epoch_model import EpochModel, build_models
from bench.analysis.replay.ladder_times import read_ladder
from bench.analysis.replay.phase_rows import find_batch_s, find_batches, find_phase_rows
from bench.analysis.replay.queue_replay import ReplayInput
from bench.analysis.statistics import Estimate, estimate

# Error of the replayed present configuration up to which replays of others are trusted.
TRUSTED = 0.1
# The loader no longer matters from this share of the step's own throughput on; the same for fewer workers.
NEARLY_ALL = 0.98
# Steps of a bisection, each of which halves the logarithm of the factor between both ends.
BISECTIONS = 8
MOST_DOUBLINGS = 16


class Predictor:
    """Predicts the throughput of changed configurations by replays of the traced epochs.

    Each block is replayed by itself: as it is, and changed. Both replays rest on the same batches, so noise
    between blocks cancels out. A gain is that of a whole epoch of the training, which may be longer than the
    measured one.

    Attributes:
        evidence: what was measured.
    """

    def __init__(self, evidence: Evidence) -> None:
        """Read what was measured.

        Args:
            evidence: what was measured of one configuration.
        """
        self.evidence = evidence
        traces = [trace for block in evidence.blocks for trace in block.traces if trace.is_inside_known]
        transforms = len(traces[0].transforms) if traces else 0
        ladder = read_ladder((rung for block in evidence.blocks for rung in block.rungs), transforms)
        rows = [row for block in evidence.blocks for row in block.whole]
        self._is_steady = bool(find_phase_rows(rows, is_steady=True))
        found = {
            block.block: build_models(block, evidence.setup, ladder, is_steady=self._is_steady)
            for block in evidence.blocks
        }
        self._models = {block: models for block, models in found.items() if models}
        self._walls: dict[str, dict[int, float]] = {}

    @property
    def inputs(self) -> dict[int, list[ReplayInput]]:
        """The traced epochs of each block, as they are replayed; nothing where no inside is known."""
        return {
            block: [model.make_input(Change(), model.batches) for model in models]
            for block, models in self._models.items()
        }

    @property
    def basis(self) -> str:
        """Basis of the predictions in a few words, such as `replay of 240 batches`."""
        count = sum(model.batches for models in self._models.values() for model in models)
        return f"replay of {count:,} batches"

    @cached_property
    def error(self) -> float | None:
        """Throughput of the replayed present configuration over its measured one, minus 1.

        The median of the blocks. None where it can't be replayed, or where no block was measured as it is.
        """
        errors = [
            error
            for block in self.evidence.blocks
            if (error := self._find_error(block, self._models.get(block.block, []))) is not None
        ]
        return statistics.median(errors) if errors else None

    @property
    def is_trusted(self) -> bool:
        """True if the replay reproduces the present configuration within 10%."""
        return self.error is not None and abs(self.error) <= TRUSTED

    def predict(self, **changes: Any) -> Estimate | None:
        """Predict the throughput after a change, over the present one.

        The interval is that of the blocks, lengthened to both sides by the error of the replayed present
        configuration: a part of the epoch that the replay can't explain may vanish with the change, or stay.

        Args:
            changes: fields of Change.

        Returns:
            None where replays aren't trusted, or where the change makes no sense.
        """
        ratios = self.replay_ratios(**changes) if self.is_trusted else {}
        found = estimate([ratios[block] for block in sorted(ratios)])
        if found is None or found.low is None or found.high is None:
            return found
        reach = 1 + abs(self.error or 0.0)
        return Estimate(found.median, found.low / reach, found.high * reach, found.blocks)

    def predict_share(self, **changes: Any) -> Estimate | None:
        """Predict the share of an epoch's time that a change would save; negative for a loss.

        Args:
            changes: fields of Change.

        Returns:
            None where `predict` has no answer.
        """
        found = self.predict(**changes)
        if found is None:
            return None
        low, high = (None if end is None else 1 - 1 / end for end in (found.low, found.high))
        return Estimate(1 - 1 / found.median, low, high, found.blocks)

    def replay_ratios(self, **changes: Any) -> dict[int, float]:
        """Return the throughput after a change over the present one in each block, trusted or not.

        Args:
            changes: fields of Change.

        Returns:
            Nothing where no inside is known, or where the change makes no sense.
        """
        change = Change(**changes)
        if not self._makes_sense(change):
            return {}
        present, changed = self._replay_walls(Change()), self._replay_walls(change)
        return {block: wall_s / changed[block] for block, wall_s in present.items() if changed[block] > 0}

    def break_even_s(self, **changes: Any) -> float | None:
        """Return the step time from where on the loader no longer matters.

        From there on the throughput is within 2% of that of the step alone. The start and the end of an epoch
        don't count, as no step hides them. Such a step waits, as one on a GPU does; `step_cores` lets it keep
        cores busy. The block of the median pace is replayed.

        Args:
            changes: fields of Change, other than `step_s`.

        Returns:
            Seconds of a batch. None where replays aren't trusted, where the change makes no sense, where no
            step is long enough or an epoch has a single batch, or without workers, as loading and step then
            take turns.
        """
        change = Change(**changes)
        if not self.is_trusted or not self._makes_sense(change):
            return None
        if not change.count_workers(self.evidence.setup):
            return None
        walls = self._replay_walls(Change())
        middle = sorted(walls, key=lambda block: walls[block])[len(walls) // 2]
        model = self._models[middle][0]
        batches = self._count_batches(model)
        if batches < 2:
            return None

        def is_enough(step_s: float) -> bool:
            alone_s = batches * step_s
            running_s = model.replay_running(Change(**{**changes, "step_s": step_s}), batches)
            return alone_s >= NEARLY_ALL * running_s

        # No shorter step can hide the loading.
        low = 0.5 * model.replay_running(Change(**{**changes, "step_s": 0.0}), batches) / batches
        if low <= 0:
            return 0.0
        high = next((low * 2**power for power in range(1, MOST_DOUBLINGS) if is_enough(low * 2**power)), None)
        if high is None:
            return None
        low = max(low, high / 2)
        for _ in range(BISECTIONS):
            middle_s = math.sqrt(low * high)
            low, high = (low, middle_s) if is_enough(middle_s) else (middle_s, high)
        return high

    def best_workers(self, candidates: Iterable[int], **changes: Any) -> int | None:
        """Return the smallest number of workers that is within 2% of the best one.

        Args:
            candidates: numbers of workers.
            changes: fields of Change, other than `num_workers`.

        Returns:
            None where no candidate can be predicted.
        """
        gains: dict[int, float] = {}
        for workers in sorted(set(candidates)):
            found = self.predict(**{**changes, "num_workers": workers})
            if found is not None:
                gains[workers] = found.median
        best = max(gains.values(), default=0.0)
        return next((workers for workers, gain in gains.items() if gain >= NEARLY_ALL * best), None)

    def _makes_sense(self, change: Change) -> bool:
        return all(
            change.makes_sense(model.setup, model.times.names)
            for models in self._models.values()
            for model in models
        )

    def _replay_walls(self, change: Change) -> dict[int, float]:
        """Return the seconds of a whole epoch of the training after a change, by block."""
        key = repr(change)
        if key not in self._walls:
            self._walls[key] = {
                block: statistics.mean(
                    model.replay_wall(change, self._count_batches(model)) for model in models
                )
                for block, models in self._models.items()
            }
        return self._walls[key]

    def _count_batches(self, model: EpochModel) -> int:
        return max(1, self.evidence.setup.epoch_batches or model.batches)

    def _find_error(self, block: BlockEvidence, models: list[EpochModel]) -> float | None:
        rows = find_phase_rows(block.whole, is_steady=self._is_steady)
        measured_s = find_batch_s(rows)
        if not models or measured_s is None:
            return None
        batches = find_batches(rows, models[0].batches)
        replayed_s = statistics.mean(model.replay_wall(Change(), batches) for model in models) / batches
        return measured_s / replayed_s - 1
