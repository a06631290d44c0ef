"""Schemas: files of older versions of this program, in the names of this one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pandas as pd

from bench.records.errors import ResultsError
from bench.records.row import SCHEMA, Row, list_fixed_columns
from bench.text import join_few, join_words

# Columns that a file of an older schema lacks, by the schema that brought them.
ADDED = {
    3: ("peak_anonymous_bytes",),
    4: ("resumed_with",),
    5: ("cuda_graph", "timed_by", "gpu_utilization", "gpu_memory_bytes"),
    6: ("build_s", "between_epochs_cpu_s"),
    7: ("audit",),
    8: ("late_s",),
}
READABLE = range(min(ADDED) - 1, SCHEMA + 1)
# Names that schema 6 changed, the older one first.
RENAMED_COLUMNS = {
    "mixing": "shuffle_quality",
    "peak_private_bytes": "peak_anonymous_bytes",
    "threads": "loader_threads",
    "prefetch": "prefetch_batches",
}
RENAMED_CELLS = {
    "step": {"closed_form": "analytic"},
    "family": {"step_alone": "step_ceiling", "read_alone": "read_ceiling", "bus_alone": "bus_ceiling"},
}


def upgrade(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Give a table of an older schema the columns and names of this one.

    A column that the older schema lacks holds its default, which says what every sweep of then did. Without a
    default it is unknown.

    Args:
        frame: cells as text.
        path: the file they come from, for an error to name it.

    Raises:
        ResultsError: A column is missing, or the schema is one that this version doesn't know.
    """
    schemas = set(frame["schema"]) if "schema" in frame.columns else set()
    if schemas - {str(schema) for schema in READABLE}:
        known = join_words([str(schema) for schema in READABLE])
        raise ResultsError(f"{path} has schema {', '.join(sorted(schemas))}; this version reads {known}")
    newest = max(map(int, schemas), default=min(READABLE))
    if newest < 6:
        frame = _rename(frame)
    if "schema" in frame.columns:
        defaults = {field.name: field.default for field in fields(Row) if isinstance(field.default, str)}
        added = [name for schema, names in ADDED.items() if schema > newest for name in names]
        absent = {name: defaults.get(name, "") for name in added if name not in frame.columns}
        frame = frame.assign(**absent)
        if "audit" in absent and "audited_share" in frame.columns:
            # Every audit of then was one by content.
            frame["audit"] = frame["audited_share"].map(lambda share: "content" if share else "")
    missing = [name for name in list_fixed_columns() if name not in frame.columns]
    if missing:
        raise ResultsError(f"{path} is not a sweep's file: it lacks the columns {join_few(missing)}")
    return frame


def _rename(frame: pd.DataFrame) -> pd.DataFrame:
    known = set(frame.columns)
    frame = frame.rename(columns={old: new for old, new in RENAMED_COLUMNS.items() if new not in known})
    cells = {name: frame[name].replace(its) for name, its in RENAMED_CELLS.items() if name in frame.columns}
    result: pd.DataFrame = frame.assign(**cells)
    return result
