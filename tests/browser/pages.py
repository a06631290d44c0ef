"""Results folders for tests of pages in a browser."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import product
from pathlib import Path

from bench.records.row import Row
from bench.report.explain.explanation_file import write_explanation
from bench.report.sweep.conclusion_file import SavedConclusion, write_conclusion
from bench.report.tune.tuning_file import write_tuning
from tests.bench import runs
from tests.bench.report.explain.explanations import verified
from tests.bench.report.tune.tunings import make_infeasible

FAMILIES = ("torch_dataloader", "batched_dataloader", "tensor_slice", "memory_map", "stream")
WORKERS = ("0", "1", "2", "4", "8")
SIZES = ("64", "256")
CONTEXTS = ("fork", "spawn", "forkserver", "none")
# A name of a user's own that would run as a script, if it weren't escaped.
EVIL = "<img src=x onerror=\"document.title='broken'\">"
ENVIRONMENT = {
    "command": f"python -m bench.sweep '{EVIL}' --blocks 3",
    "started_at": "2026-11-27T10:00:00+00:00",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "dataset": {"name": EVIL, "sha256": "ab" * 32},
    "machine": {"cpu": "A CPU", "cores": 2, "cores_usable": 1.5, "memory_bytes": 2**34, "system": "Linux"},
    "gpu": None,
    "versions": {"python": "3.11.7", "torch": "2.14.1", "loaderbench": "0.1.0"},
    "torch": {"num_threads": 2, "start_method": "fork"},
    "variables": {},
    "sweep": {"left_out": [{"configuration": EVIL, "reason": "it can't work"}]},
}


def write_sweep(folder: Path) -> Path:
    """Write the results of a sweep of 200 configurations in two kinds of work, one of which failed."""
    draw = random.Random(0)
    rows: list[Row] = []
    steps: list[Row] = []
    combinations = list(product(SIZES, FAMILIES, WORKERS, CONTEXTS))
    for number, (size, family, workers, context) in enumerate(combinations):
        knobs = {
            "batch_size": size,
            "resize": "none",
            "num_workers": workers,
            "multiprocessing_context": context,
        }
        changes = {"family": family, "knobs": knobs, "dataset": EVIL}
        if number == len(combinations) - 1:
            rows.append(replace(runs.failed(number, 0, error=f"RuntimeError: {EVIL}"), **changes))
            continue
        speed = (1 + FAMILIES.index(family)) * (1 + int(workers) / 4) * draw.uniform(0.9, 1.1)
        walls = [10 / speed * draw.uniform(0.98, 1.02) for _ in range(3)]
        memory = int(2**28 * (1 + int(workers)) * draw.uniform(0.9, 1.1))
        quality = 0.8 if family == "stream" else 1.0
        rows += runs.blocks(number, walls, peak_memory_bytes=memory, shuffle_quality=quality, **changes)
    for size in SIZES:
        knobs = {"batch_size": size, "resize": "none"}
        steps += runs.ceiling("step", [0.3, 0.31, 0.3], knobs=knobs, dataset=EVIL)
    runs.written(folder, rows)
    ceilings = runs.written(folder / "ceilings", steps)
    (ceilings / "runs.csv").rename(folder / "ceilings.csv")
    ceilings.rmdir()
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    code = dict.fromkeys(range(len(combinations)), ("from a import b", "", f"b('</code>{EVIL}')"))
    write_conclusion(folder, SavedConclusion(code=code, notices=(f"Data are {EVIL}.",)))
    return folder


def write_explanation_folder(folder: Path) -> Path:
    """Write the explanation of a training, with nothing else that was measured."""
    folder.mkdir()
    cautious = replace(verified(), cautions=(f"The step failed: {EVIL}.",))
    write_explanation(folder, cautious)
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    return folder


def write_tuning_folder(folder: Path) -> Path:
    """Write a tuning of 200 candidates, with nothing else that was measured."""
    folder.mkdir()
    tuning = replace(
        make_infeasible(), name=EVIL, code=(f"a('</code>{EVIL}')",), cautions=(f"{EVIL} failed.",)
    )
    write_tuning(folder, tuning)
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    return folder
