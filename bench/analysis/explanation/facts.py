"""Facts: the means over blocks that the rules of the diagnosis compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.block_figures import BlockFigures, average_known
from bench.analysis.explanation.explanation import Part, Rung
from bench.analysis.explanation.inside import find_loading_wait_s, find_way_s
from bench.analysis.explanation.parts import find_loader_s, find_start_s
from bench.analysis.replay.predictor import Predictor
from bench.records.batch_trace import BatchTrace
from bench.records.rung_time import COLLATE, FETCH, ORDER, TRANSFORM, TRANSPORT

LOADING_STAGES = (FETCH, TRANSFORM, COLLATE)
# The way of a batch takes at most so many times what it takes alone. What is longer is no transport: the
# training process waits for a core that its workers keep busy.
TIMES_ALONE = 2.0


@dataclass(frozen=True)
class LoadStage:
    """Time that one stage of the loading takes.

    Attributes:
        name: its name, for a transform its own.
        stage: kind of the stage.
        key: its name in a change of a Predictor, such as `transform 2`.
        batch_s: seconds a batch, in the process that loads it.
    """

    name: str
    stage: str
    key: str
    batch_s: float


@dataclass(frozen=True)
class Facts:
    """Means over blocks. Times without another word are seconds a batch.

    Attributes:
        setup: the configuration.
        blocks: the figures of each block.
        predictor: predicts changes by replay.
        rungs: seconds of the ladder's stages, by their names.
        measured_s: length of a measured epoch.
        measured_batches: its batches.
        start_s: seconds an epoch until the first batch that a batch in its middle doesn't take.
        teardown_s: seconds of an epoch's end.
        steady_s: the epoch without its start and its end.
        wait_s: the training waits.
        way_s: it waits for a batch that a worker has loaded already.
        order_s: the sampler names the samples, in the training process.
        transfer_s: copies to the device.
        step_s: the step, in the epochs as they are.
        alone_s: the step alone; None where it wasn't measured.
        stages: stages of the loading; empty where they aren't known.
        idle_share: share of the workers' time in which they have nothing to load; None where unknown.
        cpu_s: CPU seconds of the loading; None where unknown.
        delayed_share: share of the loading's time in which it waits for a core; None where unknown.
        loader_s: the loader alone, with its workers and without a step; None where it wasn't measured.
    """

    setup: LoaderSetup
    blocks: tuple[BlockFigures, ...]
    predictor: Predictor
    rungs: dict[str, float]
    measured_s: float
    measured_batches: float
    start_s: float
    teardown_s: float
    steady_s: float
    wait_s: float
    way_s: float
    order_s: float
    transfer_s: float
    step_s: float
    alone_s: float | None
    stages: tuple[LoadStage, ...]
    idle_share: float | None
    cpu_s: float | None
    delayed_share: float | None
    loader_s: float | None

    @property
    def epoch_batches(self) -> float:
        """Batches of a whole epoch of the training, as far as they are known."""
        return self.setup.epoch_batches or self.measured_batches

    @property
    def epoch_s(self) -> float:
        """Length of a whole epoch of the training, at the pace of the measured one."""
        return self.start_s + self.teardown_s + self.epoch_batches * self.steady_s

    @property
    def load_s(self) -> float:
        """Seconds of a batch's loading in one process; 0 where it isn't known."""
        return math.fsum(stage.batch_s for stage in self.stages)

    @property
    def loading_s(self) -> float:
        """Seconds a batch that the training waits for the loading itself."""
        return self.wait_s - self.way_s

    @property
    def contention_s(self) -> float:
        """Seconds a batch that the step is slower beside busy workers than alone."""
        if self.alone_s is None or not self.setup.num_workers:
            return 0.0
        return max(0.0, self.step_s - self.alone_s)

    @property
    def has_step(self) -> bool:
        """True if the batches are trained on."""
        return self.setup.step != "none"

    @property
    def step_cores(self) -> float | None:
        """Cores that the step alone keeps busy; None where unknown."""
        cpu_s = self.find_mean(lambda one: one.alone_cpu_s)
        wall_s = self.find_mean(lambda one: one.alone_wall_s)
        return cpu_s / wall_s if cpu_s is not None and wall_s else None

    def find_share(self, batch_s: float) -> float:
        """Return the share of a whole epoch of some seconds a batch."""
        return batch_s * self.epoch_batches / self.epoch_s

    def find_saving(self, **changes: object) -> float | None:
        """Return the predicted share of a whole epoch that a change saves; None where it can't be told."""
        found = self.predictor.predict_share(**changes)
        return None if found is None else float(found.median)

    def find_mean(self, value_of: Callable[[BlockFigures], float | None]) -> float | None:
        """Return the mean of a value over the blocks that know it; None where none does."""
        return average_known([value_of(one) for one in self.blocks])


