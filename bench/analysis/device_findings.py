"""What a sweep on a GPU says of transfers: where pinning wins, and from which batch size on copies hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.naming import find_varied, knob_names
from bench.analysis.statistics import Estimate, estimate, paired_ratios
from bench.analysis.throughputs import block_throughputs, find_sound

# How a loop moves batches itself, out of ordinary and out of page-locked memory, unless it is told otherwise.
BY_THE_LOOP = {"off": "blocking", "on": "non_blocking"}


@dataclass(frozen=True)
class PinningComparison:
    """Page-locked against ordinary memory, with everything else equal.

    name: what else tells the two from others. ratio: of their throughputs, block by block.
    """

    name: str
    ratio: Estimate

    @property
    def verdict(self) -> str:
        """`wins`, `loses`, or what keeps it from being said."""
        if self.ratio.low is None or self.ratio.high is None:
            return "too few blocks"
        if self.ratio.low > 1:
            return "wins"
        return "loses" if self.ratio.high < 1 else "no difference"


@dataclass(frozen=True)
class HiddenCopies:
    """Whether copies of an epoch are shorter than its steps, by batch size.

    name: what else tells these configurations from others. batch_size: from which on they are, of those
    measured; None where they aren't at the largest. sizes: all that were measured.
    """

    name: str
    batch_size: int | None
    sizes: tuple[int, ...]


def compare_pinning(runs: pd.DataFrame, summary: pd.DataFrame) -> list[PinningComparison]:
    """Each pair of configurations that differ in whether their memory is page-locked."""
    if "pin_memory" not in summary:
        return []
    speeds, sound = block_throughputs(runs), find_sound(runs)
    pairs: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for line in _on_gpu(summary):
        memory, transfer = line["pin_memory"], line["transfer"]
        if memory not in BY_THE_LOOP or line["configuration"] not in sound:
            continue
        by_loop = transfer in BY_THE_LOOP.values()
        key = _key(line, summary, {"pin_memory": "", "transfer": "by the loop" if by_loop else transfer})
        # Of two ways of the loop, the usual one.
        if transfer == BY_THE_LOOP[memory] or memory not in pairs.setdefault(key, {}):
            pairs.setdefault(key, {})[memory] = line
    found = []
    for pair in pairs.values():
        if len(pair) == len(BY_THE_LOOP):
            on, off = (speeds.get(int(pair[memory]["configuration"]), {}) for memory in ("on", "off"))
            ratio = estimate(paired_ratios(on, off))
            if ratio is not None:
                leave = {"pin_memory"} | ({"transfer"} if pair["on"]["transfer"] == "non_blocking" else set())
                found.append(PinningComparison(_name(pair["on"], summary, leave), ratio))
    return found


def find_hidden_copies(summary: pd.DataFrame) -> list[HiddenCopies]:
    """For what was measured with several batch sizes: from which on a copy can hide behind a step."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in _on_gpu(summary):
        if line["device_transfer_s"] > 0 and line["device_step_s"] > 0:
            groups.setdefault(_key(line, summary, {"batch_size": ""}), []).append(line)
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


def _on_gpu(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(line) for _, line in summary[summary["device"] == "cuda"].iterrows()]


def _key(line: dict[str, Any], summary: pd.DataFrame, instead: dict[str, str]) -> tuple[str, ...]:
    """What tells a configuration from others, with some of it left out or replaced."""
    names = ("family", *knob_names(summary), "num_threads", "step", "loss", "cuda_graph")
    return tuple(instead.get(name, str(line[name])) for name in names)


def _name(line: dict[str, Any], summary: pd.DataFrame, leave: set[str]) -> str:
    """What to call it: what varies in the sweep, but for what is left out."""
    names = [
        name for name in find_varied(summary) if name not in {"family", "device", *leave} and line[name] != ""
    ]
    return " ".join([line["family"], *(f"{name}={line[name]}" for name in names)])
