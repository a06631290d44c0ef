"""Predictor: what a change would gain, by replays of traced epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bench.analysis.evidence import Evidence, PilotChange
from bench.analysis.replay.bases import Bases
from bench.analysis.replay.basis import Basis
from bench.analysis.replay.change import Change
from bench.analysis.replay.queue_replay import ReplayInput
from bench.analysis.statistics import Estimate, estimate
from bench.text import format_count

# Fewer workers are as good from this share of the best throughput on.
NEARLY_ALL = 0.98
# The loader no longer matters from this share of the step's own throughput on.
REACHED = 0.95
# Steps of a bisection, each of which halves the logarithm of the factor between both ends.
BISECTIONS = 8
MOST_DOUBLINGS = 16


class Predictor:
    """Predicts the throughput of changed configurations, by replays of traced epochs.

    A change is replayed from the configuration that is nearest to it: the present one, or one of those that
    were tried beside it. What workers bring along where there are none now, or what fewer threads do to the
    step, is measured there and not assumed. A replay only tells how a change differs from that configuration,
    whose own epochs were measured. Each block is predicted by itself, so noise between blocks cancels out.
    A gain is that of a whole epoch of the training, which may be longer than the measured one.

    Attributes:
        evidence: what was measured.
    """

    def __init__(self, evidence: Evidence) -> None:
        """Read what was measured.

        Args:
            evidence: what was measured of one configuration.
        """
        self.evidence = evidence
        self._bases = Bases(evidence)

    @property
    def inputs(self) -> dict[int, list[ReplayInput]]:
        """The traced epochs of each block, as they are replayed; nothing where no inside is known."""
        return {
            block: [model.make_input(Change(), model.batches) for model in models]
            for block, models in self._bases.present.models.items()
        }

    @property
    def error(self) -> float | None:
        """Throughput of the replayed present configuration over its measured one, minus 1.

        The median of the blocks. None where it can't be replayed, or where no block was measured as it is.
        """
        return self._bases.present.error

    @property
    def is_trusted(self) -> bool:
        """True if the replay reproduces the present configuration within 10%."""
        return self._bases.present.is_trusted

    def describe_basis(self, **changes: Any) -> str:
        """Return what a prediction rests on in a few words, such as `replay of 240 batches`.

        Args:
            changes: fields of Change.
        """
        change = Change(**changes)
        basis = self._bases.choose(change) or self._bases.present
        if self._bases.is_tried(basis, change):
            return _describe_trial(basis)
        beside = "" if basis.change is None else f" with {basis.change.name}"
        return f"replay of {format_count(basis.batches, 'batch')}{beside}"

    def describe_pilot(self, change: PilotChange) -> str:
        """Return what the gain of a configuration that was tried rests on, in a few words."""
        basis = self._bases.find_pilot(change)
        return "" if basis is None else _describe_trial(basis)

    @property
    def has_tried(self) -> bool:
        """True if any change was tried in short."""
        return bool(self._bases.pilots)

    @property
    def tried_threads(self) -> list[int]:
        """Numbers of torch's threads, other than the present one, whose effect is known."""
        return self._bases.tried_threads

    def predict(self, **changes: Any) -> Estimate | None:
        """Predict the throughput after a change, over the present one.

        The interval is that of the blocks. Where a replay was needed it is lengthened to both sides by the
        replay's error of the configuration that it starts from: a part of the epoch that the replay can't
        explain may vanish with the change, or stay.

        Args:
            changes: fields of Change.

        Returns:
            None where replays aren't trusted, or where the change makes no sense.
        """
        change = Change(**changes)
        basis = self._bases.choose(change)
        if basis is None:
            return None
        ratios = self._predict_ratios(basis, change)
        found = estimate([ratios[block] for block in sorted(ratios)])
        if found is None or found.low is None or found.high is None or self._bases.is_tried(basis, change):
            return found
        reach = 1 + abs(basis.error or 0.0)
        return Estimate(found.median, found.low / reach, found.high * reach, found.blocks)

    def predict_pilot(self, change: PilotChange) -> Estimate | None:
        """Return the throughput of a configuration that was tried, over the present one.

        Args:
            change: what was tried.

        Returns:
            None where it wasn't tried.
        """
        basis = self._bases.find_pilot(change)
        if basis is None:
            return None
        ratios = self._divide(basis.measure_walls(self._epoch_batches))
        return estimate([ratios[block] for block in sorted(ratios)])

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
        """Replay a change of the present configuration, trusted or not.

        Args:
            changes: fields of Change.

        Returns:
            The throughput after the change over the present one in each block; nothing where no inside is
            known, or where the change makes no sense.
        """
        change = Change(**changes)
        return self._predict_ratios(self._bases.present, change) if self._bases.makes_sense(change) else {}

    def break_even_s(self, **changes: Any) -> float | None:
        """Return the step time from where on the loader no longer matters.

        From there on the throughput is within 5% of that of the step alone. The start and the end of an epoch
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
        basis = self._bases.choose(change)
        if basis is None or not basis.is_trusted or not change.count_workers(self.evidence.setup):
            return None
        walls = basis.replay_walls(Change(), self._epoch_batches)
        middle = sorted(walls, key=lambda block: walls[block])[len(walls) // 2]
        model = basis.models[middle][0]
        batches = self._epoch_batches or model.batches
        if batches < 2:
            return None

        def replay(step_s: float) -> float:
            changed = basis.adapt(replace(change, step_s=step_s), self.evidence.setup)
            return model.replay_running(changed, batches)

        def is_enough(step_s: float) -> bool:
            return batches * step_s >= REACHED * replay(step_s)

        # No shorter step can hide the loading.
        low = 0.5 * replay(0.0) / batches
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

    @property
    def _epoch_batches(self) -> int | None:
        """Batches of an epoch of the training; None where that is what was measured."""
        return self.evidence.setup.epoch_batches

    def _predict_ratios(self, basis: Basis, change: Change) -> dict[int, float]:
        """Return the throughput after a change over the present one in each block."""
        batches = self._epoch_batches
        if basis is self._bases.present:
            present, changed = basis.replay_walls(Change(), batches), basis.replay_walls(change, batches)
            return {block: wall_s / changed[block] for block, wall_s in present.items() if changed[block] > 0}
        walls = basis.measure_walls(batches)
        if not self._bases.is_tried(basis, change):
            there = basis.replay_walls(Change(), batches)
            changed = basis.replay_walls(basis.adapt(change, self.evidence.setup), batches)
            walls = {block: walls[block] * changed[block] / wall_s for block, wall_s in there.items()}
        return self._divide(walls)

    def _divide(self, walls: Mapping[int, float]) -> dict[int, float]:
        """Return the throughput of epochs over the present one, in each block that has both.

        Both were traced, so what tracing takes cancels out.
        """
        present = self._bases.present.measure_walls(self._epoch_batches)
        return {
            block: present[block] / wall_s
            for block, wall_s in walls.items()
            if block in present and wall_s > 0
        }


def _describe_trial(basis: Basis) -> str:
    return f"a trial of {format_count(basis.batches, 'batch')}"
