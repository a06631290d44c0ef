"""Summary: what passed, failed and ran out of time, for the screen and as files."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.text import format_duration
from tests.cuda.part import Fate, PartResult

SUMMARY, SUMMARY_JSON = "summary.txt", "summary.json"
WIDTH = 100


def write_summary(
    folder: Path, machine: Mapping[str, object], results: Sequence[PartResult], *, rehearsal: bool
) -> str:
    """Write `summary.txt` and `summary.json`, and return the text.

    Args:
        folder: folder of all parts.
        machine: facts of the machine.
        results: the results of the parts.
        rehearsal: whether the parts were rehearsed.
    """
    text = "\n".join(_list_lines(machine, results, rehearsal=rehearsal)) + "\n"
    (folder / SUMMARY).write_text(text, encoding="utf-8")
    told = {
        "machine": dict(machine),
        "rehearsal": rehearsal,
        "succeeded": succeeded(results, rehearsal=rehearsal),
        "parts": [asdict(result) for result in results],
    }
    (folder / SUMMARY_JSON).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return text


def succeeded(results: Sequence[PartResult], *, rehearsal: bool) -> bool:
    """Return whether every part passed. In a rehearsal, a part without a test that needs no GPU is skipped.

    Args:
        results: the results of the parts.
        rehearsal: whether they were rehearsed.
    """
    right = {Fate.PASSED, Fate.SKIPPED} if rehearsal else {Fate.PASSED}
    return all(result.fate in right for result in results)


def write_archive(folder: Path, archive: Path) -> None:
    """Write a folder into an archive, which is replaced when it is complete.

    Args:
        folder: the folder.
        archive: file whose name ends in `.tar.gz`.
    """
    part = archive.with_name(archive.name + ".part")
    with tarfile.open(part, "w:gz") as file:
        file.add(folder, arcname=folder.name)
    part.replace(archive)


def _list_lines(
    machine: Mapping[str, object], results: Sequence[PartResult], *, rehearsal: bool
) -> Iterator[str]:
    place = "Rehearsal without a GPU" if rehearsal else machine["gpu"]
    cores = f"{machine['cores_usable']:g} of {machine['cores']} cores"
    yield f"{place}, torch {machine['torch']}, Python {machine['python']}, {cores}"
    yield ""
    widest = max(len(result.name) for result in results)
    for result in results:
        took = f"{result.seconds:4.0f} of {result.bound_s:.0f} s"
        start = f"{result.name:{widest}}  {result.fate.value:11}  {took:14}"
        detail = result.detail
        if len(start) + len(detail) + 2 > WIDTH:
            detail = detail[: WIDTH - len(start) - 5] + "..."
        yield f"{start}  {detail}".rstrip()
        yield from (f"{'':{widest}}  {line}" for line in result.figures)
    counts = Counter(result.fate for result in results)
    told = ", ".join(f"{counts[fate]} {fate.value}" for fate in Fate if counts[fate])
    yield ""
    yield f"{told}; {format_duration(sum(result.seconds for result in results))}"
