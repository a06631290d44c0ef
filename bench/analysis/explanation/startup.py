"""StartUp: time to the first batch, by cause, and what each epoch pays again."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from bench.analysis.evidence import Evidence
from bench.analysis.explanation.block_figures import BlockFigures
from bench.analysis.explanation.explanation import StartUp
from bench.records.batch_trace import BatchTrace
from bench.records.row import Row


def find_start_up(evidence: Evidence, blocks: Sequence[BlockFigures]) -> StartUp | None:
    """Return the time to the first batch, by cause.

    Traced first epochs tell the shares of the causes, on the path of the first batch: time in `iter(loader)`;
    then imports, unpickling and worker_init_fn of its worker, as far as they last longer; its loading; and
    the rest of its way. They divide the time to the first batch of epochs as they are.

    Args:
        evidence: everything that was measured.
        blocks: the figures of each block.

    Returns:
        None for a loader whose inside isn't known.
    """
    rows = [row for block in evidence.blocks for row in block.whole if row.status == "ok"]
    traces = [trace for one in blocks for trace in one.first_traces if trace.is_inside_known]
    first = _list_first_s(rows, is_cold=True)
    if not traces or not first:
        return None
    first_s = float(median(first))
    shares = np.median([_split_first(trace) for trace in traces], axis=0)
    whole = float(shares.sum())
    starting, importing, fetching, handing = (shares / whole if whole > 0 else shares) * first_s
    later = _list_first_s(rows, is_cold=False)
    return StartUp(
        first_s=first_s,
        each_epoch_s=float(median(later)) if later else _guess_later_s(evidence, first_s, float(fetching)),
        starting_s=float(starting),
        importing_s=float(importing),
        fetching_s=float(fetching),
        handing_s=float(handing),
        pickled_bytes=evidence.pickled_bytes,
        teardown_s=float(median(one.teardown_s for one in blocks)),
        pickling_s=_find_pickling_s(evidence, float(starting)),
    )


def _find_pickling_s(evidence: Evidence, starting_s: float) -> float:
    """Return the seconds of pickling for all workers, which the training process does one after another."""
    setup, once_s = evidence.setup, evidence.pickle_s
    if once_s is None or setup.multiprocessing_context not in ("spawn", "forkserver"):
        return 0.0
    return min(starting_s, setup.num_workers * once_s)


def _split_first(trace: BatchTrace) -> tuple[float, float, float, float]:
    """Return the seconds of starting, importing, fetching and handing on. They sum to the first arrival."""
    arrived_s = float(trace.arrived_s[0])
    marks = [0.0, trace.startup_s, float(trace.begun_s[0]), float(trace.ended_s[0]), arrived_s]
    known = [mark if not np.isnan(mark) else 0.0 for mark in marks]
    # Workers begin while others are still being created, so a mark may lie before the one above it.
    starting, importing, fetching, handing = np.diff(np.maximum.accumulate(np.minimum(known, arrived_s)))
    return float(starting), float(importing), float(fetching), float(handing)


def _list_first_s(rows: Sequence[Row], *, is_cold: bool) -> list[float]:
    return [
        row.time_to_first_batch_s
        for row in rows
        if row.time_to_first_batch_s is not None and (row.epoch == 0) == is_cold
    ]


def _guess_later_s(evidence: Evidence, first_s: float, fetching_s: float) -> float:
    """Return the time to the first batch of later epochs where none was measured."""
    starts_again = evidence.setup.num_workers > 0 and not evidence.setup.persistent_workers
    return first_s if starts_again else fetching_s
