"""Basis: a configuration that was traced, from which others are predicted."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from bench.analysis.evidence import BlockEvidence, LoaderSetup, Pilot, PilotChange
from bench.analysis.replay.change import Change
from bench.analysis.replay.epoch_model import EpochModel, build_models, find_phase_traces
from bench.analysis.replay.ladder_times import LadderTimes
from bench.analysis.replay.phase_rows import find_batch_s, find_batches, find_phase_rows
from bench.records.batch_trace import BatchTrace

# Error of the replay of a configuration that was measured, up to which replays of others are trusted.
TRUSTED = 0.1


@dataclass(frozen=True, eq=False)
class Basis:
    """A configuration that was traced, from which others are predicted.

    Attributes:
        setup: the configuration.
        change: what tells it from the present one; None for the present one itself.
        traces: its traced epochs of the phase that counts, by block.
        models: the same, ready to be replayed; empty for a loader whose inside isn't known.
        errors: throughput of the replay over the measured one, minus 1, by block.
    """

    setup: LoaderSetup
    change: PilotChange | None
    traces: Mapping[int, list[BatchTrace]]
    models: Mapping[int, list[EpochModel]]
    errors: Mapping[int, float]
    _walls: dict[str, dict[int, float]] = field(default_factory=dict)

    @cached_property
    def error(self) -> float | None:
        """Median of the errors; None where it can't be replayed."""
        return statistics.median(self.errors.values()) if self.errors else None

    @property
    def is_trusted(self) -> bool:
        """True if a replay reproduces the configuration within 10%."""
        return self.error is not None and abs(self.error) <= TRUSTED

    @property
    def batches(self) -> int:
        """Number of batches that were traced."""
        return sum(trace.batches for traces in self.traces.values() for trace in traces)

    def measure_walls(self, batches: int | None) -> dict[int, float]:
        """Return the seconds of a traced epoch, by block.

        Args:
            batches: batches of the epoch. A longer one goes on at the pace of the traced one, and begins and
                ends as that does. None for as many as were traced.
        """
        return {
            block: statistics.mean(_lengthen(trace, batches or trace.batches) for trace in traces)
            for block, traces in self.traces.items()
        }

    def replay_walls(self, change: Change, batches: int | None) -> dict[int, float]:
        """Return the seconds of a replayed epoch after a change, by block.

        Args:
            change: the change, from this basis on.
            batches: batches of the epoch; None for as many as were traced.
        """
        key = f"{batches} {change!r}"
        if key not in self._walls:
            self._walls[key] = {
                block: statistics.mean(
                    model.replay_wall(change, batches or model.batches) for model in models
                )
                for block, models in self.models.items()
            }
        return self._walls[key]

    def adapt(self, change: Change, present: LoaderSetup) -> Change:
        """Return a change of the present configuration as a change of this one."""
        if self.change is None:
            return change
        return replace(change, num_workers=change.count_workers(present), num_threads=None)

    def is_exactly(self, change: Change, present: LoaderSetup) -> bool:
        """Tell whether this is the present configuration after the change, which then is measured."""
        return self.adapt(change, present) == Change(num_workers=self.setup.num_workers)


def find_bases(
    blocks: tuple[BlockEvidence, ...], setup: LoaderSetup, ladder: LadderTimes, *, is_steady: bool
) -> Iterator[Basis]:
    """Yield the present configuration, and then each that was tried beside it.

    Args:
        blocks: what was measured.
        setup: the present configuration.
        ladder: what the ladder tells.
        is_steady: whether steady epochs count; else cold ones.
    """
    present = {block.block: build_models(block, setup, ladder, is_steady=is_steady) for block in blocks}
    errors = {
        block.block: error
        for block in blocks
        if (error := _find_error(block, present[block.block], is_steady=is_steady)) is not None
    }
    yield Basis(
        setup,
        None,
        {block.block: found for block in blocks if (found := _choose(block.traces, is_steady=is_steady))},
        {block: models for block, models in present.items() if models},
        errors,
    )
    changes = dict.fromkeys(pilot.change for block in blocks for pilot in block.pilots)
    for change in changes:
        yield _make_pilot_basis(change, blocks, setup, ladder, is_steady=is_steady)


def _make_pilot_basis(
    change: PilotChange,
    blocks: tuple[BlockEvidence, ...],
    setup: LoaderSetup,
    ladder: LadderTimes,
    *,
    is_steady: bool,
) -> Basis:
    tried = {block.block: pilot for block in blocks for pilot in block.pilots if pilot.change == change}
    changed = next(iter(tried.values())).setup
    models = {}
    errors = {}
    for block in blocks:
        pilot = tried.get(block.block)
        if pilot is None:
            continue
        found = build_models(_look_at(pilot, block, setup), changed, ladder, is_steady=is_steady)
        if not found:
            continue
        models[block.block] = found
        measured_s = statistics.mean(trace.wall_s for trace in _choose(pilot.traces, is_steady=is_steady))
        replayed_s = statistics.mean(model.replay_wall(Change(), model.batches) for model in found)
        errors[block.block] = measured_s / replayed_s - 1
    traces = {block: _choose(pilot.traces, is_steady=is_steady) for block, pilot in tried.items()}
    return Basis(changed, change, traces, models, errors)


def _look_at(pilot: Pilot, block: BlockEvidence, present: LoaderSetup) -> BlockEvidence:
    """Return a block as if the pilot were the configuration that it has measured.

    Its own epochs are those that were traced. The step alone is the same with the same threads.
    """
    alone = block.step_alone if pilot.setup.num_threads == present.num_threads else ()
    return BlockEvidence(block.block, (), step_alone=alone, traces=pilot.traces)


def _choose(traces: tuple[BatchTrace, ...], *, is_steady: bool) -> list[BatchTrace]:
    return find_phase_traces([trace for trace in traces if trace.batches], is_steady=is_steady)


def _lengthen(trace: BatchTrace, batches: int) -> float:
    """Return the seconds of an epoch with so many batches, which begins and ends as the traced one."""
    if trace.batches < 2:
        return trace.wall_s * batches / trace.batches
    ends_s = float(trace.arrived_s[0]) + trace.teardown_s
    return ends_s + (trace.wall_s - ends_s) * batches / trace.batches


def _find_error(block: BlockEvidence, models: list[EpochModel], *, is_steady: bool) -> float | None:
    rows = find_phase_rows(block.whole, is_steady=is_steady)
    measured_s = find_batch_s(rows)
    if not models or measured_s is None:
        return None
    batches = find_batches(rows, models[0].batches)
    replayed_s = statistics.mean(model.replay_wall(Change(), batches) for model in models) / batches
    return measured_s / replayed_s - 1
