"""Write and read conclusion.json: what the end of a sweep knows beside its rows. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.records.errors import ResultsError
from bench.records.results_folder import CONCLUSION, write_json


@dataclass(frozen=True)
class SavedConclusion:
    """Facts that the end of a sweep knows beside its rows.

    Attributes:
        code: lines of code that make the loader of each configuration that an answer names, by its number;
            default none.
        notices: facts of data and loaders to know before reading figures; default none.
        left_out: trials that the budget left no time for; default 0.
        imprecise: numbers of the configurations whose intervals are wider than was asked for; default none.
        interrupted: whether the user ended the measuring; default False.
        resume: command that measures the rest; default empty, where nothing is missing.
        unmeasured: names of the configurations that the budget left out altogether; default none.
    """

    code: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    left_out: int = 0
    imprecise: tuple[int, ...] = ()
    interrupted: bool = False
    resume: str = ""
    unmeasured: tuple[str, ...] = ()


def write_conclusion(folder: Path, conclusion: SavedConclusion) -> Path:
    """Write conclusion.json into a results folder, as a whole or not at all.

    Returns:
        Path of the file.

    Raises:
        StorageError: the file can't be written.
    """
    path = folder / CONCLUSION
    write_json(path, asdict(conclusion))
    return path


def read_conclusion(folder: Path) -> SavedConclusion:
    """Read the conclusion of a results folder; one without content where an older version made the folder.

    Raises:
        ResultsError: the file can't be read, or a sweep didn't write it.
    """
    path = folder / CONCLUSION
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return SavedConclusion(
            code={int(number): tuple(map(str, lines)) for number, lines in found["code"].items()},
            notices=tuple(map(str, found["notices"])),
            left_out=int(found["left_out"]),
            imprecise=tuple(map(int, found["imprecise"])),
            interrupted=bool(found["interrupted"]),
            resume=str(found["resume"]),
            # Older versions left out none.
            unmeasured=tuple(map(str, found.get("unmeasured", ()))),
        )
    except FileNotFoundError:
        return SavedConclusion()
    except OSError as error:
        raise ResultsError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ResultsError(f"{path} is not what a sweep wrote: {error!r}; delete it") from error
