"""Settings grid: the settings of a DataLoader that a tuning inside a training tries."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset

from bench.runner.in_process.start_method import find_start_method
from bench.text import join_words, suggest
from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import can_resize, read_settings

KNOBS = tuple(field.name for field in fields(DataLoaderSettings))
PREFETCH = 2
METHODS = ("fork", "forkserver", "spawn")


def list_settings(
    loader: DataLoader[Any], cores: int, knobs: Mapping[str, Sequence[Any]] | None, *, has_step: bool
) -> list[DataLoaderSettings]:
    """Return the settings to try, the present ones first.

    The number of workers of an iterable dataset may decide what it yields. So it stays as it is, unless the
    user names others.

    Args:
        loader: the user's DataLoader.
        cores: cores that this process may use.
        knobs: the only values to try of some settings; None for the usual ones of all.
        has_step: whether batches go through the user's step, where pinned memory shows its gain.

    Raises:
        ValueError: there is no such setting, or it takes no such value.
    """
    given = dict(knobs or {})
    _check_knobs(loader, given)
    present = read_settings(loader)
    axes: dict[str, Sequence[Any]] = {"num_workers": _list_workers(present.num_workers, cores)}
    if isinstance(loader.dataset, IterableDataset):
        axes["num_workers"] = (present.num_workers,)
    axes["prefetch_factor"] = sorted({PREFETCH, 2 * PREFETCH, present.prefetch_factor or PREFETCH})
    axes["persistent_workers"] = (False, True)
    if has_step and torch.cuda.is_available():
        axes["pin_memory"] = (False, True)
    axes.update(given)
    points = (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))
    kept = [point for point in points if "persistent_workers" in given or not _is_dominated(point)]
    found = [_normalise(replace(present, **point)) for point in kept]
    return list(dict.fromkeys([present, *found]))


def thin_out(settings: Sequence[DataLoaderSettings], most: int) -> list[DataLoaderSettings]:
    """Return fewer settings where trials of all would take too long.

    Deeper queues go first, and then workers that don't stay. Each number of workers is kept.

    Args:
        settings: the settings, the present ones first.
        most: number of settings above which some go.
    """
    present, *others = settings
    # The user's own values may leave a number of workers without settings of the first rank.
    least: dict[int, int] = {}
    for one in others:
        least[one.num_workers] = min(_rank(one), least.get(one.num_workers, 2))
    kept: list[DataLoaderSettings] = []
    for rank in range(3):
        tier = [one for one in others if _rank(one) - least[one.num_workers] == rank]
        if rank and len(kept) + len(tier) >= most:
            break
        kept += tier
    return [present, *(one for one in others if one in kept)]


def leave_out_persistent(settings: Sequence[DataLoaderSettings]) -> list[DataLoaderSettings]:
    """Return the settings without workers that stay, where the same ones that don't stay are there.

    A trial of workers that stay needs an epoch in which they start. Where batches take long, forking them in
    each epoch costs little beside.

    Args:
        settings: the settings, the present ones first.
    """
    present, *others = settings

    def has_twin(one: DataLoaderSettings) -> bool:
        return one.persistent_workers and replace(one, persistent_workers=False) in settings

    left = [one for one in others if not (has_twin(one) and find_start_method(one) == "fork")]
    return [present, *left]


def keep_few(settings: Sequence[DataLoaderSettings], most: int, cores: int) -> list[DataLoaderSettings]:
    """Return fewer settings where not even each number of workers can be tried.

    As many workers as cores come first, then twice as many, none, and one.

    Args:
        settings: the settings, the present ones first.
        most: number of settings beside the present ones.
        cores: cores that this process may use.
    """
    present, *others = settings
    firsts = [cores, 2 * cores, 0, 1]

    def place(one: DataLoaderSettings) -> tuple[int, int]:
        workers = one.num_workers
        return (firsts.index(workers) if workers in firsts else len(firsts), _rank(one))

    kept = sorted(others, key=place)[:most]
    return [present, *(one for one in others if one in kept)]


def find_cost(settings: DataLoaderSettings) -> tuple[float, ...]:
    """Return what settings cost beside time: workers, batches that wait, and workers that stay."""
    waiting = settings.num_workers * (settings.prefetch_factor or 0)
    return (settings.num_workers, waiting, settings.persistent_workers, settings.pin_memory)


def find_changes(settings: DataLoaderSettings, present: DataLoaderSettings) -> dict[str, Any]:
    """Return the settings that differ from the present ones, by PyTorch's names."""
    return {
        name: getattr(settings, name) for name in KNOBS if getattr(settings, name) != getattr(present, name)
    }


def name_changes(changes: Mapping[str, Any]) -> str:
    """Return settings in words, such as `num_workers=2 prefetch_factor=2`."""
    return " ".join(f"{name}={value}" for name, value in changes.items() if value is not None)


def _rank(settings: DataLoaderSettings) -> int:
    """Return how soon settings are left out: 2 before 1, and the least of a number of workers never."""
    if settings.num_workers and (settings.prefetch_factor or PREFETCH) != PREFETCH:
        return 2
    return int(settings.num_workers > 0 and not settings.persistent_workers)


def _list_workers(present: int, cores: int) -> list[int]:
    """Return numbers of workers: powers of two up to twice the cores, the cores and half as many more."""
    powers = [2**power for power in range(10) if 2**power <= 2 * cores]
    return sorted({0, *powers, cores, cores * 3 // 2, 2 * cores, present})


def _is_dominated(point: Mapping[str, Any]) -> bool:
    """Return whether a deeper queue would be tried without persistent workers, which hides no start."""
    return bool(
        point["num_workers"] and point["prefetch_factor"] != PREFETCH and not point["persistent_workers"]
    )


def _normalise(settings: DataLoaderSettings) -> DataLoaderSettings:
    """Return settings without what a DataLoader without workers refuses, and with PyTorch's default queue."""
    if settings.num_workers:
        return replace(settings, prefetch_factor=settings.prefetch_factor or PREFETCH)
    return replace(settings, prefetch_factor=None, persistent_workers=False, multiprocessing_context=None)


def _check_knobs(loader: DataLoader[Any], knobs: Mapping[str, Sequence[Any]]) -> None:
    """Check the user's own values.

    Raises:
        ValueError: there is no such setting, or it takes no such value.
    """
    for name, values in knobs.items():
        if name not in KNOBS:
            raise ValueError(
                f"knobs: {name!r} is no setting, expected {join_words(KNOBS)}{suggest(name, KNOBS)}"
            )
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise ValueError(f"knobs: {name} is {values!r}, expected a list of values")
        for value in values:
            if not is_allowed(name, value):
                raise ValueError(f"knobs: {name} can't be {value!r}")
    if "batch_size" in knobs and not can_resize(loader):
        raise ValueError("knobs: batch_size can't be varied, as the batches come from a sampler of your own")


def is_allowed(name: str, value: Any) -> bool:
    """Return whether a setting may have a value."""
    if name in ("pin_memory", "persistent_workers", "in_order"):
        return isinstance(value, bool)
    if name == "multiprocessing_context":
        return value is None or value in METHODS
    if name == "prefetch_factor" and value is None:
        return True
    return isinstance(value, int) and not isinstance(value, bool) and value >= (name != "num_workers")
