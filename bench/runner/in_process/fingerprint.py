"""Fingerprint: what must be the same for a remembered setting to hold."""

from __future__ import annotations

import hashlib
import inspect
import json
import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.machine.environment import find_cpu_name
from bench.runner.in_process.settings_grid import KNOBS
from loaders.data.length import find_length
from loaders.spec.turn_knobs import read_settings

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
TRANSFORMS = ("transform", "transforms", "target_transform")


def make_key(
    loader: DataLoader[Any],
    cores: int,
    knobs: Mapping[str, Sequence[Any]] | None,
    *,
    has_step: bool,
    ranks: int,
) -> str:
    """Return the key under which a setting is remembered: the machine and the loader.

    Args:
        loader: the user's DataLoader.
        cores: cores that this process may use.
        knobs: the user's own values.
        has_step: whether batches go through a step.
        ranks: number of training processes on this machine.
    """
    settings = read_settings(loader)
    parts = {
        "cpu": find_cpu_name(),
        "cores": cores,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": [torch.__version__, platform.python_version()],
        "dataset": _describe_code(type(loader.dataset)),
        "samples": find_length(loader.dataset),
        "transforms": [_describe(getattr(loader.dataset, name, None)) for name in TRANSFORMS],
        "sample": _describe_sample(loader),
        "sampler": [type(loader.sampler).__qualname__, type(loader.batch_sampler).__qualname__],
        "collate": _describe_code(loader.collate_fn),
        "drop_last": loader.drop_last,
        "settings": {name: getattr(settings, name) for name in KNOBS},
        "knobs": {name: list(values) for name, values in (knobs or {}).items()},
        "step": has_step,
        "ranks": ranks,
        "threads": torch.get_num_threads(),
    }
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _describe(value: object) -> str:
    """Return a value's text without addresses, which differ from run to run."""
    return ADDRESS.sub("", repr(value))


def _describe_code(value: Any) -> list[str]:
    """Return the name of a class or function, and a digest of its source where that is known."""
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', _describe(value))}"
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        source = ""
    return [name, hashlib.sha256(source.encode()).hexdigest()]


def _describe_sample(loader: DataLoader[Any]) -> str:
    """Return the form of the first sample; empty where there is none, or where it can't be asked for."""
    if isinstance(loader.dataset, IterableDataset):
        # To ask may use it up.
        return ""
    try:
        return _describe_form(loader.dataset[0])
    # A user's dataset may raise anything.
    except Exception:
        return ""


def _describe_form(value: Any) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, Mapping):
        return str({str(key): _describe_form(part) for key, part in value.items()})
    if isinstance(value, tuple | list):
        return str([_describe_form(part) for part in value])
    return type(value).__name__
