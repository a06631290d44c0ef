"""WrittenFiles: the files and folders that a script writes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

# Entries that are looked at in the folder of a script, so that a folder of pictures takes no minute.
MOST_ENTRIES = 20_000
# Places that belong to the system, and folders that Python makes by itself.
SYSTEM = (Path("/dev"), Path("/proc"), Path("/sys"))
CACHES = frozenset(("__pycache__", ".git"))
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class WrittenFiles:
    """Notices what this process writes from now on, until its end.

    Python tells of the files that it opens. Libraries write some by code of their own, so the folder
    that the script runs in is compared with what it was, too.
    """

    def __init__(self, folder: Path) -> None:
        """Begin to watch.

        Args:
            folder: folder that the script runs in.
        """
        self._folder = folder
        self._paths: dict[Path, None] = {}
        self._before = _read_times(folder)
        # Nothing of Python's may be asked for in a hook: it runs at each opening of a file.
        sys.addaudithook(self._notice)

    def list(self) -> list[str]:
        """Return the paths, those in the folder that the script runs in relative to it.

        Of a folder that was made, its content isn't named.
        """
        after = _read_times(self._folder)
        changed = [path for path, time in after.items() if self._before.get(path) != time]
        paths = {path: None for path in (*self._paths, *changed) if self._counts(path)}
        made = {path for path in paths if path.is_dir()}
        told = [path for path in paths if not made & set(path.parents)]
        return [
            str(path.relative_to(self._folder)) if path.is_relative_to(self._folder) else str(path)
            for path in sorted(told)
        ]

    def _notice(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = set(mode) & set("wax+") if isinstance(mode, str) else (flags or 0) & WRITING
        elif event == "os.mkdir":
            # A folder that is there already isn't made: `exist_ok` lets that pass.
            path = arguments[0]
            writes = not os.path.lexists(path)
        elif event == "os.rename":
            path, writes = arguments[1], True
        else:
            return
        if writes and isinstance(path, str | bytes | os.PathLike):
            # An exception here would become one of the script's.
            with contextlib.suppress(OSError, ValueError):
                self._paths[Path(os.path.abspath(os.fsdecode(path)))] = None  # noqa: PTH100

    def _counts(self, path: Path) -> bool:
        if CACHES & set(path.parts) or any(path.is_relative_to(system) for system in SYSTEM):
            return False
        if path.is_relative_to(self._folder):
            return path.exists()
        return path.exists() and not path.is_relative_to(Path(tempfile.gettempdir()))


def _read_times(folder: Path) -> dict[Path, int]:
    """Return the files and folders below a folder, each file with the time of its last change."""
    times: dict[Path, int] = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in CACHES]
        for name in folders:
            times[Path(place, name)] = 0
        for name in files:
            try:
                times[Path(place, name)] = Path(place, name).lstat().st_mtime_ns
            except OSError:
                continue
        if len(times) > MOST_ENTRIES:
            break
    return times