def gather_facts(
    setup: LoaderSetup,
    blocks: tuple[BlockFigures, ...],
    predictor: Predictor,
    parts: Sequence[Part],
    ladder: Sequence[Rung],
) -> Facts:
    """Gather the means over blocks.

    Args:
        setup: the configuration.
        blocks: the figures of each block.
        predictor: predicts changes by replay.
        parts: where the time of an epoch goes.
        ladder: what each stage costs.
    """

    def mean(value_of: Callable[[BlockFigures], float]) -> float:
        return math.fsum(value_of(one) for one in blocks) / len(blocks)

    batches = mean(lambda one: one.batches)
    measured_s = mean(lambda one: one.wall_s)
    start_s = mean(lambda one: find_start_s(setup, one))
    teardown_s = mean(lambda one: one.teardown_s)
    wait_s = (mean(lambda one: one.wait_s + one.startup_s) - start_s) / batches
    traces = [trace for one in blocks for trace in one.traces if trace.is_inside_known]
    rungs = {rung.name: rung.batch_s.median for rung in ladder}
    loading = [trace.load_s for trace in traces]
    return Facts(
        setup=setup,
        blocks=blocks,
        predictor=predictor,
        rungs=rungs,
        measured_s=measured_s,
        measured_batches=batches,
        start_s=start_s,
        teardown_s=teardown_s,
        steady_s=(measured_s - start_s - teardown_s) / batches,
        wait_s=wait_s,
        way_s=_find_way_s(setup, wait_s, traces, rungs),
        order_s=_find_order_s(parts, rungs),
        transfer_s=mean(lambda one: one.transfer_s) / batches,
        step_s=mean(lambda one: one.step_s) / batches,
        alone_s=average_known([one.alone_s for one in blocks]),
        stages=_find_stages(parts, ladder),
        idle_share=_find_idle_share(parts),
        cpu_s=_average([trace.cpu_s for trace in traces]),
        delayed_share=_divide_sums([_clip_delay_s(trace) for trace in traces], loading),
        loader_s=average_known([find_loader_s(one) for one in blocks]),
    )


def _find_stages(parts: Sequence[Part], ladder: Sequence[Rung]) -> tuple[LoadStage, ...]:
    """Return the stages of the loading: as traces have seen them where they work, else as the ladder has."""
    # Only workers and a training process that loads by itself have these parts.
    traced = [part for part in parts if part.stage in LOADING_STAGES]
    known: Sequence[Part | Rung] = traced or [rung for rung in ladder if rung.stage in LOADING_STAGES]
    found: list[LoadStage] = []
    for one in known:
        number = 1 + sum(stage.stage == TRANSFORM for stage in found)
        key = f"{TRANSFORM} {number}" if one.stage == TRANSFORM else one.stage
        found.append(LoadStage(one.name, one.stage, key, max(0.0, one.batch_s.median)))
    return tuple(found)


def _find_idle_share(parts: Sequence[Part]) -> float | None:
    return next((part.share for part in parts if part.name == "idle"), None)


def _find_order_s(parts: Sequence[Part], rungs: dict[str, float]) -> float:
    """Return the seconds of the sampler a batch: as traces without workers tell, else as the ladder does."""
    traced = next((part.batch_s.median for part in parts if part.name == ORDER), None)
    return max(0.0, rungs.get(ORDER, 0.0) if traced is None else traced)


def _find_way_s(
    setup: LoaderSetup, wait_s: float, traces: Sequence[BatchTrace], rungs: dict[str, float]
) -> float:
    """Return the seconds a batch that the training waits for a batch which a worker has loaded already."""
    if not setup.num_workers:
        return 0.0
    if not traces:
        # The way of batches that are there takes as long as this at least.
        return min(wait_s, max(0.0, rungs.get(TRANSPORT, 0.0)))
    way_s = sum(float(find_way_s(trace).sum()) for trace in traces)
    loading_s = sum(float(np.nansum(find_loading_wait_s(trace))) for trace in traces)
    share = way_s / (way_s + loading_s) if way_s + loading_s > 0 else 0.0
    # The sampler is asked for more batches on the same way.
    found_s = max(0.0, share * wait_s - max(0.0, rungs.get(ORDER, 0.0)))
    if (alone_s := rungs.get(TRANSPORT)) is None:
        return found_s
    return min(found_s, max(0.0, TIMES_ALONE * alone_s))


def _average(arrays: Sequence[np.ndarray]) -> float | None:
    values = np.concatenate(arrays) if arrays else np.empty(0)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def _clip_delay_s(trace: BatchTrace) -> np.ndarray:
    """Return the seconds without a core of each batch, shape (batches,).

    The system adds a wait for a core as it ends, which may be within the next batch. None is longer than what
    computing leaves of the loading.
    """
    most_s = np.maximum(trace.load_s - np.nan_to_num(trace.cpu_s), 0.0)
    clipped: np.ndarray = np.clip(trace.delayed_s, 0.0, most_s)
    return clipped


def _divide_sums(above: Sequence[np.ndarray], below: Sequence[np.ndarray]) -> float | None:
    if not above:
        return None
    over, under = np.concatenate(above), np.concatenate(below)
    known = ~(np.isnan(over) | np.isnan(under))
    whole = float(under[known].sum())
    return float(over[known].sum()) / whole if whole > 0 else None
