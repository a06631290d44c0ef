"""Example: one of the examples that docs/your-training.md explains."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.paths import ROOT

PAGE = ROOT / "docs" / "your-training.md"
COMMAND = re.compile(r"^    python -m bench\.sweep (examples/.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One of the examples.

    Attributes:
        name: name of its folder.
        few: parameters of its `train_loader` for a loader of few samples.
        samples: number of samples of this loader.
        audit: the audit of its epochs.
        not_in_memory: why its samples can't be kept in memory; None if they can.
        makes_files: whether it makes files at its first use, below its parameter `root`.
    """

    name: str
    few: Mapping[str, Any]
    samples: int
    audit: str
    not_in_memory: str | None
    makes_files: bool = False

    @property
    def folder(self) -> Path:
        """Its folder."""
        return ROOT / "examples" / self.name

    @property
    def target(self) -> str:
        """Its loader, as a sweep takes it."""
        return f"{self.folder / 'train.py'}:train_loader"

    @property
    def step(self) -> str:
        """Its step, as a sweep takes it."""
        return f"{self.folder / 'train.py'}:make_step"


LOADERS = (
    Example(
        "image_folder",
        {"pictures": 36, "size": 32},
        36,
        audit="index",
        not_in_memory="samples differ from call to call: random transforms",
        makes_files=True,
    ),
    Example("text", {"reviews": 40}, 40, audit="content", not_in_memory="samples differ in shape"),
    Example("slow_service", {"samples": 10, "latency_ms": 1}, 10, audit="content", not_in_memory=None),
    Example(
        "tar_shards",
        {"tones": 48},
        48,
        audit="count",
        not_in_memory="the dataset is iterable: samples have no index",
        makes_files=True,
    ),
)
SCRIPT = ROOT / "examples" / "script" / "train.py"


def list_commands() -> list[list[str]]:
    """Return the arguments of each command over an example that the page has."""
    return [shlex.split(found) for found in COMMAND.findall(PAGE.read_text("utf-8"))]
