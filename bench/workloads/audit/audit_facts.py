"""Facts of a loader that its audit needs, found out by running it off the clock."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from bench.workloads.audit.epochs_alone import run_alone
from bench.workloads.audit.worker_seeds import find_repeats
from loaders.spec.source_facts import SourceFacts


def add_audit_facts(
    facts: SourceFacts, loader: Any, params: Mapping[str, Any], batches: int | None = None
) -> SourceFacts:
    """Return the facts with those that the audit needs.

    Args:
        facts: what is known of the loader.
        loader: the user's DataLoader or another iterable.
        params: arguments of the function that made it.
        batches: number of batches after which an epoch ends; None for the loader's own end.
    """
    if not isinstance(loader, DataLoader):
        return facts
    try:
        if isinstance(loader.dataset, IterableDataset):
            alone = run_alone(loader, batches)
            return replace(facts, alone=replace(alone, params=tuple(params.items())))
        return replace(facts, repeats=find_repeats(loader)) if facts.same_samples is False else facts
    # A user's dataset may raise anything, and a trial will say so.
    except Exception:
        traceback.print_exc()
        return facts
