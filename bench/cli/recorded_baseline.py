"""The baseline of a sweep as its results folder records it, for an explanation to measure it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bench.cli.explain_groups import list_subject_names
from bench.cli.resumed_command import list_typed, restore_recorded
from bench.cli.sweep_command import make_sweep_command
from bench.plan.sweep_options import SweepOptions
from bench.plan.worker_knobs import OF_WORKERS
from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT, read_environment, read_runs
from bench.workloads.script.script_file import SCRIPT_STEP
from bench.workloads.target.own_steps import name_length
from loaders.registry import all_knobs, families, own_families
from loaders.spec.knobs import format_value
from loaders.spec.own_loader_spec import PARAM


def restore_baseline(context: click.Context, values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the values that measure the baseline of a sweep again. Options that were typed come before it.

    Args:
        context: context of the explanation's command.
        values: values of its options.
        folder: results folder of the sweep.

    Raises:
        ResultsError: the folder holds no sweep that can be measured again.
        click.UsageError: the recorded command has options that this version doesn't know.
    """
    environment = read_environment(folder)
    given = {name: values[name] for name in list_typed(context, values) if name != "target"}
    recorded = restore_recorded(make_sweep_command(_keep), folder, environment, given.get("data_dir"))
    cells = _find_cells(folder, environment)
    if "step" in given or "step_ms" in given:
        recorded = {**recorded, "step": None, "step_ms": None}
        given = {"step": None, "step_ms": None, **given}
    knobs = {} if "family" in given else _restore_knobs(folder, cells)
    if "num_workers" in given:
        knobs = {name: value for name, value in knobs.items() if name not in OF_WORKERS}
    subject = {name: recorded[name] for name in list_subject_names()}
    return {**values, **subject, **_restore_consumer(recorded, cells), **knobs, **given}


def _keep(options: SweepOptions) -> SweepOptions:
    return options


def _find_cells(folder: Path, environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of the baseline in the sweep's plan."""
    plan = environment.get("sweep", {}).get("plan")
    number = int(read_runs(folder)["baseline"].min())
    try:
        return {str(name): str(cell) for name, cell in plan[number].items()}
    except (TypeError, IndexError, AttributeError, KeyError):
        raise ResultsError(
            f"{folder / ENVIRONMENT} doesn't say what configuration {number} is: measure by its target"
        ) from None


def _restore_knobs(folder: Path, cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the family of a configuration, and the value of each of its knobs."""
    family = cells.get("family", "")
    known = {**families(), **own_families()}
    if family not in known:
        raise ResultsError(f"{folder}: its baseline is of the family {family!r}, which isn't there any more")
    knobs: dict[str, Any] = {"family": (family,)}
    for name, knob in known[family].declared_knobs().items():
        if not (cell := cells.get(name, "")):
            continue
        try:
            knobs[name] = (knob.kind.parse(cell),)
        except ValueError:
            # A switch that the family has off by itself may stand as `none`.
            if cell != "none":
                raise ResultsError(
                    f"{folder}: its baseline has {name}={cell}, expected {knob.kind.allowed}"
                ) from None
    return {**dict.fromkeys(all_knobs()), **knobs}


def _restore_consumer(recorded: Mapping[str, Any], cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters, the device and the step of a configuration."""
    params = {
        name: tuple(value for value in given if format_value(value) == cells.get(f"{PARAM}{name}"))
        for name, given in recorded["params"].items()
    }
    found: dict[str, Any] = {
        "params": params,
        "num_threads": (int(cells["num_threads"]),),
        "cuda_graph": (cells.get("cuda_graph") == "on",),
    }
    step = cells["step"]
    if step == SCRIPT_STEP:
        return found
    is_wait = bool(recorded["step_ms"]) and step == name_length(recorded["step_ms"])
    return {
        **found,
        "device": (cells["device"],),
        "loss": (cells["loss"],) if cells.get("loss") else recorded["loss"][:1],
        "step": None if is_wait else (step,),
        "step_ms": recorded["step_ms"] if is_wait else None,
    }
