"""Control groups: the Linux folders that tell the limits of a container."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.machine.check import ROOT

if sys.platform != "win32":
    pass


def find_control_groups(controller: str, root: Path = ROOT) -> Iterator[Path]:
    """The folders of this process's control group and those above it, of either version of control groups."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    names = next((names for names in groups if controller in names.split(",")), "")
    mount = root / "sys/fs/cgroup"
    if names:
        mount /= controller
    path = groups.get(names, "/").strip("/")
    # A container may see itself as the top and its path as the machine's; then only the top is there.
    inner = mount / path if ".." not in path.split("/") else mount
    for group in (inner, *inner.parents):
        if group.is_dir():
            yield group
        if group == mount:
            return


def read_number(*files: Path) -> int | None:
    """The number in the first of these files that has one: `max` is none."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
    return None
