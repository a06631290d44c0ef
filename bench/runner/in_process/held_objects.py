"""Held objects: what a dataset, a sampler or a transform holds in its attributes, lists and dicts."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from multiprocessing.queues import Queue, SimpleQueue
from types import FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch

# How far objects are looked for. Transforms of transforms lie within, and the sockets of an HTTP client.
DEEPEST, MOST_OBJECTS, LONGEST = 12, 2_000, 100
# They hold nothing of the dataset's own. Queues are made for several processes.
CLOSED = (type, ModuleType, torch.Tensor, np.ndarray, str, bytes, int, float, Queue, SimpleQueue)
SEQUENCES: tuple[Any, ...] = (list, tuple, set, deque)


def list_held(holder: object) -> list[object]:
    """Return an object and those that it holds, the nearest first. Long lists and data aren't looked into."""
    found: list[object] = []
    seen: set[int] = set()
    row = deque([(holder, 0)])
    while row and len(found) < MOST_OBJECTS:
        one, depth = row.popleft()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        if depth < DEEPEST:
            row.extend((part, depth + 1) for part in _list_parts(one))
    return found


def read_attributes(holder: object) -> dict[str, Any]:
    """Return the attributes that an object keeps in its own dict, which can be changed; else a new dict."""
    try:
        attributes = holder.__dict__
    # A class may answer in its own way.
    except Exception:
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _list_parts(holder: object) -> list[object]:
    """Return what an object holds. No method of its class is called, as that could load or open something."""
    if isinstance(holder, CLOSED):
        return []
    return [
        *_list_items(holder),
        *_list_bound(holder),
        *read_attributes(holder).values(),
        *_list_slots(holder),
    ]


def _list_items(holder: object) -> list[object]:
    if isinstance(holder, dict):
        return list(dict.values(holder)) if dict.__len__(holder) <= LONGEST else []
    for kind in SEQUENCES:
        if isinstance(holder, kind):
            return list(kind.__iter__(holder)) if kind.__len__(holder) <= LONGEST else []
    return []


def _list_bound(holder: object) -> list[object]:
    """Return what a function, a method or a partial is called with."""
    if isinstance(holder, partial):
        return [holder.func, *holder.args, *holder.keywords.values()]
    if isinstance(holder, MethodType):
        return [holder.__self__]
    if isinstance(holder, FunctionType):
        return [*_list_cells(holder), *(holder.__defaults__ or ()), *(holder.__kwdefaults__ or {}).values()]
    return []


def _list_slots(holder: object) -> list[object]:
    kinds = [vars(kind) for kind in type(holder).__mro__ if "__slots__" in vars(kind)]
    slots = [slot for kind in kinds for slot in kind.values() if isinstance(slot, MemberDescriptorType)]
    parts: list[object] = []
    for slot in slots:
        # It may be empty.
        with suppress(AttributeError):
            parts.append(slot.__get__(holder))
    return parts


def _list_cells(function: FunctionType) -> list[object]:
    """Return the values of an enclosing function that a function uses."""
    parts: list[object] = []
    for cell in function.__closure__ or ():
        # It may be empty.
        with suppress(ValueError):
            parts.append(cell.cell_contents)
    return parts
