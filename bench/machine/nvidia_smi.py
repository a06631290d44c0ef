"""nvidia-smi: the command that comes with NVIDIA's driver, where its library can't be asked."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from bench.process.timed_command import run_timed

# Facts of a GPU: the command's name of each, and its type.
QUERIES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "driver": ("driver_version", str),
    "power_limit_w": ("enforced.power.limit", float),
    "max_sm_mhz": ("clocks.max.sm", int),
    "pcie_generation": ("pcie.link.gen.gpucurrent", int),
    "max_pcie_generation": ("pcie.link.gen.max", int),
    "pcie_width": ("pcie.link.width.current", int),
    "max_pcie_width": ("pcie.link.width.max", int),
}
DEADLINE_S = 10.0


def query_facts(uuid: str) -> dict[str, Any]:
    """Return the facts of the GPU with this UUID; None for those that the command doesn't know."""
    facts: dict[str, Any] = dict.fromkeys(QUERIES)
    # One unknown name makes the whole query fail. An old command knows the driver at least.
    for names in (list(QUERIES), ["driver"]):
        query = ",".join(QUERIES[name][0] for name in names)
        done = run_timed(
            ["nvidia-smi", f"--id=GPU-{uuid}", f"--query-gpu={query}", "--format=csv,noheader,nounits"],
            deadline_s=DEADLINE_S,
        )
        cells = [cell.strip() for cell in done.output.split(",")]
        if done.exit_code == 0 and len(cells) == len(names):
            for name, cell in zip(names, cells, strict=True):
                # An unknown value is [N/A] or [Not Supported].
                if not cell.startswith("["):
                    with contextlib.suppress(ValueError):
                        facts[name] = QUERIES[name][1](cell)
            break
    return facts


def lists_gpu() -> bool:
    """Return whether the command is there and lists a GPU."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    done = run_timed([command, "-L"], deadline_s=DEADLINE_S)
    return done.exit_code == 0 and "GPU 0" in done.output
