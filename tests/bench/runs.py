"""Tables of rows as a sweep writes them, for tests of their readers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.records.results_folder import RUNS, read_runs
from bench.records.row import Row, list_fixed_columns
from bench.records.runs_file import RunsFile

# Every column after the identity and before the status.
MEASURED = list_fixed_columns()[list_fixed_columns().index("samples") : list_fixed_columns().index("status")]


def row(configuration: int = 0, block: int = 0, epoch: int = 1, **changes) -> Row:
    """Return an epoch of 1,000 samples in one second, of a loader with as many workers as its number."""
    complete = Row(
        configuration=configuration, baseline=0, family="torch_dataloader", dataset="synthetic:1000",
        device="cpu", knobs={"batch_size": "256", "resize": "none", "num_workers": str(configuration)},
        num_threads=2, step="analytic", loss="cross_entropy", block=block, position=0, epoch=epoch,
        samples=1000, batches=4, sample_shape="1x28x28", dtype="float32", wall_s=1.0, samples_per_s=1000.0,
        startup_s=0.05, time_to_first_batch_s=0.1, data_wait_s=0.5, data_wait_median_s=0.1,
        data_wait_p99_s=0.2, transfer_s=0.0, step_s=0.4, teardown_s=0.05, train_loss=0.7, cpu_s=1.5,
        peak_memory_bytes=2**28,
    )  # fmt: skip
    return replace(complete, **changes)


def timed(configuration: int, block: int, wall_s: float, **changes) -> Row:
    """Return a steady epoch of `wall_s` seconds, with its parts in proportion."""
    base = row(configuration, block)
    parts = ("wall_s", "startup_s", "time_to_first_batch_s", "data_wait_s", "step_s", "teardown_s")
    scaled = {name: getattr(base, name) * wall_s for name in parts}
    return replace(base, **scaled, samples_per_s=1000 / wall_s, **changes)


def blocks(configuration: int, walls: Iterable[float], **changes) -> list[Row]:
    """Return one steady epoch a block, of so many seconds."""
    return [timed(configuration, block, wall_s, **changes) for block, wall_s in enumerate(walls)]


def ceiling(kind: str, walls: Iterable[float], **changes) -> list[Row]:
    """Return rows of `ceilings.csv`: of the step alone, or of the reading alone."""
    number = {"step": 0, "read": 1}[kind]
    consumer = {} if kind == "step" else {"step": "none", "loss": None}
    return blocks(number, walls, family=f"{kind}_ceiling", **{**consumer, **changes})


def failed(configuration: int, block: int, status: str = "failed", error: str = "boom") -> Row:
    """Return a row without any measured value."""
    blank = dict.fromkeys(MEASURED)
    return row(configuration, block, **blank, status=status, error=error)


def written(folder: Path, rows: list[Row]) -> Path:
    """Write these rows into a folder's runs.csv, and return the folder."""
    folder.mkdir(exist_ok=True)
    with RunsFile(folder / RUNS, rows[0].knobs) as runs:
        for line in rows:
            runs.write(line)
    return folder


def table(folder: Path, rows: list[Row]) -> pd.DataFrame:
    """Write these rows, and return them as they are read back."""
    return read_runs(written(folder, rows))
