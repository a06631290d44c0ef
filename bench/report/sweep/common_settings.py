"""Settings that all configurations of a sweep share."""

from __future__ import annotations

import pandas as pd

from bench.analysis.naming import PARAM, list_knobs

# Knobs that some loaders lack. Their common value stands beside the names of the others.
OF_SOME = ("num_workers",)
# Columns whose common value is worth a word.
COMMON = ("dataset", "device", "batch_size", "resize", "num_workers", "step", "loss", "num_threads")


def find_common(summary: pd.DataFrame) -> list[str]:
    """Return the values that all configurations share, such as `batch_size=256`.

    An empty cell says that a family has no such knob: the value is followed by the families that have it.
    `none` says that nothing is changed.
    """
    found = []
    # Parameters of a user's own function stand before the step.
    params = [name for name in list_knobs(summary) if name.startswith(PARAM)]
    place = COMMON.index("step")
    for name in (*COMMON[:place], *params, *COMMON[place:]):
        values = set(summary[name].astype(str)) - {"", "nan"} if name in summary else set()
        # Without a step the loader runs alone.
        if len(values) == 1 and (values != {"none"} or name == "step"):
            value = next(iter(values))
            text = value if name in ("dataset", "device", "loss") else f"{name}={value}"
            found.append(f"{text}{_name_families(summary, name) if name in OF_SOME else ''}")
    return found


def _name_families(summary: pd.DataFrame, name: str) -> str:
    """Return the families that have a knob, such as ` (torch_dataloader)`; empty where all have it."""
    has_it = ~summary[name].astype(str).isin(["", "nan"])
    return "" if has_it.all() else f" ({', '.join(dict.fromkeys(summary.loc[has_it, 'family']))})"
