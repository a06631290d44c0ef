"""Knobs that need workers, and follow their number."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from loaders.spec.knob_set import KnobSet

# Knobs that need workers. Without a value of their own they follow the number of workers.
OF_WORKERS = ("prefetch_factor", "persistent_workers", "multiprocessing_context", "in_order")


def reset_worker_knobs(spec: KnobSet) -> dict[str, Any]:
    """Return the knobs of a loader that need workers, with the family's default values.

    Args:
        spec: the loader.
    """
    return {field.name: field.default for field in fields(spec) if field.name in OF_WORKERS}
