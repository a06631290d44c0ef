"""ConstructorWatch: the calls in a user's files that make DataLoaders."""

from __future__ import annotations

import functools
import os
import sys
import typing
import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from torch.utils.data import DataLoader

from bench.workloads.inspection.user_modules import is_users
from loaders.spec.loader_call import LoaderCall

Note = Callable[[DataLoader[Any], FrameType], None]
Place = tuple[str, int]
"""File and line of a call."""


class ConstructorWatch:
    """The calls in a user's files that make DataLoaders, and how many different ones each of them makes.

    DataLoaders go by keys. Those with one key are the same DataLoader, which is made anew for each epoch.
    """

    def __init__(self) -> None:
        """Begin without a DataLoader."""
        self._places: weakref.WeakKeyDictionary[DataLoader[Any], Place | None] = weakref.WeakKeyDictionary()
        self._opened: weakref.WeakSet[DataLoader[Any]] = weakref.WeakSet()
        self._made: Counter[Place | None] = Counter()
        # Of those that were opened: their places, and how many of each place.
        self._known: defaultdict[Hashable, set[Place | None]] = defaultdict(set)
        self._used: Counter[Place | None] = Counter()

    def note(self, loader: DataLoader[Any], frame: FrameType) -> None:
        """Note a DataLoader that was just made.

        Args:
            loader: the DataLoader.
            frame: the frame that has called its `__init__`.
        """
        place = self._places[loader] = _find_place(loader, frame)
        self._made[place] += 1

    def open(self, loader: DataLoader[Any], key: Hashable) -> None:
        """Note what a DataLoader is known by, once it is used.

        Args:
            loader: the DataLoader.
            key: what it is known by.
        """
        if loader in self._opened or loader not in self._places:
            return
        self._opened.add(loader)
        place = self._places[loader]
        self._known[key].add(place)
        self._used[place] += 1

    def find(self, key: Hashable) -> LoaderCall | None:
        """Return the call that made a DataLoader.

        Args:
            key: what it is known by.

        Returns:
            None where several calls made it, or one in a library.
        """
        places = self._known.get(key, set())
        place = next(iter(places), None)
        if place is None or len(places) > 1:
            return None
        # Nobody knows which ones are the same of those that were never used.
        unused = self._made[place] - self._used[place]
        used = sum(place in others for others in self._known.values())
        return LoaderCall(*place, loaders=used + unused)


def watch_constructors(note: Note) -> Callable[[], None]:
    """Let a function note every DataLoader that is made in this process.

    Args:
        note: takes the DataLoader, and the frame that has called its `__init__`.

    Returns:
        A function that ends this.
    """
    make = DataLoader.__init__

    # Lightning reads the signature.
    @functools.wraps(make)
    def make_and_note(loader: DataLoader[Any], *args: Any, **kwargs: Any) -> None:
        make(loader, *args, **kwargs)
        note(loader, sys._getframe(1))

    def end() -> None:
        DataLoader.__init__ = make  # type: ignore[method-assign]

    DataLoader.__init__ = make_and_note  # type: ignore[method-assign, assignment]
    return end


@contextmanager
def watch_calls() -> Iterator[ConstructorWatch]:
    """Watch the calls that make DataLoaders inside a `with` block."""
    watch = ConstructorWatch()
    end = watch_constructors(watch.note)
    try:
        yield watch
    finally:
        end()


def _find_place(loader: DataLoader[Any], frame: FrameType) -> Place | None:
    """Return the file and line of the call; None where it isn't in a file of the user's."""
    found: FrameType | None = frame
    while found is not None and (_is_own_init(loader, found) or found.f_code.co_filename == typing.__file__):
        found = found.f_back
    if found is None:
        return None
    # Not resolved: a link is the user's name of the file.
    path = Path(os.path.abspath(found.f_code.co_filename))  # noqa: PTH100
    return (str(path), found.f_lineno) if path.is_file() and is_users(path) else None


def _is_own_init(loader: DataLoader[Any], frame: FrameType) -> bool:
    """Return whether a frame is the `__init__` of a subclass, which calls that of DataLoader."""
    code = frame.f_code
    return code.co_name == "__init__" and frame.f_locals.get(code.co_varnames[0]) is loader
