"""Naming: short names for configurations, of the columns that tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.ranking import list_work

# Columns of parameters of a target's function begin with it. Its definition imports torch.
PARAM = "param."
# Cells that a name leaves out, where they aren't an empty one and `none`. A step of `none` is one of its own.
UNNAMED = {"step": ("",), "cuda_graph": ("", "off")}


def list_knobs(summary: pd.DataFrame) -> list[str]:
    """Return the loader knobs among the columns of a summary."""
    names = list(summary.columns)
    return names[names.index("device") + 1 : names.index("num_threads")]


def find_varied(summary: pd.DataFrame) -> list[str]:
    """Return the columns that tell the configurations of a sweep apart.

    A column is left out where another one determines it. For example, `prefetch_factor` is `none` exactly
    where there are no workers, and `loss` is empty exactly where there is no step. So is a knob that
    a `--param` sets.
    """
    known = ["family", "device", "step", "loss", "cuda_graph", *list_knobs(summary), "num_threads"]
    kept = [name for name in known if summary[name].nunique() > 1]

    def follows(name: str, other: str) -> bool:
        values = set(summary[name]) - {"none", ""}
        return len(values) < 2 and bool((summary.groupby(other)[name].nunique() == 1).all())

    # Family and memory determine the transfer, unless the user chose it.
    of = [name for name in ("family", "device", "pin_memory") if name in summary]
    if "transfer" in kept and (summary.groupby(of)["transfer"].nunique() == 1).all():
        kept.remove("transfer")
    for name in list(kept):
        if name not in ("family", "device", "step") and any(
            follows(name, other) for other in kept if other != name
        ):
            kept.remove(name)
    # A parameter of the user's function may set a knob, such as the batch size. The parameter's name stays.
    params = [name for name in kept if name.startswith(PARAM)]
    set_by_params = {
        name
        for name in set(list_knobs(summary)) & set(kept) - set(params)
        if any((summary.groupby(param)[name].nunique() == 1).all() for param in params)
    }
    return [name for name in kept if name not in set_by_params]


def split_names(summary: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Split the columns that vary into columns of the work and columns of the loader.

    Returns:
        The columns that tell kinds of work apart, and the columns that tell configurations of one kind apart.
    """
    names = find_varied(summary)
    # The shape of a failed configuration's samples is unknown.
    known = summary[summary["sample_shape"] != ""]
    work = list_work(summary.columns)
    groups = known.groupby(work, dropna=False)
    if len(groups) < 2:
        return [], names
    of_work = [name for name in names if name != "family" and (groups[name].nunique() == 1).all()]
    if not of_work or known.groupby(of_work).ngroups < len(groups):
        # Two resizes can deliver one shape. Then the delivered shape tells the work apart, not the knob.
        of_work = [name for name in work if known[name].nunique() > 1]
    return of_work, [name for name in names if name not in of_work]


def make_labels(summary: pd.DataFrame, names: Sequence[str] | None = None) -> pd.Series[str]:
    """Make the name of each configuration.

    A knob that a configuration leaves at its default `none` is left out of its name. So is one that it lacks,
    and a CUDA graph that it doesn't have.

    Args:
        summary: lines of a summary, or of a plan's cells.
        names: columns to make the names of; None for all that vary.
    """
    names = find_varied(summary) if names is None else names
    labels = _join(summary, names)
    if "family" not in names and (labels == "").any():
        labels = _join(summary, ["family", *names])
    return labels


def name_cells(line: Mapping[str, Any] | pd.Series, names: Sequence[str]) -> str:
    """Name a configuration by the cells of some columns, without those left at a default."""
    named = [
        line[name] if name == "family" else f"{name}={line[name]}"
        for name in names
        if line[name] not in UNNAMED.get(name, ("", "none"))
    ]
    return " ".join(named)


def _join(summary: pd.DataFrame, names: Sequence[str]) -> pd.Series[str]:
    return summary.apply(lambda line: name_cells(line, names), axis=1)
