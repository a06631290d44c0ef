"""ProbeFiles: ladder.csv and batches.csv, which hold all that was seen of a loader's inside."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

import numpy as np
from typing_extensions import Self

from bench.records.batch_trace import BatchTrace
from bench.records.csv_file import CsvFile
from bench.records.results_folder import BATCHES, LADDER
from bench.records.rung_time import RungTime

# Columns of ladder.csv with their meaning, as results/README.md prints it.
LADDER_COLUMNS = {
    "rung": "last stage that was run: `order`, `fetch`, `transform`, `collate`, `loader`, `transport`, "
    "`pinned` or `transfer`",
    "stage": "name of the transform; empty for another stage",
    "place": "place of the rung on the ladder, from 0",
    "block": "block, from 0",
    "batches": "batches that were timed",
    "samples": "their samples",
    "wall_s": "time of these batches",
    "cpu_s": "CPU seconds of the process and its workers in it",
    "epoch": "pass over this rung in its process, from 0",
    "startup_s": "time from `iter(loader)` until that time begins",
}
# Columns of batches.csv.
BATCH_COLUMNS = {
    "pilot": "change that was tried in short, as `num_workers=2`; empty for the configuration as it is",
    "block": "block, from 0",
    "epoch": "epoch in its process, from 0; the first one is cold",
    "batch": "number of the batch in the order of delivery, from 0",
    "worker": "worker that loaded it; -1 for the training process",
    "asked_s": "the training loop asks for it; this and the next six are seconds since the epoch began",
    "arrived_s": "it has arrived",
    "moved_s": "its transfer to the device is done",
    "done_s": "the step is done",
    "begun_s": "its worker begins to load it",
    "fetched_s": "its samples are there, transformed",
    "ended_s": "it is collated",
    "cpu_s": "CPU seconds of the loading thread",
    "delayed_s": "seconds in which that thread was ready and had no core",
    "transform_s": "seconds in each transform, as `ToTensor=0.0123; Normalize=0.0004`",
    "num_bytes": "bytes of the batch",
    "indices": "indices of its samples; empty save for the slowest twentieth of an epoch",
}
TIMES = ("asked_s", "arrived_s", "moved_s", "done_s", "begun_s", "fetched_s", "ended_s", "cpu_s", "delayed_s")
# Share of the batches of an epoch whose indices are kept: all of them would take more room than the rest.
SLOWEST_SHARE = 0.05


class ProbeFiles:
    """ladder.csv and batches.csv while they are written.

    Args:
        folder: results folder.

    Raises:
        ResultsError: the folder holds such files already.
        StorageError: a file can't be written.
    """

    def __init__(self, folder: Path) -> None:
        with ExitStack() as opened:
            self._ladder = opened.enter_context(CsvFile(folder / LADDER, [*LADDER_COLUMNS]))
            self._batches = opened.enter_context(CsvFile(folder / BATCHES, [*BATCH_COLUMNS]))
            self._opened = opened.pop_all()

    def write_rungs(self, rungs: Iterable[RungTime]) -> None:
        """Append a line for each rung. They are on disk when this returns.

        Raises:
            StorageError: they can't be written.
        """
        self._ladder.write_lines(
            {f.name: _format(getattr(rung, f.name)) for f in fields(rung)} for rung in rungs
        )

    def write_trace(self, trace: BatchTrace, block: int, pilot: str = "") -> None:
        """Append a line for each batch of an epoch. They are on disk when this returns.

        Args:
            trace: timeline of the epoch.
            block: block in which it was traced, from 0.
            pilot: change that was tried; default empty for the configuration as it is.

        Raises:
            StorageError: they can't be written.
        """
        self._batches.write_lines({"pilot": pilot, **line} for line in _make_lines(trace, block))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


def _make_lines(trace: BatchTrace, block: int) -> Iterator[dict[str, str]]:
    slow = _find_slow(trace)
    for number in range(trace.batches):
        indices = trace.indices[number] if number in slow and number < len(trace.indices) else ()
        num_bytes = trace.num_bytes[number] if number < len(trace.num_bytes) else math.nan
        yield {
            "block": str(block),
            "epoch": str(trace.epoch),
            "batch": str(number),
            "worker": str(int(trace.worker[number])),
            **{name: _format(float(getattr(trace, name)[number])) for name in TIMES},
            "transform_s": "; ".join(
                f"{name}={_format(float(seconds))}"
                for name, seconds in zip(trace.transforms, trace.transform_s[number], strict=True)
            ),
            "num_bytes": _format(float(num_bytes)),
            "indices": " ".join(map(str, indices)),
        }


def _find_slow(trace: BatchTrace) -> set[int]:
    """Return the numbers of the batches that took longest to load, or were waited for longest."""
    cost_s = np.nan_to_num(trace.load_s if trace.is_inside_known else trace.wait_s)
    count = math.ceil(SLOWEST_SHARE * len(cost_s))
    return {int(number) for number in np.argsort(cost_s)[len(cost_s) - count :]}


def _format(value: float | str) -> str:
    """Return a cell: nanoseconds of a number, and nothing for an unknown."""
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:.9g}"
