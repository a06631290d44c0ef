"""Feasibility: which configurations fit into this machine, told before any of them runs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine.check import ROOT
from bench.machine.memory import find_memory
from bench.machine.requirements import (
    FORKED_BYTES,
    FRESH_BYTES,
    LoaderSettings,
    Requirements,
    count_waiting_batches,
)
from bench.plan.configuration import Configuration
from bench.plan.infeasible import Infeasible
from bench.text import format_bytes

if sys.platform != "win32":
    import resource

# Share of what is free that a configuration may need. The rest is for others, and for errors of the estimate.
SHARE = 0.8
SHARED_MEMORY, MEMORY, OPEN_FILES = "/dev/shm", "memory", "open files"


@dataclass(frozen=True)
class Footprint:
    """Memory of a training and of its loader's workers, as short trials have shown it. None is unknown.

    Attributes:
        training_bytes: memory of the training process, without pages of files and of shared memory.
        worker_bytes: memory that a worker holds for itself, without such pages.
        method: start method of the workers that were measured.
        batch_bytes: bytes of a batch.
        object_bytes: bytes of the dataset's Python objects. A forked worker that reads them copies their
            pages, as it counts its references to them there (pytorch #13246).
        pickled_bytes: bytes that a worker which isn't forked gets pickled.
        kept_bytes: bytes of all samples, for a loader that keeps them in memory.
    """

    training_bytes: int | None = None
    worker_bytes: int | None = None
    method: str | None = None
    batch_bytes: int | None = None
    object_bytes: int | None = None
    pickled_bytes: int | None = None
    kept_bytes: int | None = None

    def estimate_worker_bytes(self, method: str) -> int:
        """Return the most that a worker holds for itself after an epoch.

        Args:
            method: its start method.
        """
        later_bytes = (self.object_bytes or 0) if method == "fork" else 0
        if method == self.method and self.worker_bytes is not None:
            return self.worker_bytes + later_bytes
        if method == "fork":
            return FORKED_BYTES + later_bytes
        return FRESH_BYTES + (self.pickled_bytes or 0)


@dataclass(frozen=True)
class Limit:
    """The most of one resource that a configuration may need.

    Attributes:
        amount: bytes, or a number of files.
        source: where the limit comes from, in words.
    """

    amount: int
    source: str


def find_limits(
    memory_limit: int | None = None, shm_limit: int | None = None, root: Path = ROOT
) -> dict[str, Limit]:
    """Return the limit of each resource that has one here.

    Args:
        memory_limit: bytes of memory that the user allows; default None for 80% of what is available.
        shm_limit: bytes of /dev/shm that the user allows; default None for 80% of what is free.
        root: root of the file system; default the real one.
    """
    limits: dict[str, Limit] = {}
    mount = root / "dev/shm"
    if shm_limit is not None:
        limits[SHARED_MEMORY] = Limit(shm_limit, "--shm-limit")
    elif sys.platform == "linux" and mount.is_dir():
        free = shutil.disk_usage(mount).free if os.access(mount, os.W_OK) else 0
        limits[SHARED_MEMORY] = Limit(int(SHARE * free), f"{SHARE:.0%} of the {format_bytes(free)} free")
    if memory_limit is not None:
        limits[MEMORY] = Limit(memory_limit, "--memory-limit")
    else:
        left = find_memory(root).available_bytes
        limits[MEMORY] = Limit(int(SHARE * left), f"{SHARE:.0%} of the {format_bytes(left)} available")
    if sys.platform != "win32":
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            limits[OPEN_FILES] = Limit(soft, "ulimit -n")
    return limits


def estimate_needs(
    configuration: Configuration, footprint: Footprint, estimate: Callable[[LoaderSettings], Requirements]
) -> dict[str, int]:
    """Return what a configuration needs of each resource: bytes, or a number of files.

    Args:
        configuration: the configuration.
        footprint: memory of its training and of its workers.
        estimate: returns what a DataLoader takes of the machine.
    """
    knobs = configuration.spec.knobs()
    settings = LoaderSettings.from_knobs(knobs)
    needs = estimate(settings)
    memory_bytes = 0
    if footprint.training_bytes is not None:
        memory_bytes = footprint.training_bytes + needs.shm_bytes
        method = settings.multiprocessing_context or multiprocessing.get_all_start_methods()[0]
        memory_bytes += settings.num_workers * footprint.estimate_worker_bytes(method)
        if knobs.get("pin_memory") and footprint.batch_bytes:
            memory_bytes += count_waiting_batches(settings) * _round_up_to_power(footprint.batch_bytes)
        if configuration.spec.family == "in_memory":
            memory_bytes += footprint.kept_bytes or 0
    found = {MEMORY: memory_bytes, OPEN_FILES: needs.open_files}
    return (
        {**found, SHARED_MEMORY: needs.shm_bytes + needs.shm_spare_bytes} if settings.num_workers else found
    )


def list_infeasible(
    needs: Sequence[Mapping[str, int]], names: Sequence[str], limits: Mapping[str, Limit]
) -> tuple[list[int], tuple[Infeasible, ...]]:
    """Return the numbers of configurations that don't fit, and why. The present one, number 0, runs already.

    Args:
        needs: what each configuration needs of each resource.
        names: their names.
        limits: limit of each resource.
    """
    numbers: dict[str, list[int]] = {}
    for number, needed in enumerate(needs):
        over = (name for name in (SHARED_MEMORY, MEMORY, OPEN_FILES) if _exceeds(needed, limits, name))
        if number and (resource_name := next(over, None)) is not None:
            numbers.setdefault(resource_name, []).append(number)
    found = tuple(
        Infeasible(
            tuple(names[number] for number in group),
            _describe(name, [needs[number][name] for number in group], limits[name]),
        )
        for name, group in numbers.items()
    )
    return sorted(number for group in numbers.values() for number in group), found


def _exceeds(needed: Mapping[str, int], limits: Mapping[str, Limit], name: str) -> bool:
    return name in limits and needed.get(name, 0) > limits[name].amount


def _describe(name: str, amounts: Sequence[int], limit: Limit) -> str:
    """Return what configurations need of a resource and what there is, in one sentence."""
    show = str if name == OPEN_FILES else format_bytes
    least, most = show(min(amounts)), show(max(amounts))
    needed = least if least == most else f"{least} to {most}"
    return f"{name}: they need {needed}, and {show(limit.amount)} may be taken ({limit.source})"


def _round_up_to_power(number: int) -> int:
    """Return the bytes of a page-locked block: a power of two (pytorch #150517)."""
    return 1 << max(0, number - 1).bit_length()
