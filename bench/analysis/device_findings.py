"""Device findings: where page-locked memory wins, and from which batch size on copies hide behind steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.naming import find_varied, list_knobs, name_cells
from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import compute_throughputs, find_sound

# The usual transfer of a training loop, from ordinary and from page-locked memory (`pin_memory`).
USUAL_TRANSFER = {"off": "blocking", "on": "non_blocking"}


@dataclass(frozen=True)
class PinningComparison:
    """Page-locked against ordinary memory, with everything else equal.

    Attributes:
        name: name of the two configurations without their memory.
        ratio: throughput from page-locked memory over that from ordinary memory, taken inside each block.
    """

    name: str
    ratio: Estimate

    @property
    def verdict(self) -> str:
        """`wins`, `loses`, `no difference` or `too few blocks`, for page-locked memory."""
        if self.ratio.low is None or self.ratio.high is None:
            return "too few blocks"
        if self.ratio.low > 1:
            return "wins"
        return "loses" if self.ratio.high < 1 else "no difference"


@dataclass(frozen=True)
class HiddenCopies:
    """Batch sizes at which the copies of an epoch are shorter than its steps.

    Attributes:
        name: name of the configurations without their batch size.
        batch_size: the smallest measured size from which on copies are shorter; None where they are longer
            at the largest one.
        sizes: all measured batch sizes, in ascending order.
    """

    name: str
    batch_size: int | None
    sizes: tuple[int, ...]


def compare_pinning(runs: pd.DataFrame, summary: pd.DataFrame) -> list[PinningComparison]:
    """Compare each pair of configurations that differ only in whether their memory is page-locked.

    Args:
        runs: rows of `runs.csv`.
        summary: their summary.
    """
    if "pin_memory" not in summary:
        return []
    speeds, sound = compute_throughputs(runs), find_sound(runs)
    pairs: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for line in _list_gpu_lines(summary):
        memory, transfer = line["pin_memory"], line["transfer"]
        if memory not in USUAL_TRANSFER or line["configuration"] not in sound:
            continue
        by_loop = transfer in USUAL_TRANSFER.values()
        key = _identify(line, summary, {"pin_memory": "", "transfer": "by the loop" if by_loop else transfer})
        # Where both transfers of a loop were measured, the usual one counts.
        if transfer == USUAL_TRANSFER[memory] or memory not in pairs.setdefault(key, {}):
            pairs.setdefault(key, {})[memory] = line
    found = []
    for pair in pairs.values():
        if len(pair) == len(USUAL_TRANSFER):
            on, off = (speeds.get(int(pair[memory]["configuration"]), {}) for memory in ("on", "off"))
            ratio = estimate(pair_ratios(on, off))
            if ratio is not None:
                leave = {"pin_memory"} | ({"transfer"} if pair["on"]["transfer"] == "non_blocking" else set())
                found.append(PinningComparison(_name(pair["on"], summary, leave), ratio))
    return found


def find_hidden_copies(summary: pd.DataFrame) -> list[HiddenCopies]:
    """Find the batch size from which on a copy can hide behind a step.

    Args:
        summary: lines of a sweep; only configurations measured at several batch sizes count.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in _list_gpu_lines(summary):
        if line["device_transfer_s"] > 0 and line["device_step_s"] > 0:
            groups.setdefault(_identify(line, summary, {"batch_size": ""}), []).append(line)
    found = []
    for lines in groups.values():
        if len(lines) < 2:
            continue
        ordered = sorted(lines, key=lambda line: int(line["batch_size"]))
        first: int | None = None
        for line in reversed(ordered):
            if line["device_transfer_s"] > line["device_step_s"]:
                break
            first = int(line["batch_size"])
        sizes = tuple(int(line["batch_size"]) for line in ordered)
        found.append(HiddenCopies(_name(lines[0], summary, {"batch_size"}), first, sizes))
    return found


def _list_gpu_lines(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(line) for _, line in summary[summary["device"] == "cuda"].iterrows()]


def _identify(line: dict[str, Any], summary: pd.DataFrame, instead: dict[str, str]) -> tuple[str, ...]:
    """Return the cells that tell a configuration from others, with some of them replaced."""
    names = ("family", *list_knobs(summary), "num_threads", "step", "loss", "cuda_graph")
    return tuple(instead.get(name, str(line[name])) for name in names)


def _name(line: dict[str, Any], summary: pd.DataFrame, leave: set[str]) -> str:
    """Name a configuration by the columns that vary, without some of them."""
    names = [name for name in find_varied(summary) if name not in {"family", "device", *leave}]
    return name_cells(line, ["family", *names])
