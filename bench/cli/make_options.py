"""Turn the values of the command line into SweepOptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.cli.option_groups import BLOCKS, EPOCHS, PRECISION_BUDGET_S, QUICK_BUDGET_S, STEADY_S
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from loaders.registry import all_knobs

REQUEST = ("family", "preset", "device", "step", "loss", "num_threads", "cuda_graph", "aa_pairs")
OTHERS = (
    "dataset", "data_dir", "mirror", "timeout_s", "memory_limit", "out", "name", "dry_run", "resume",
    "resume_anyway",
)  # fmt: skip


def make_options(values: Mapping[str, Any]) -> SweepOptions:
    """Turn the values of the command line into SweepOptions.

    Raises:
        click.UsageError: options contradict each other.
    """
    if values["resume_anyway"] and values["resume"] is None:
        raise click.UsageError("--resume-anyway: there is no --resume that it could be for")
    request = Request(
        knobs={name: values[name] for name in all_knobs() if values[name] is not None},
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
