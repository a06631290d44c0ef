"""GitProject: a user's project in a git repository of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


class GitProject:
    """A user's project in a git repository of its own, which knows nothing of the settings of this machine.

    Args:
        root: A folder that is not there yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        """Run git, and return what it prints."""
        settings = ["-c", "user.name=user", "-c", "user.email=user@example", "-c", "commit.gpgsign=false"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", *settings, *words], cwd=self.root, env={**kept, **nowhere}, check=True, text=True,
            stdout=subprocess.PIPE,
        ).stdout  # fmt: skip

    def write(self, files: Mapping[str, str]) -> None:
        """Write files, by their paths."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(dedent(text))

    def commit(self, message: str, files: Mapping[str, str]) -> str:
        """Write files and commit them; return the commit."""
        self.write(files)
        self.git("add", "--force", "--", *files)
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def read_state(self) -> tuple[str, ...]:
        """Return what a comparison must leave as it is: the tree, the index, branches and checkouts."""
        index = (self.root / ".git" / "index").read_bytes().hex()
        commands = (
            ("status", "--porcelain", "--ignored"), ("show-ref", "--head"), ("worktree", "list"),
            ("stash", "list"), ("symbolic-ref", "HEAD"),
        )  # fmt: skip
        return (index, *(self.git("--no-optional-locks", *command) for command in commands))
