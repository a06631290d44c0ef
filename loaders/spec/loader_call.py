"""LoaderCall: the call in a user's file that made a DataLoader."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class LoaderCall:
    """The call in a user's file that made a DataLoader.

    Attributes:
        file: path of the file: an absolute one, or one from the folder in which the program was started.
        line: number of the line in which the call begins, from 1.
        loaders: number of different DataLoaders that the same call has made at most, as one in a loop or in a
            function that is called several times does; default 1. Those that are made anew for each epoch
            count once, if they were used.
    """

    file: str
    line: int
    loaders: int = 1

    def relative_to(self, folder: Path) -> LoaderCall:
        """Return the call with its file's path from a folder; as it is if the file lies elsewhere.

        Args:
            folder: absolute path of the folder, such as the working folder.
        """
        file = Path(self.file)
        for path, base in ((file, folder), (file.resolve(), folder.resolve())):
            if path.is_relative_to(base):
                return replace(self, file=str(path.relative_to(base)))
        return self
