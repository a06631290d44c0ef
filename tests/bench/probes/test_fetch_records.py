"""Records of fetches: which ones belong to an epoch, and what is estimated of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bench.probes.fetch_records import read_records
from bench.probes.worker_tracer import FIELDS, SUFFIX, UNKNOWN


def write(folder: Path, worker: int, began_ns: int, rows: list[dict[str, int]], *, tail: bytes = b"") -> None:
    """Write what a process would, with one transform whose time stands under `transform`."""
    header = {"worker": worker, "pid": 1, "began_ns": began_ns, "start": None, "transforms": ["Flip"]}
    values = np.array([[row.get(name, 0) for name in (*FIELDS, "transform")] for row in rows], np.int64)
    body = json.dumps(header).encode() + b"\n" + values.tobytes() + tail
    (folder / f"{worker}-{began_ns}{SUFFIX}").write_bytes(body)


def test_records_of_the_epoch_only(tmp_path) -> None:
    """Those of passes before it, of a second pass inside of it, and half a record at the end are left out."""
    for began_ns in (50, 150, 170, 250):
        write(tmp_path, 1, began_ns, [{"task": 1, "begun_ns": began_ns}], tail=bytes(9))
    write(tmp_path, 0, 160, [{"task": 2, "begun_ns": 3}, {"task": 0, "begun_ns": 1}])
    records = read_records(tmp_path, 100, 200)
    delivered = records.pick(3)
    assert delivered is not None
    assert delivered.column("begun_ns").tolist() == [1, 150, 3]
    assert delivered.worker.tolist() == [0, 1, 0]
    assert [path.name for path in tmp_path.iterdir()] == [f"1-250{SUFFIX}"]


def test_records_that_are_missing(tmp_path) -> None:
    """No record stands for another: fewer than were delivered, another task, or a task that isn't known."""
    write(tmp_path, 0, 1, [{"task": 0}, {"task": 2}])
    records = read_records(tmp_path, 0, 9)
    assert records.pick(3) is None
    assert records.pick(2, [2, 1]) is None
    assert records.pick(2, [2]) is None
    swapped = records.pick(2, [2, 0])
    assert swapped is not None
    assert swapped.column("task").tolist() == [2, 0]
    write(tmp_path, 0, 1, [{"task": UNKNOWN}])
    assert read_records(tmp_path, 0, 9).pick(1) is None


def test_transforms_of_batches_that_were_not_timed(tmp_path) -> None:
    """As long for each sample as those that were, without the cold first batch and within the fetch."""
    known = [(2, 9_000, 5_000), (2, 1_000, 200), (3, 1_000, 300)]
    rows = [{"task": n, "samples": s, "fetched_ns": f, "transform": t} for n, (s, f, t) in enumerate(known)]
    for task, fetched_ns in ((3, 1_000), (4, 150)):
        rows.append({"task": task, "samples": 4, "fetched_ns": fetched_ns, "transform": UNKNOWN})
    write(tmp_path, 0, 1, rows)
    records = read_records(tmp_path, 0, 9).pick(5)
    assert records is not None
    assert records.transform_ns[:, 0].tolist() == [5_000, 200, 300, 400, 150]
