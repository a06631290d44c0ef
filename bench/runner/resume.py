"""Resume: whether a sweep that was broken off can go on here, as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.records.errors import ResultsError

# What must be as it was for figures to be comparable; not what varies by itself, such as free memory or load.
COMPARED = {
    "commit": None,
    "machine": ("id", "system", "release", "architecture", "cpu", "cores", "cores_usable"),
    # Not its link's present speed, which falls while it has nothing to do.
    "gpu": (
        "name",
        "memory_bytes",
        "capability",
        "count",
        "driver",
        "power_limit_w",
        "max_sm_mhz",
        "max_pcie_generation",
        "max_pcie_width",
        "fused_step",
    ),
    "versions": None,
    "torch": None,
    "ring": None,
    "variables": None,
}
# The whole memory of a virtual machine varies by some pages from start to start.
MEMORY = 0.02


def find_differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of two environments isn't the same, each in some words."""
    found = []
    for part, names in COMPARED.items():
        old, new = then.get(part), now.get(part)
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            found += _said(part, old, new)
            continue
        for name in names or dict.fromkeys([*old, *new]):
            found += _said(
                name if part in ("machine", "versions") else f"{part} {name}", old.get(name), new.get(name)
            )
    old, new = (environment.get("machine", {}).get("memory_bytes") for environment in (then, now))
    if not (isinstance(old, int) and isinstance(new, int) and abs(old - new) <= MEMORY * max(old, new)):
        found += _said("memory_bytes", old, new)
    return found


def check_data(then: Mapping[str, Any], digest: str) -> None:
    """ResultsError where the sweep began with other data."""
    old = then.get("dataset", {}).get("sha256")
    if old != digest:
        raise ResultsError(
            f"the sweep began with other data (SHA-256 {str(old)[:8]}…, now {digest[:8]}…); "
            "put that back, or measure anew"
        )


def check_plan(then: Mapping[str, Any], plan: list[dict[str, str]], others: Sequence[str] = ()) -> None:
    """ResultsError where the same arguments no longer make the same plan; others: what differs besides."""
    if then.get("sweep", {}).get("plan") != plan:
        raise ResultsError(
            "the sweep's arguments no longer make the configurations that it began with "
            f"({'; '.join(others) or 'another version of this program'}); measure anew"
        )


def _said(name: str, old: Any, new: Any) -> list[str]:
    return [] if old == new else [f"{name} {_text(old)}, now {_text(new)}"]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(str(part) for part in value.values())
    return "none" if value is None else str(value)
