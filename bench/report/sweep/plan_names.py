"""Names of the configurations of a plan, before anything is measured."""

from __future__ import annotations

import pandas as pd

from bench.analysis.naming import make_labels
from bench.plan.plan import Plan


def name_configurations(plan: Plan, *, twins: bool) -> list[str]:
    """Return the name of each configuration of a plan; twins of an A/A check are told apart by A and B."""
    names: list[str] = make_labels(pd.DataFrame(plan.cells())).tolist()
    return [f"pair {n // 2 + 1}{'AB'[n % 2]}  {name}" for n, name in enumerate(names)] if twins else names
