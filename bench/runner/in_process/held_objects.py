"""Held objects: what a dataset, a sampler or a transform holds in its attributes, lists and dicts."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import numpy as np
import torch

# How far objects are looked for. Transforms of transforms lie within.
DEEPEST, MOST_OBJECTS, LONGEST = 8, 2_000, 100
# They hold nothing of the dataset's own.
CLOSED = (type, ModuleType, torch.Tensor, np.ndarray, str, bytes, int, float)


def list_held(holder: object) -> list[object]:
    """Return an object and those that it holds, the nearest first. Long lists and data aren't looked into."""
    found: list[object] = []
    seen: set[int] = set()
    row = [(holder, 0)]
    while row and len(found) < MOST_OBJECTS:
        one, depth = row.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        if depth < DEEPEST:
            row.extend((part, depth + 1) for part in _list_parts(one))
    return found


def _list_parts(holder: object) -> list[object]:
    if isinstance(holder, CLOSED):
        return []
    if isinstance(holder, Mapping):
        return list(holder.values()) if len(holder) <= LONGEST else []
    if isinstance(holder, list | tuple):
        return list(holder) if len(holder) <= LONGEST else []
    return list(getattr(holder, "__dict__", {}).values())
