"""Candidates: the configurations of a search space as reports and the policy need them."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.tuning.tuning import Candidate
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan


def describe_candidates(plan: Plan, names: Sequence[str]) -> tuple[Candidate, ...]:
    """Describe the configurations of a plan, of which the first one is the present one.

    Args:
        plan: the configurations.
        names: their names.
    """
    present = plan.configurations[0].cells()
    return tuple(
        Candidate(
            name=name,
            cells=configuration.cells(),
            changes={
                key: cell for key, cell in configuration.cells().items() if cell != present.get(key, "")
            },
            processes=1 + int(configuration.spec.knobs().get("num_workers") or 0),
        )
        for name, configuration in zip(names, plan.configurations, strict=True)
    )


def list_costs(
    configurations: Sequence[Configuration], candidates: Sequence[Candidate]
) -> list[tuple[float, ...]]:
    """Return what each configuration costs beside its time: processes, batches that wait, and changes."""
    return [
        (
            one.processes,
            (one.processes - 1) * float(configuration.spec.knobs().get("prefetch_factor") or 0),
            len(one.changes),
        )
        for configuration, one in zip(configurations, candidates, strict=True)
    ]
