"""Write environment.json and config.toml, and compare the machine with that of a sweep that is resumed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.machine.environment import describe_environment
from bench.plan.prepared_sweep import PreparedSweep
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.runner.data_place import record_data
from bench.runner.resume import check_data, check_plan, find_differences
from bench.trial.workload import Workload


def record_environment(sweep: PreparedSweep, workload: Workload) -> list[str]:
    """Write environment.json and config.toml, or a note of the resumption into the first of a resumed sweep.

    Args:
        sweep: sweep whose folder is locked.
        workload: what it trains.

    Returns:
        Differences between the machine and versions of the first run and these; none for a new sweep.

    Raises:
        ResultsError: the sweep can't go on with these data, arguments or differences.
        StorageError: a file can't be written.
    """
    now = describe_environment(workload.name, workload.digest, sweep.options.command)
    path = sweep.folder / results_folder.ENVIRONMENT
    if not sweep.is_resumed:
        # Another sweep may have begun here before the folder was locked.
        results_folder.check_folder(sweep.folder)
        # A target's own place is the folder in which the sweep was started.
        place = sweep.options.data_dir if sweep.options.target is None else Path()
        now["dataset"]["folder"] = record_data(place, sweep.folder)
        results_folder.write_json(path, {**now, "sweep": describe_settings(sweep)})
        if sweep.options.config:
            results_folder.write_text(sweep.folder / results_folder.CONFIG, sweep.options.config)
        return []
    then = results_folder.read_environment(sweep.folder)
    check_data(then, workload.digest, "data" if sweep.options.target is None else "code")
    differences = find_differences(then, now)
    check_plan(then, sweep.plan.cells(), differences)
    if differences and not sweep.options.resume_anyway:
        raise ResultsError(
            f"{sweep.folder} was measured with {'; '.join(differences)}: the results may not be comparable; "
            "start a new sweep, or go on with --resume-anyway, which marks the rows"
        )
    again = {"started_at": now["started_at"], "commit": now["commit"], "others": differences}
    results_folder.write_json(path, {**then, "resumed": [*then.get("resumed", []), again]})
    return differences


def describe_settings(sweep: PreparedSweep) -> dict[str, Any]:
    """Return the settings of a sweep that its rows don't hold, for environment.json."""
    options = sweep.options
    return {
        **asdict(options.schedule),
        "budget_s": options.budget_s,
        "timeout_s": options.timeout_s,
        "memory_limit_bytes": options.memory_limit,
        "captured_bytes_at_most": sweep.captured_bytes,
        "aa_pairs": options.request.aa_pairs,
        "left_out": [{"configuration": name, "reason": reason} for name, reason in sweep.plan.dropped],
        "plan": sweep.plan.cells(),
    }


def find_recorded_threads(folder: Path | None) -> int | None:
    """Return torch's default number of threads when a sweep began.

    Args:
        folder: folder of the sweep that is resumed; None for a new sweep.

    Returns:
        Number of threads; None for a new sweep, or where it isn't recorded.
    """
    recorded = _find_recorded(folder, "torch", "num_threads")
    return None if recorded is None else int(recorded)


def find_recorded_cores(folder: Path | None) -> float | None:
    """Return the number of cores that processes could use when a sweep began.

    Args:
        folder: folder of the sweep that is resumed; None for a new sweep.

    Returns:
        Number of cores; None for a new sweep, or where it isn't recorded.
    """
    return _find_recorded(folder, "machine", "cores_usable")


def _find_recorded(folder: Path | None, part: str, name: str) -> float | None:
    """Return a number of environment.json; None without a folder, or where it isn't recorded."""
    if folder is None:
        return None
    recorded = results_folder.read_environment(folder).get(part, {}).get(name)
    return recorded if isinstance(recorded, int | float) else None
