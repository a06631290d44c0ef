"""Facts of the machine, the versions and the data in words, from environment.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.records import results_folder
from bench.text import format_bytes, format_count

VERSIONS = ("python", "loaderbench", "torch", "torchvision", "cuda", "numpy", "pandas", "pillow")
Facts = list[tuple[str, str]]


def find_environment(folder: Path) -> dict[str, Any]:
    """Return the content of a folder's environment.json; nothing where the folder lacks it.

    Raises:
        ResultsError: a sweep didn't write it.
    """
    there = (folder / results_folder.ENVIRONMENT).is_file()
    return results_folder.read_environment(folder) if there else {}


def list_machine(environment: Mapping[str, Any]) -> Facts:
    """Return the facts of the machine and of what ran on it, as pairs of a name and a value."""
    return list(_list_hardware(environment)) + list(_list_software(environment))


def describe_machine(environment: Mapping[str, Any]) -> str:
    """Return the machine in a few words; empty where it isn't known."""
    machine = environment.get("machine", {})
    gpu = environment.get("gpu") or {}
    cores = machine.get("cores_usable") or machine.get("cores")
    known = (machine.get("cpu"), cores and _count_cores(cores), gpu.get("name"))
    return ", ".join(str(value) for value in known if value)


def format_start(environment: Mapping[str, Any]) -> str:
    """Return the date and time of the start; empty where it isn't known."""
    try:
        return f"{datetime.fromisoformat(environment['started_at']):%d %B %Y, %H:%M UTC}".lstrip("0")
    except (KeyError, TypeError, ValueError):
        return ""


def list_data(environment: Mapping[str, Any]) -> Facts:
    """Return what was trained on, as pairs of a name and a value."""
    dataset = environment.get("dataset", {})
    digest = str(dataset.get("sha256") or "")
    found = {"data": dataset.get("name"), "SHA-256": digest and f"{digest[:16]}…"}
    # The commit of this program, not that of what was measured.
    found["loaderbench commit"] = environment.get("commit")
    return [(name, str(value)) for name, value in found.items() if value]


def _list_hardware(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    machine = environment.get("machine", {})
    if machine.get("cpu"):
        yield "CPU", str(machine["cpu"])
    if cores := machine.get("cores"):
        usable = machine.get("cores_usable")
        few = f", {usable:g} of them usable" if usable is not None and usable != cores else ""
        yield "cores", f"{cores}{few}"
    if machine.get("frequency_mhz"):
        yield "frequency", f"{machine['frequency_mhz']:,.0f} MHz"
    if machine.get("memory_bytes"):
        free = machine.get("memory_available_bytes")
        yield (
            "memory",
            format_bytes(machine["memory_bytes"]) + (f", {format_bytes(free)} free" if free else ""),
        )
    gpu = environment.get("gpu")
    if machine:
        yield "GPU", str(gpu.get("name") or "of unknown name") if gpu else "none"
    if gpu and gpu.get("driver"):
        yield "GPU driver", str(gpu["driver"])
    system = [machine.get(name) for name in ("system", "release", "architecture")]
    if any(system):
        yield "system", " ".join(str(part) for part in system if part)
    if load := machine.get("load_average"):
        yield "load at the start", ", ".join(f"{value:g}" for value in load)


def _list_software(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    versions = environment.get("versions", {})
    for name in VERSIONS:
        if versions.get(name):
            yield name, str(versions[name])
    torch = environment.get("torch", {})
    if torch.get("num_threads"):
        yield "torch’s threads", str(torch["num_threads"])
    if torch.get("start_method"):
        yield "start method", str(torch["start_method"])
    for name, value in environment.get("variables", {}).items():
        yield str(name), str(value)


def _count_cores(cores: float) -> str:
    return format_count(int(cores), "core") if cores == int(cores) else f"{cores:g} cores"
