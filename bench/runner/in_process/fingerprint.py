"""Fingerprint: what must be the same for a remembered setting to hold."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import platform
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.utils.data import DataLoader, Dataset

from bench.machine.environment import find_cpu_name
from bench.runner.in_process.held_objects import list_held, read_attributes
from bench.runner.in_process.settings_grid import KNOBS
from bench.runner.in_process.start_method import find_start_method
from bench.text import remove_addresses
from loaders.data.length import find_length
from loaders.spec.turn_knobs import read_settings

TRANSFORMS = ("transform", "transforms", "target_transform")
# Their versions stand for their code.
KNOWN = ("builtins", "numpy", "torch")


def make_key(
    loader: DataLoader[Any],
    cores: int,
    knobs: Mapping[str, Sequence[Any]] | None,
    *,
    step: Callable[[Any], object] | None,
    ranks: int,
    sample: str,
) -> str:
    """Return the key under which a setting is remembered: the machine and the loader.

    Args:
        loader: the user's DataLoader.
        cores: cores that this process may use.
        knobs: the user's own values.
        step: takes each batch; None for none.
        ranks: number of training processes on this machine.
        sample: form of the first sample.
    """
    settings = read_settings(loader)
    _, *held = list_held(loader.dataset)
    datasets = [loader.dataset, *(one for one in held if isinstance(one, Dataset))]
    parts = {
        "cpu": find_cpu_name(),
        "cores": cores,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": [torch.__version__, platform.python_version()],
        "loader": _describe_code(type(loader)),
        "dataset": _describe_code(type(loader.dataset)),
        "held": _describe_held(loader.dataset),
        "samples": find_length(loader.dataset),
        "flags": [_list_flags(one) for one in datasets],
        "transforms": [_describe(getattr(one, name, None)) for one in datasets for name in TRANSFORMS],
        "sample": sample,
        "sampler": [type(loader.sampler).__qualname__, type(loader.batch_sampler).__qualname__],
        "collate": _describe_code(loader.collate_fn),
        "worker_init": _describe_code(loader.worker_init_fn),
        "drop_last": loader.drop_last,
        "settings": {name: getattr(settings, name) for name in KNOBS},
        "method": find_start_method(settings),
        "knobs": {name: list(values) for name, values in (knobs or {}).items()},
        "step": None if step is None else [_describe_code(step), _count_parameters(step)],
        "ranks": ranks,
        "threads": torch.get_num_threads(),
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _describe(value: object) -> str:
    """Return a value's text without addresses, which differ from run to run."""
    return remove_addresses(repr(value))


def _list_flags(dataset: Any) -> dict[str, bool | str]:
    """Return the flags and names that a dataset keeps, such as whether it augments.

    Numbers and paths are left out: a seed differs from run to run, and so may a job's folder.
    """
    return {
        str(name): value
        for name, value in read_attributes(dataset).items()
        if isinstance(value, bool) or (isinstance(value, str) and not {"/", os.sep} & set(value))
    }


def _describe_held(holder: object) -> list[list[str]]:
    """Return the classes and functions of what a dataset holds: other datasets, transforms, readers."""
    kinds: list[Any] = []
    for one in list_held(holder):
        if isinstance(one, FunctionType | type):
            kinds.append(one)
        elif isinstance(one, MethodType):
            kinds.append(one.__func__)
        elif callable(one) or hasattr(type(one), "__getitem__"):
            kinds.append(type(one))
    own = [kind for kind in dict.fromkeys(kinds) if kind.__module__.partition(".")[0] not in KNOWN]
    return sorted(_describe_code(kind) for kind in own)


def _describe_code(value: Any) -> list[str]:
    """Return the name of a class or function, and a digest of its source where that is the user's own."""
    if isinstance(value, MethodType):
        value = value.__func__
    named = value if hasattr(value, "__qualname__") else type(value)
    name = f"{named.__module__}.{named.__qualname__}{'' if named is value else _describe(value)}"
    try:
        is_installed = inspect.getfile(named).startswith(tuple(sysconfig.get_paths().values()))
        source = "" if is_installed else inspect.getsource(named)
    except (OSError, TypeError):
        source = ""
    return [name, hashlib.sha256(source.encode()).hexdigest()]


def _count_parameters(step: object) -> int:
    """Return the parameters of the models that a step holds or names."""
    held = list_held(step)
    for one in list(held):
        if isinstance(one, FunctionType):
            named = (one.__globals__.get(name) for name in one.__code__.co_names)
            held += [value for value in named if isinstance(value, nn.Module)]
    seen: set[int] = set()
    number = 0
    for one in held:
        if isinstance(one, nn.Module) and id(one) not in seen:
            seen.update(map(id, one.modules()))
            number += sum(part.numel() for part in one.parameters() if not is_lazy(part))
    return number
