"""The name of the GPU that trials ran on, from environment.json. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records import results_folder


def find_gpu_name(folder: Path) -> str:
    """Return the name of the GPU of a results folder; empty where there is none, or it isn't known.

    Args:
        folder: the results folder.

    Raises:
        ResultsError: environment.json is not what a sweep wrote.
    """
    if not (folder / results_folder.ENVIRONMENT).is_file():
        return ""
    return name_gpu(results_folder.read_environment(folder))


def name_gpu(environment: Mapping[str, Any]) -> str:
    """Return the name of the GPU, such as `NVIDIA H100 80GB HBM3, one of 8`; empty where it isn't known.

    Args:
        environment: content of environment.json.
    """
    gpu = environment.get("gpu") or {}
    name, count = str(gpu.get("name") or ""), gpu.get("count")
    several = isinstance(count, int) and count > 1
    return f"{name}, one of {count}" if name and several else name
