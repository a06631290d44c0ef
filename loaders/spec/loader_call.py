"""LoaderCall: the call in a user's file that made a DataLoader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LoaderCall:
    """The call in a user's file that made a DataLoader.

    Attributes:
        file: absolute path of the file.
        line: number of the line in which the call begins, from 1.
        loaders: number of different DataLoaders that the same call has made at most, as one in a loop or in a
            function that is called several times does; default 1. Those that are made anew for each epoch
            count once, if they were used.
    """

    file: str
    line: int
    loaders: int = 1
