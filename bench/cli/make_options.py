"""Turn the values of the command line into SweepOptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.cli.option_groups import (
    BLOCKS,
    EPOCHS,
    PRECISION_BUDGET_S,
    QUICK_BUDGET_S,
    STEADY_S,
)
from bench.cli.script_args import check_script
from bench.plan.grid import TRAINING_STEPS
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.workloads.script.script_file import SCRIPT_STEP
from bench.workloads.target.own_steps import name_length
from bench.workloads.target.target import FORMS
from loaders.registry import all_knobs
from loaders.spec.own_loader_spec import PARAM

REQUEST = ("family", "preset", "device", "loss", "num_threads", "cuda_graph", "aa_pairs")
OTHERS = (
    "dataset", "data_dir", "mirror", "timeout_s", "memory_limit", "out", "name", "dry_run", "resume",
    "resume_anyway", "target", "batches", "script_args", "pick",
)  # fmt: skip
# Options of pictures and of the model that trains on them.
OF_PICTURES = ("mirror", "learning_rate")


def make_options(values: Mapping[str, Any]) -> SweepOptions:
    """Turn the values of the command line into SweepOptions.

    Args:
        values: values of a sweep's options by their names; and `single`, if one configuration is asked for.

    Raises:
        click.UsageError: options contradict each other.
    """
    if values["resume_anyway"] and values["resume"] is None:
        raise click.UsageError("--resume-anyway: there is no --resume that it could be for")
    _check_target(values)
    is_script = check_script(values)
    knobs = {name: values[name] for name in all_knobs() if values[name] is not None}
    request = Request(
        knobs={**knobs, **{f"{PARAM}{name}": given for name, given in values["params"].items()}},
        step=(SCRIPT_STEP,) if is_script else _choose_steps(values),
        single=values.get("single", False),
        **{name: values[name] for name in REQUEST},
    )
    _check_aa(request, values)
    return SweepOptions(
        request=request,
        schedule=Schedule(
            blocks=values["blocks"] or BLOCKS,
            epochs=values["epochs"] or EPOCHS,
            seed=values["seed"],
            precision=values["precision"],
            learning_rate=values["learning_rate"],
            # An epoch of some milliseconds says little alone.
            steady_s=0.0 if values["epochs"] else STEADY_S,
        ),
        budget_s=values["budget_s"] or _choose_budget_s(request, values),
        **{name: values[name] for name in OTHERS},
    )


def resolve_values(values: Mapping[str, Any], options: SweepOptions) -> dict[str, Any]:
    """Return the values of the command line with the defaults that depend on other options.

    The number of epochs is left out: a default one is a lower bound.

    Args:
        values: values of a sweep's options by their names.
        options: options that were made of them.
    """
    request = options.request
    return {
        **values,
        "preset": request.effective_preset,
        "blocks": options.schedule.blocks,
        "budget_s": options.budget_s,
        "step": values["step"]
        or (None if values["step_ms"] or SCRIPT_STEP in request.step else request.step),
    }


def _check_target(values: Mapping[str, Any]) -> None:
    """Check that options of a target stand beside one, and those of pictures don't."""
    if values["target"] is not None:
        given = [name for name in OF_PICTURES if values[name] is not None]
        given += ["cuda_graph"] * (values["cuda_graph"] not in (None, (False,)))
        given += ["dataset"] * (values["dataset"] != "auto")
        if given:
            raise click.UsageError(f"--{given[0].replace('_', '-')}: it is for pictures, not for a target")
        return
    for name in ("params", "batches", "step_ms"):
        if values[name]:
            option = f"--{name.removesuffix('s') if name == 'params' else name.replace('_', '-')}"
            raise click.UsageError(f"{option}: there is no TARGET that it could be for")


def _choose_steps(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the steps that were asked for, or the usual ones."""
    steps: tuple[str, ...] | None = values["step"]
    if values["target"] is None:
        steps = steps or ("analytic",)
        if own := [step for step in steps if ":" in step]:
            raise click.UsageError(f"--step: {own[0]!r} is for a TARGET, and there is none")
        return steps
    lengths = (name_length(values["step_ms"]),) if values["step_ms"] else ()
    steps = (*(steps or ()), *lengths) or ("none",)
    if pictures := [step for step in steps if step in TRAINING_STEPS]:
        raise click.UsageError(f"--step: {pictures[0]!r} trains on pictures; with a target none or {FORMS}")
    return steps


def _check_aa(request: Request, values: Mapping[str, Any]) -> None:
    if not request.aa_pairs:
        return
    if values["precision"]:
        raise click.UsageError("--precision: an A/A check has a fixed number of --blocks")
    blocks = values["blocks"]
    if blocks is not None and blocks < FEWEST_BLOCKS:
        raise click.UsageError(f"--blocks: {blocks} give no interval, an A/A check needs {FEWEST_BLOCKS}")


def _choose_budget_s(request: Request, values: Mapping[str, Any]) -> float | None:
    if values["precision"] is not None:
        return PRECISION_BUDGET_S
    return QUICK_BUDGET_S if values["blocks"] is None and request.effective_preset == "quick" else None
