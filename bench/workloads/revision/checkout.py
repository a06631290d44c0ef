"""Checkout: a commit of a user's repository in a temporary folder, ready to be measured."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import interrupts
from bench.process.module_names import LIBRARY_FOLDERS
from bench.process.search_path import is_own_folder
from bench.text import describe_error
from bench.workloads.revision.links import link_paths
from bench.workloads.revision.repository import Repository, Revision, RevisionError
from loaders.data.dataset_ref import FileStamp


@dataclass(frozen=True)
class Checkout:
    """A commit of a user's repository in a temporary folder.

    Attributes:
        repository: the user's repository.
        revision: the commit.
        root: top folder of the checkout.
        linked: files and folders of the working tree that no commit holds and that are linked into it.
    """

    repository: Repository
    revision: Revision
    root: Path
    linked: tuple[str, ...] = ()

    @property
    def start(self) -> Path:
        """The folder that stands for the current one. Relative paths of the user's code begin there."""
        return self.root / self.repository.start

    @contextmanager
    def use_modules(self) -> Iterator[None]:
        """Let processes that are started in the `with` block find modules of this commit.

        Folders of the working tree on the search path give way to those of the checkout, as multiprocessing
        hands the search path down. So a project that is installed from its working tree is found there.
        """
        path = [*sys.path]
        sys.path[:] = [self._move(entry) for entry in path]
        try:
            yield
        finally:
            sys.path[:] = path

    def _move(self, entry: str) -> str:
        """Return the entry of the search path that stands for another one."""
        if not entry or is_own_folder(entry) or set(LIBRARY_FOLDERS) & set(Path(entry).parts):
            return entry
        place = Path(os.path.realpath(entry))
        if not place.is_relative_to(self.repository.root):
            return entry
        return str(self.root / place.relative_to(self.repository.root))

    def check_modules(self, stamps: Sequence[FileStamp]) -> None:
        """Check that no module was imported from the working tree, as both revisions would run it.

        Args:
            stamps: files of the user's modules.

        Raises:
            RevisionError: one was.
        """
        for path in (stamp.path for stamp in stamps):
            real = Path(os.path.realpath(path))
            if path.is_relative_to(self.root) or not real.is_relative_to(self.repository.root):
                continue
            folder = real.parent
            while (folder / "__init__.py").exists():
                folder = folder.parent
            relative = real.relative_to(self.repository.root)
            raise RevisionError(
                f"{relative} was imported from the working tree, and both revisions would run it: begin the "
                f"command with PYTHONPATH={os.path.relpath(folder)}"
            )

    def name_paths(self, text: str) -> str:
        """Return a text with paths of this checkout as git names them, such as `HEAD~1:train.py`."""
        name = self.revision.text
        return text.replace(f"{self.root}{os.sep}", f"{name}:").replace(str(self.root), name)


@contextmanager
def open_checkout(
    repository: Repository, revision: Revision, folder: Path, links: Sequence[Path] = ()
) -> Iterator[Checkout]:
    """Check out a commit for the time of the `with` block. The user's working tree stays as it is.

    What git ignores, such as data, is linked from the working tree.

    Args:
        repository: the user's repository.
        revision: the commit.
        folder: folder of the checkout, which must not be there.
        links: further files and folders of the working tree to link, relative to its root.

    Raises:
        RevisionError: it can't be checked out.
    """
    try:
        repository.add_checkout(revision.commit, folder)
        try:
            outside = [*repository.list_ignored(), *repository.list_submodules(revision.commit), *links]
            linked = link_paths(dict.fromkeys(outside), repository.root, folder)
        except OSError as error:
            raise RevisionError(f"{revision}: it can't be checked out: {describe_error(error)}") from None
        checkout = Checkout(repository, revision, folder, tuple(linked))
        if not checkout.start.is_dir():
            raise RevisionError(f"{revision} has no folder {repository.start}, which is the current one here")
        yield checkout
    finally:
        with interrupts.hold():
            # It removes links, and leaves alone what they point to.
            shutil.rmtree(folder, ignore_errors=True)
            repository.forget_checkout(folder)
