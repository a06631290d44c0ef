"""EpochModel: one traced epoch, reduced to what any replay of it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.analysis.evidence import BlockEvidence, LoaderSetup
from bench.analysis.replay.batch_times import BatchTimes, read_batch_times
from bench.analysis.replay.change import CORES, OTHERS, STEP, TRANSFER, TRANSPORT, Change
from bench.analysis.replay.hand_times import ASSUMED, HandTimes, read_hand_times
from bench.analysis.replay.ladder_times import LadderTimes
from bench.analysis.replay.phase_rows import find_mean, find_phase_rows
from bench.analysis.replay.queue_replay import Replay, ReplayInput, replay_epoch
from bench.analysis.replay.start_times import StartTimes, find_start_times, read_start_times
from bench.analysis.replay.step_times import StepTimes, find_seen_s, read_step_times
from bench.records.batch_trace import BatchTrace

# Turns in which the step with a core is found from the step beside workers, which ends within 1%.
STEP_TURNS = 3
SAME_STEP = 0.01
# No more is laid to shared caches and memory; the rest is an error of the replay.
MOST_BESIDE = 4.0
# The same for delays; those below 1% of the loading don't matter, nor does a twentieth of any.
DELAY_TURNS = 4
LEAST_DELAY = 0.01
ENOUGH = 0.05
# An epoch is replayed for so many batches at least where the training has as many, and for so many rounds of
# full queues. More batches follow at the pace of these.
FEWEST_BATCHES, FEWEST_ROUNDS = 200, 8


@dataclass(frozen=True, eq=False)
class EpochModel:
    """One traced epoch, reduced to what any replay of it needs.

    Attributes:
        setup: the configuration.
        times: seconds of each batch inside a worker.
        hand: the way of batches.
        step: the step.
        starts: both ends of the epoch.
        cold_starts: both ends of the first epoch; None where none was traced.
        cores: cores that other processes leave to this training.
        seed: decides which batches are drawn for a longer epoch.
    """

    setup: LoaderSetup
    times: BatchTimes
    hand: HandTimes
    step: StepTimes
    starts: StartTimes
    cold_starts: StartTimes | None
    cores: float
    seed: int

    @property
    def batches(self) -> int:
        """Number of batches that were traced."""
        return len(self.times.is_first)

    def make_input(self, change: Change, batches: int) -> ReplayInput:
        """Return an epoch to replay.

        Args:
            change: what is changed.
            batches: number of its batches.
        """
        setup = self.setup
        workers = change.count_workers(setup)
        load_s, cpu_s = self.times.apply(change)
        if change.step_s is None:
            step_s, step_cores = self._find_step(change, float(load_s.mean()))
        else:
            step_s, step_cores = np.full(self.batches, change.step_s), change.step_cores or 0.0
        order = self._choose(change, batches)
        starts = find_start_times(change, setup, self.starts, self.cold_starts)
        hand = self._find_hand(change)
        cores = setup.cores if OTHERS in change.without else self.cores
        return ReplayInput(
            load_s=load_s[order] + hand.turn_s,
            cpu_s=cpu_s[order] + hand.turn_s,
            step_s=np.resize(step_s, batches),
            step_cores=step_cores,
            hand_s=hand.hand_s,
            num_workers=workers,
            prefetch_factor=change.find_prefetch_factor(setup) if workers else 0,
            in_order=change.is_in_order(setup),
            cores=np.inf if CORES in change.without else cores,
            start_s=starts.start_s,
            end_s=starts.end_s,
            latency_s=hand.latency_s,
            # It was timed beside busy workers and others, so it holds its waits for a core already.
            hand_cores=0.0,
            has_receiver=hand.has_receiver,
        )

    def replay_wall(self, change: Change, batches: int) -> float:
        """Return the seconds of an epoch of so many batches.

        Args:
            change: what is changed.
            batches: number of its batches, at least 1.
        """
        replayed, rest_s = self._replay(change, batches)
        return replayed.wall_s + rest_s

    def replay_running(self, change: Change, batches: int) -> float:
        """Return the seconds of an epoch from the arrival of its first batch to the end of its last step.

        Args:
            change: what is changed.
            batches: number of its batches, at least 1.
        """
        replayed, rest_s = self._replay(change, batches)
        return float(replayed.done_s[-1] - replayed.arrived_s[0]) + rest_s

    def _replay(self, change: Change, batches: int) -> tuple[Replay, float]:
        """Replay an epoch, a long one in part, and return the seconds of the rest at the pace of that."""
        in_flight = change.count_workers(self.setup) * change.find_prefetch_factor(self.setup)
        count = min(batches, max(self.batches, FEWEST_BATCHES, FEWEST_ROUNDS * in_flight))
        replayed = replay_epoch(self.make_input(change, count))
        if count == batches:
            return replayed, 0.0
        # Queues fill at the beginning, and drain at the end.
        first, last = count // 4, max(count // 2, count - 1 - in_flight)
        pace_s = float(replayed.done_s[last] - replayed.done_s[first]) / (last - first)
        return replayed, (batches - count) * pace_s

    def with_delays(self) -> EpochModel:
        """Return a copy that keeps as much of the workers' delays as a replay doesn't explain.

        Cores that are short explain delays, and a replay makes these itself. Others that come and go delay a
        worker too, though their mean leaves cores enough.
        """
        delayed_s = float(self.times.delayed_s.mean())
        if delayed_s <= LEAST_DELAY * float(self.times.load_s.mean()):
            return self
        seen_s = float(self.times.load_s.mean()) + delayed_s + self.hand.turn_s
        kept = 0.0
        for _ in range(DELAY_TURNS):
            found = replace(self, times=replace(self.times, kept=kept))
            replayed_s = float(replay_epoch(found.make_input(Change(), self.batches)).load_s.mean())
            more = (seen_s - replayed_s) / delayed_s
            if abs(more) < ENOUGH:
                break
            kept = min(1.0, max(0.0, kept + more))
        return replace(self, times=replace(self.times, kept=kept))

    def with_step_as_seen(self, seen_s: float) -> EpochModel:
        """Return a copy whose step takes as long in a replay as it was seen to, beside its workers.

        Args:
            seen_s: seconds of a mean step with its transfer.
        """
        found = self
        for _ in range(STEP_TURNS):
            replayed_s = float(replay_epoch(found.make_input(Change(), self.batches)).step_s.mean())
            if replayed_s <= 0 or abs(seen_s / replayed_s - 1) < SAME_STEP:
                break
            factor = seen_s / replayed_s
            step = found.step
            # The step alone stays what it is: a faster loader can't beat it.
            beside = min(MOST_BESIDE, max(1 / MOST_BESIDE, step.beside * factor))
            step = replace(step, beside=beside) if step.is_alone else step.scale(factor)
            found = replace(found, step=step)
        return found

    def _find_step(self, change: Change, load_s: float) -> tuple[np.ndarray, float]:
        """Return the seconds of each step with its transfer after a change, and the cores that it wants.

        Args:
            change: what is changed.
            load_s: seconds of a mean batch's loading after it.
        """
        step, without = self.step, {*change.without}
        now_s = float(self.times.load_s.mean())
        has_no_workers = self.setup.num_workers > 0 and not change.count_workers(self.setup)
        is_alone = has_no_workers or bool(without & {OTHERS, CORES})
        factor = step.find_factor(0.0 if is_alone or now_s <= 0 else load_s / now_s)
        step_s = np.zeros(self.batches)
        if STEP not in without:
            step_s = step_s + factor * step.step_s
        if TRANSFER not in without:
            step_s = step_s + factor * step.transfer_s
        return step_s, 0.0 if STEP in without else step.cores

    def _find_hand(self, change: Change) -> HandTimes:
        workers = change.count_workers(self.setup)
        # The sampler stays in the training process.
        order_s = self.hand.order_s
        if workers and TRANSPORT in change.without:
            return HandTimes(order_s, turn_s=self.hand.turn_s)
        if bool(workers) == bool(self.setup.num_workers):
            return self.hand
        return replace(ASSUMED, hand_s=ASSUMED.hand_s + order_s) if workers else HandTimes(order_s)

    def _choose(self, change: Change, batches: int) -> np.ndarray:
        """Return which traced batches make up an epoch, by their numbers.

        Each batch keeps its place. The first batches of new workers are those of the trace, as many as there
        are workers. Others are drawn for an epoch that starts no workers, and beyond the end of the traced
        one.
        """
        firsts, others = np.flatnonzero(self.times.is_first), np.flatnonzero(~self.times.is_first)
        if not len(firsts) or not len(others):
            firsts = others = np.arange(self.batches)
        workers = change.count_workers(self.setup)
        starts_workers = workers > 0 and not change.is_persistent(self.setup)
        count = min(workers, batches) if starts_workers and self.times.is_first.any() else 0
        order = np.random.default_rng(self.seed).choice(others, batches)
        kept = others[others < batches]
        order[kept] = kept
        order[:count] = np.resize(firsts, count)
        return order


def build_models(
    block: BlockEvidence, setup: LoaderSetup, ladder: LadderTimes, *, is_steady: bool
) -> list[EpochModel]:
    """Build the models of a block's traced epochs.

    Args:
        block: what the block has measured.
        setup: the configuration.
        ladder: what the ladder tells.
        is_steady: whether those of steady epochs; else those of cold ones.

    Returns:
        Nothing for a loader whose inside isn't known.
    """
    traces = [trace for trace in block.traces if trace.is_inside_known]
    cold = next((trace for trace in traces if trace.epoch == 0), None)
    first_rows = find_phase_rows(block.whole, is_steady=False)
    cold_starts = None if cold is None else read_start_times(cold, first_rows)
    return [
        _build_model(trace, block, setup, ladder, cold_starts)
        for trace in find_phase_traces(traces, is_steady=is_steady)
    ]


def find_phase_traces(traces: Sequence[BatchTrace], *, is_steady: bool) -> list[BatchTrace]:
    """Return the traces of steady epochs, or of cold ones; all where there are none of that phase."""
    return [trace for trace in traces if (trace.epoch > 0) == is_steady] or [*traces]


def _build_model(
    trace: BatchTrace,
    block: BlockEvidence,
    setup: LoaderSetup,
    ladder: LadderTimes,
    cold_starts: StartTimes | None,
) -> EpochModel:
    rows = find_phase_rows(block.whole, is_steady=trace.epoch > 0)
    taken = find_mean(row.other_cpu_share for row in rows) or 0.0
    # Some share is left to this training by any scheduler.
    cores = setup.cores * (1 - min(0.99, max(0.0, taken)))
    starts_workers = setup.num_workers > 0 and (trace.epoch == 0 or not setup.persistent_workers)
    model = EpochModel(
        setup=setup,
        times=read_batch_times(
            trace,
            ladder,
            cores=cores,
            in_order=setup.in_order or not setup.num_workers,
            starts_workers=starts_workers,
        ),
        hand=read_hand_times(trace, ladder, setup),
        step=read_step_times(trace, setup, block.step_alone, rows),
        starts=read_start_times(trace, rows),
        cold_starts=cold_starts,
        cores=cores,
        seed=block.block,
    )
    seen_s = find_seen_s(trace, setup, rows)
    return (model if seen_s is None else model.with_step_as_seen(seen_s)).with_delays()
