"""Control groups: the Linux folders that hold the limits of a container."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from bench.machine.check import ROOT


def find_control_groups(controller: str, root: Path = ROOT) -> Iterator[Path]:
    """Yield the folder of this process's control group and those above it, from the innermost.

    Both versions of control groups are known. Nothing is yielded where there are none.

    Args:
        controller: name of what is limited: `cpu`, `memory` or `pids`.
        root: folder that stands for the root of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    names = next((names for names in groups if controller in names.split(",")), "")
    mount = root / "sys/fs/cgroup"
    if names:
        # Version 1 has a folder for each controller, or a link of its name to a folder of several.
        mount /= controller
    path = groups.get(names, "/").strip("/")
    # A container may see the machine's path and only its own group, at the top.
    inner = mount / path if ".." not in path.split("/") else mount
    for group in (inner, *inner.parents):
        if group.is_dir():
            yield group
        if group == mount:
            return


def read_number(*files: Path) -> int | None:
    """Return the number in the first of the files that holds one; None without one, as for `max`."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
    return None
