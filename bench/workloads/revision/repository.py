"""Repository: the git repository that a user's training lies in, and its commits."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from bench.process.errors import ExplainedError
from bench.process.temporary_folder import PREFIX
from bench.process.timed_command import CommandResult, run_timed
from bench.text import printable

# Git reads a large repository, or fetches large files, for so many seconds at most.
DEADLINE_S = 600.0
LETTERS_OF_COMMIT = 10


class RevisionError(ExplainedError):
    """A revision that can't be measured: one line that says why."""


@dataclass(frozen=True)
class Revision:
    """A commit of a repository.

    Attributes:
        text: the revision as it was given, such as `HEAD~1`.
        commit: the commit's full name.
        subject: first line of its message.
    """

    text: str
    commit: str
    subject: str = ""

    def __str__(self) -> str:
        """Return the revision as it was given, and the commit that it stands for."""
        short = self.commit[:LETTERS_OF_COMMIT]
        return self.text if self.commit.startswith(self.text) else f"{self.text} ({short})"


@dataclass(frozen=True)
class Repository:
    """A git repository with a working tree.

    Attributes:
        root: top folder of the working tree, without links in its path.
        start: the folder in it that was current, relative to `root`.
    """

    root: Path
    start: Path

    @classmethod
    def find(cls, place: Path) -> Repository:
        """Return the repository that a folder lies in.

        Args:
            place: the folder.

        Raises:
            RevisionError: it lies in none, or git can't be started.
        """
        found = run_git(place, "rev-parse", "--show-toplevel")
        if found.exit_code is None:
            raise RevisionError(f"--revisions needs git, which {found.ending}")
        if "not a git repository" in found.ending:
            raise RevisionError(
                f"--revisions: {place} lies in no git repository; start in that of the target"
            )
        root = Path(os.path.realpath(_take_output(found, "rev-parse").rstrip("\n")))
        return cls(root, Path(os.path.realpath(place)).relative_to(root))

    def resolve(self, text: str) -> Revision:
        """Return the commit that a revision stands for.

        Args:
            text: a commit, a branch, a tag, or another name that git knows, such as `HEAD~1`.

        Raises:
            RevisionError: there is no such commit.
        """
        found = None
        if text and not text.startswith("-"):
            found = run_git(self.root, "rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
        if found is None or found.exit_code != 0:
            known = self._list_names()
            # Of HEAD~9, the part that may be misspelt is HEAD.
            near = [] if re.split("[~^@]", text)[0] in known else difflib.get_close_matches(text, known, n=1)
            meant = f", did you mean {near[0]}?" if near else ", expected a commit, a branch or a tag"
            raise RevisionError(f"--revisions: {printable(text)!r} is no commit of {self.root}{meant}")
        commit = found.output.strip()
        subject = self._read("show", "--no-patch", "--format=%s", commit)
        return Revision(text, commit, printable(subject))

    def list_ignored(self) -> list[Path]:
        """Return the files and folders that git ignores, relative to `root`.

        A folder stands for all that it holds.
        """
        return [Path(name) for name in self._list_others("--ignored", "--exclude-standard")]

    def list_uncommitted(self) -> list[str]:
        """Return the files with changes that no commit holds, as the current folder names them.

        New files are left out.
        """
        # Without the option, git writes its index anew.
        lines = self._read("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames").split("\0")
        return [self.name(line[3:]) for line in lines if line]

    def list_untracked(self) -> list[str]:
        """Return the new files and folders that no commit holds and git doesn't ignore.

        They bear their names in the current folder.
        """
        return [self.name(name) for name in self._list_others("--exclude-standard")]

    def name(self, path: str | Path) -> str:
        """Return the name that a path of the working tree has in the current folder.

        Args:
            path: the path, relative to `root`.
        """
        return os.path.relpath(path, self.start)

    def list_submodules(self, commit: str) -> list[Path]:
        """Return the folders of the submodules of a commit, relative to `root`."""
        lines = self._read("ls-tree", "-r", "-z", "--full-tree", commit).split("\0")
        return [Path(line.partition("\t")[2]) for line in lines if line.startswith("160000 ")]

    def add_checkout(self, commit: str, folder: Path) -> None:
        """Check a commit out into a new folder, with no branch and without hooks.

        Raises:
            RevisionError: it can't be checked out.
        """
        self._read("worktree", "add", "--quiet", "--detach", str(folder), commit)

    def forget_checkout(self, folder: Path) -> None:
        """Remove what git knows of a checkout, whose folder is gone."""
        run_git(self.root, "worktree", "remove", "--force", str(folder))

    def forget_lost_checkouts(self) -> None:
        """Remove what git knows of checkouts of a comparison that was killed."""
        for line in self._read("worktree", "list", "--porcelain").splitlines():
            folder = Path(line.removeprefix("worktree "))
            # A user's own may lie on a disk that is away.
            if line.startswith("worktree ") and folder.parent.name.startswith(PREFIX) and not folder.exists():
                self.forget_checkout(folder)

    def _list_others(self, *which: str) -> list[str]:
        """Return files and folders that no commit holds, relative to `root`. Empty folders are left out."""
        options = ("-z", "--others", "--directory", "--no-empty-directory")
        return [name for name in self._read("ls-files", *options, *which).split("\0") if name]

    def _list_names(self) -> list[str]:
        found = run_git(self.root, "for-each-ref", "--format=%(refname:short)")
        return ["HEAD", *found.output.split()]

    def _read(self, *arguments: str) -> str:
        """Return what git prints.

        Raises:
            RevisionError: it fails.
        """
        return _take_output(run_git(self.root, *arguments), arguments[0])


def run_git(folder: Path, *arguments: str) -> CommandResult:
    """Run git in a folder, without hooks and without locks that it could do without."""
    options = ["--no-optional-locks", "-c", f"core.hooksPath={os.devnull}", "-C", str(folder)]
    # A hook of git's that runs this command hands down the index of its own work.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Messages in English, as some are told apart.
    return run_timed(
        ["git", *options, *arguments], deadline_s=DEADLINE_S, environment={**kept, "LC_ALL": "C"}
    )


def _take_output(result: CommandResult, name: str) -> str:
    """Return what git has printed.

    Raises:
        RevisionError: it failed.
    """
    if result.exit_code != 0:
        raise RevisionError(f"--revisions: git {name} {result.ending}")
    return result.output
