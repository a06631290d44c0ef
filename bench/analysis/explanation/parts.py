"""Parts: where the time of an epoch goes, in the training process and in a mean worker."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.block_figures import BlockFigures
from bench.analysis.explanation.explanation import Part
from bench.analysis.explanation.inside import StageTime, split_wait, split_workers
from bench.analysis.explanation.means import estimate_mean
from bench.records.batch_trace import BatchTrace
from bench.records.rung_time import LOADER

# (name, kind of the stage)
Key = tuple[str, str]


def find_parts(setup: LoaderSetup, blocks: Sequence[BlockFigures]) -> tuple[Part, ...]:
    """Return the parts of the training process and of a mean worker, each in the order of running.

    The parts of the training process come from the epochs as they are, untraced, and sum to their wall time.
    Without workers, traces split the waiting: their stages' shares of it are those of the untraced epochs.
    The parts of a worker come from traced epochs and sum to their wall time.

    Args:
        setup: the configuration.
        blocks: the figures of each block.
    """
    traces = [trace for figures in blocks for trace in _pick_known(figures)]
    shares = _find_wait_shares(traces) if setup.num_workers == 0 else {}
    training = [_split_training(setup, figures, shares) for figures in blocks]
    parts = _average("training", training, [figures.batch_s for figures in blocks])
    workers = [found for figures in blocks if (found := _split_mean_worker(setup, figures))]
    if workers:
        parts += _average("worker", workers, [math.fsum(seconds.values()) for seconds in workers])
    return tuple(parts)


def find_closure(setup: LoaderSetup, blocks: Sequence[BlockFigures]) -> float | None:
    """Return the sum of the parts of the training process over the wall time of the epochs as they are.

    Without workers, the waiting is the sum of the ladder's stages, which were timed without the step, or of
    those of traces where there is no ladder. With workers, it is that of traced epochs. The other parts are
    those of the epochs as they are; `other` is left out, as it is a difference to the wall time.

    Args:
        setup: the configuration.
        blocks: the figures of each block.

    Returns:
        The median of the blocks; None where the waiting was seen in no other process.
    """
    shares = []
    for figures in blocks:
        waiting_s = _measure_waiting_apart(setup, figures)
        if waiting_s is not None:
            known_s = figures.wall_s - figures.wait_s - figures.other_s
            shares.append((known_s + waiting_s * figures.batches) / figures.wall_s)
    return median(shares) if shares else None


def find_start_s(setup: LoaderSetup, figures: BlockFigures) -> float:
    """Return the seconds until the first batch that a batch in the middle of an epoch doesn't take.

    Args:
        setup: the configuration.
        figures: the figures of a block.
    """
    first_wait_s = figures.first_s - figures.startup_s
    load_s = find_typical_load_s(figures) if setup.num_workers else figures.typical_wait_s
    # A first batch has to be loaded in any case, and nothing loads it beforehand.
    return figures.startup_s + max(0.0, first_wait_s - (figures.typical_wait_s if load_s is None else load_s))


def find_loader_s(figures: BlockFigures) -> float | None:
    """Return the seconds that the loader alone takes for a mean batch of an epoch; None if unknown.

    The ladder times the first batches, which are whole. The last one of an epoch may not be, so times go by
    samples.

    Args:
        figures: the figures of a block.
    """
    rungs = [rung for rung in figures.rungs if rung.rung == LOADER]
    batches, samples = sum(rung.batches for rung in rungs), sum(rung.samples for rung in rungs)
    if not batches:
        return None
    batch_s = math.fsum(rung.wall_s for rung in rungs) / batches
    fullness = (figures.samples / figures.batches) / (samples / batches) if samples else 1.0
    return batch_s * fullness


def find_typical_load_s(figures: BlockFigures) -> float | None:
    """Return the median time of a batch's loading in a worker or the training process; None if unknown."""
    loads = [load for trace in _pick_known(figures) for load in trace.load_s if not math.isnan(load)]
    return float(median(loads)) if loads else None


def _split_training(
    setup: LoaderSetup, figures: BlockFigures, pooled: Mapping[Key, float]
) -> dict[Key, float]:
    """Return the seconds a batch of each part of the training process.

    Args:
        setup: the configuration.
        figures: the figures of a block.
        pooled: shares of the waiting of all blocks, for one without a trace; empty with workers.
    """
    start_s = find_start_s(setup, figures)
    wait_s = figures.wait_s - (start_s - figures.startup_s)
    seconds = {
        "start-up": start_s,
        "waiting": wait_s,
        "transfer": figures.transfer_s,
        "step": figures.step_s,
        "teardown": figures.teardown_s,
        "other": figures.other_s,
    }
    parts: dict[Key, float] = {}
    for name, epoch_s in seconds.items():
        if name == "waiting" and pooled:
            shares = _find_wait_shares(_pick_known(figures)) or pooled
            parts |= {key: share * epoch_s / figures.batches for key, share in shares.items()}
        else:
            parts[name, name] = epoch_s / figures.batches
    return parts


def _find_wait_shares(traces: Sequence[BatchTrace]) -> dict[Key, float]:
    sums = _sum_stages(traces, split_wait)
    whole_s = math.fsum(sums.values())
    return {key: seconds / whole_s for key, seconds in sums.items()} if whole_s > 0 else {}


def _split_mean_worker(setup: LoaderSetup, figures: BlockFigures) -> dict[Key, float]:
    """Return the seconds of each part of a mean worker, for each batch that it loads."""
    traces = _pick_known(figures)
    if not setup.num_workers or not traces:
        return {}

    def split(trace: BatchTrace) -> list[StageTime]:
        return split_workers(trace, setup.num_workers, setup.prefetch_factor or 2, setup.in_order)

    batches = sum(trace.batches for trace in traces)
    return {key: seconds / batches for key, seconds in _sum_stages(traces, split).items()}


def _measure_waiting_apart(setup: LoaderSetup, figures: BlockFigures) -> float | None:
    """Return the seconds a batch that the training waits, as other processes than the rows' have measured."""
    # The rung of the whole loader is the sum of the differences below it.
    loader_s = find_loader_s(figures)
    if loader_s is not None and setup.num_workers == 0:
        return loader_s
    if not figures.traces:
        return None
    waits = [float(trace.wait_s.sum()) for trace in figures.traces]
    if setup.num_workers == 0 and len(known := _pick_known(figures)) == len(figures.traces):
        waits = [*_sum_stages(known, split_wait).values()]
    return math.fsum(waits) / sum(trace.batches for trace in figures.traces)


def _sum_stages(
    traces: Sequence[BatchTrace], split: Callable[[BatchTrace], list[StageTime]]
) -> dict[Key, float]:
    sums: dict[Key, float] = {}
    for trace in traces:
        for stage in split(trace):
            key = (stage.name, stage.stage)
            sums[key] = sums.get(key, 0.0) + stage.epoch_s
    return sums


def _pick_known(figures: BlockFigures) -> list[BatchTrace]:
    return [trace for trace in figures.traces if trace.is_inside_known]


def _average(place: str, blocks: Sequence[Mapping[Key, float]], walls: Sequence[float]) -> list[Part]:
    """Return the mean of each part over blocks, and its share of the mean wall time."""
    # In the order of running: a block in which a trace failed has fewer names.
    fullest = max(blocks, key=len)
    wall_s = math.fsum(walls) / len(walls)
    parts = []
    for name, stage in fullest:
        values = [parts_of.get((name, stage), 0.0) for parts_of in blocks]
        mean = estimate_mean(values)
        parts.append(Part(name, place, mean, mean.median / wall_s if wall_s > 0 else 0.0, stage))
    return parts
