"""Edit: new arguments of the DataLoader call in a user's file, which can be shown and written."""

from __future__ import annotations

import difflib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from bench.editing.errors import EditError
from bench.records.durable_write import write_atomically

# Lines as `diff` and `patch` have them.
LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Edit:
    """New arguments of the DataLoader call in a user's file. Nothing is written yet.

    Attributes:
        path: the file.
        before: its bytes.
        after: its bytes with the new arguments.
        encoding: its encoding.
        line: number of the line in which the call begins.
        notes: settings that no DataLoader takes, and where they belong, one line each.
    """

    path: Path
    before: bytes
    after: bytes
    encoding: str
    line: int
    notes: tuple[str, ...] = ()

    @property
    def has_changes(self) -> bool:
        """True if the call doesn't have these arguments yet."""
        return self.before != self.after

    def diff(self) -> str:
        """Return the change as a unified diff, which `patch` takes."""
        before, after = (LINE.findall(content.decode(self.encoding)) for content in (self.before, self.after))
        lines = difflib.unified_diff(before, after, str(self.path), str(self.path))
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


def apply_edit(edit: Edit) -> None:
    """Write a change into its file, as a whole or not at all.

    Raises:
        EditError: the file has changed since, can't be read, or is read-only.
        StorageError: it can't be written. It stays as it was.
    """
    # A link stays one.
    path = edit.path.resolve()
    try:
        content, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise EditError(f"{edit.path} can't be read: {error.strerror}") from None
    if content != edit.before:
        raise EditError(f"{edit.path} has changed since: nothing was written")
    if not os.access(path, os.W_OK):
        raise EditError(f"{edit.path} is read-only: nothing was written")
    write_atomically(path, edit.after, mode)
