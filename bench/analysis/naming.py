"""Names of configurations: only what tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.ranking import WORK


def find_varied(summary: pd.DataFrame) -> list[str]:
    """The columns that tell the configurations of a sweep apart.

    What only says `none`, or nothing, where another column rules it out adds nothing: a prefetch where there
    are no workers, a loss where there is no step.
    """
    known = ["family", "device", "step", "loss", "cuda_graph", *knob_names(summary), "num_threads"]
    kept = [name for name in known if summary[name].nunique() > 1]

    def follows(name: str, other: str) -> bool:
        values = set(summary[name]) - {"none", ""}
        return len(values) < 2 and bool((summary.groupby(other)[name].nunique() == 1).all())

    # How batches are moved follows from the family and its memory, unless it was asked for.
    of = [name for name in ("family", "device", "pin_memory") if name in summary]
    if "transfer" in kept and (summary.groupby(of)["transfer"].nunique() == 1).all():
        kept.remove("transfer")
    for name in list(kept):
        if name not in ("family", "device", "step") and any(
            follows(name, other) for other in kept if other != name
        ):
            kept.remove(name)
    return kept


def split_names(summary: pd.DataFrame) -> tuple[list[str], list[str]]:
    """What tells apart kinds of work, and what tells apart the configurations that do the same work."""
    names = find_varied(summary)
    # Of what failed, nobody knows the shape of the samples.
    known = summary[summary["sample_shape"] != ""]
    groups = known.groupby(WORK, dropna=False)
    if len(groups) < 2:
        return [], names
    of_work = [name for name in names if name != "family" and (groups[name].nunique() == 1).all()]
    if not of_work or known.groupby(of_work).ngroups < len(groups):
        # Two resizes to one shape beside a third: the work is what was delivered, whatever the knob says.
        of_work = [name for name in WORK if known[name].nunique() > 1]
    return of_work, [name for name in names if name not in of_work]


def make_labels(summary: pd.DataFrame, names: Sequence[str] | None = None) -> pd.Series[str]:
    """What to call each configuration beside the others of its sweep: only what varies.

    names: the columns to make the names of, where it is not all that vary.
    """
    names = find_varied(summary) if names is None else names

    def label(line: pd.Series[str]) -> str:
        named = [f"{name}={line[name]}" for name in names if name != "family" and line[name] != ""]
        return " ".join([line["family"], *named] if "family" in names or not named else named)

    return summary.apply(label, axis=1)


def knob_names(summary: pd.DataFrame) -> list[str]:
    """The loader knobs among the columns of a summary."""
    names = list(summary.columns)
    return names[names.index("device") + 1 : names.index("num_threads")]
