"""Results folders that are compared, for tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.records.results_folder import CEILINGS, ENVIRONMENT, RUNS
from bench.records.row import Row
from bench.records.runs_file import RunsFile

ENVIRONMENT_VALUES: dict[str, Any] = {
    "command": "python -m bench.sweep",
    "dataset": {"name": "synthetic:1000", "sha256": "ab" * 32},
    "machine": {"id": "12345678", "architecture": "x86_64", "cpu": "A CPU", "cores": 2, "cores_usable": 2.0},
    "gpu": None,
    "versions": {"python": "3.11.7", "torch": "2.14.1"},
    "torch": {"num_threads": 2, "start_method": "fork"},
    "variables": {},
}
# Ten blocks that deviate by about 1%.
WALLS = (1.0, 1.012, 0.991, 1.004, 0.985, 1.009, 0.997, 1.016, 0.989, 1.002)


def scaled(factor: float, walls: Iterable[float] = WALLS) -> list[float]:
    """Return the seconds of blocks that take so many times as long."""
    return [wall * factor for wall in walls]


def side(folder: Path, rows: list[Row], ceilings: list[Row] | None = None, **environment: Any) -> Path:
    """Write one side of a comparison, and return its folder.

    Args:
        folder: its folder.
        rows: its rows.
        ceilings: rows of its ceilings.
        environment: parts of environment.json that differ from those above; mappings are merged.
    """
    folder.mkdir()
    for name, lines in ((RUNS, rows), (CEILINGS, ceilings or [])):
        if lines:
            # At once: each writing waits for the disk.
            with RunsFile(folder / name, lines[0].knobs) as file:
                file.write_lines([line.cells() for line in lines])
    values = dict(ENVIRONMENT_VALUES)
    for name, value in environment.items():
        values[name] = {**values[name], **value} if isinstance(value, Mapping) else value
    (folder / ENVIRONMENT).write_text(json.dumps(values))
    return folder


def started(rows: list[Row], *, first_s: float, block_s: float) -> list[Row]:
    """Return rows whose trials start at regular times, block by block."""
    start = datetime(2026, 11, 27, 10)
    return [
        replace(
            row,
            started_at=(start + timedelta(seconds=first_s + block_s * row.block)).isoformat() + "+00:00",
        )
        for row in rows
    ]


def cut(folder: Path, lines: int) -> Path:
    """Leave so many rows in a folder's runs.csv, and return the folder."""
    path = folder / RUNS
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: lines + 1]))
    return folder
