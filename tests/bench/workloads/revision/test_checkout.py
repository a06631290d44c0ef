"""Tests of a checkout: it holds its commit and the data, and leaves the user's repository as it is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from bench.process.search_path import OWN_FOLDER
from bench.workloads.revision.checkout import Checkout, open_checkout
from bench.workloads.revision.repository import Repository, Revision, RevisionError
from loaders.data.dataset_ref import FileStamp
from tests.git_project import GitProject, needs_git

pytestmark = needs_git


@pytest.fixture
def project(tmp_path) -> GitProject:
    project = GitProject(tmp_path / "project")
    project.commit(
        "first", {".gitignore": "data/\n__pycache__/\n", "work/train.py": "x = 1\n", "data/a": "1"}
    )
    return project


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a checkout, which isn't there yet."""
    return tmp_path.resolve() / "made" / "old"


def check_out(project: GitProject, folder: Path, revision: str = "HEAD", **more):
    repository = Repository.find(project.root / "work")
    return open_checkout(repository, repository.resolve(revision), folder, **more)


def test_a_checkout_holds_its_commit_and_leaves_nothing_behind(project, folder) -> None:
    """Uncommitted changes, the index, branches and data stay as they are."""
    project.commit("second", {"work/train.py": "x = 2\n"})
    project.write({"work/train.py": "x = 3\n", "work/data/b": "2"})
    before = project.read_state()
    with check_out(project, folder, "HEAD~1") as checkout:
        assert (checkout.start / "train.py").read_text() == "x = 1\n"
        assert project.read_state()[:3] == before[:3]
        # Code may ask git which commit it is.
        assert project.git("-C", str(checkout.start), "log", "--format=%s") == "first\n"
    assert project.read_state() == before
    assert (project.root / "work/data/b").read_text() == "2"
    assert not folder.exists()


def test_data_that_git_ignores_is_linked(project, folder) -> None:
    """What the commit holds comes first, in a folder that holds both too. Products of tools are left out."""
    project.write({"data/b": "2", "data/__pycache__/c.pyc": "", "work/data/big/c": "3", "work/new": ""})
    project.write({"work/venv/pyvenv.cfg": "", "data/a": "changed"})
    (project.root / ".git/info/exclude").write_text("venv/\n")
    with check_out(project, folder) as checkout:
        root = checkout.root
        assert (root / "data/a").read_text() == "1"
        assert (root / "data/b").is_symlink()
        assert (checkout.start / "data").is_symlink()
        assert (checkout.start / "data/big/c").read_text() == "3"
        assert not (root / "data/__pycache__").exists()
        assert not (checkout.start / "new").exists()
        assert not (checkout.start / "venv").exists()
        assert sorted(checkout.linked) == ["data/b", "work/data"]


def test_further_files_can_be_linked(project, folder) -> None:
    project.write({"work/new": "1", "work/train.py": "changed"})
    with check_out(project, folder, links=[Path("work/new"), Path("work/train.py")]) as checkout:
        assert (checkout.start / "new").read_text() == "1"
        assert (checkout.start / "train.py").read_text() == "x = 1\n"


def test_a_commit_without_the_current_folder_is_an_error(project, folder) -> None:
    project.commit("second", {"later/train.py": ""})
    repository = Repository.find(project.root / "later")
    opened = open_checkout(repository, repository.resolve("HEAD~1"), folder)
    with pytest.raises(RevisionError, match="has no folder later, which is the current one here"), opened:
        pass
    assert not folder.exists()
    assert project.git("worktree", "list").count("\n") == 1


def test_a_killed_comparison_leaves_nothing_for_long(project, tmp_path) -> None:
    """The next one forgets its checkout. A worktree of the user's stays, also where its disk is away."""
    repository = Repository.find(project.root)
    commit = repository.resolve("HEAD").commit
    for folder in (tmp_path / "loaderbench-1-abc/old", tmp_path / "mine/tree"):
        repository.add_checkout(commit, folder)
        shutil.rmtree(folder)
    repository.forget_lost_checkouts()
    left = [line.split()[0] for line in project.git("worktree", "list").splitlines()]
    assert left == [str(project.root), str(tmp_path / "mine/tree")]


def test_no_hook_of_the_user_runs(project, folder, tmp_path) -> None:
    hook = project.root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    with check_out(project, folder):
        pass
    assert not (tmp_path / "ran").exists()


def test_modules_of_an_installed_project_are_those_of_the_commit(project, folder, monkeypatch) -> None:
    """Folders of the working tree on the search path give way. Others, and ours, stay."""
    library = str(project.root / "venv/lib/site-packages")
    monkeypatch.setattr(sys, "path", [str(project.root / "src"), "/elsewhere", str(OWN_FOLDER), library])
    before = [*sys.path]
    with check_out(project, folder) as checkout:
        with checkout.use_modules():
            assert sys.path == [str(folder / "src"), "/elsewhere", str(OWN_FOLDER), library]
        assert sys.path == before


def test_a_module_of_the_working_tree_is_an_error(project, folder, monkeypatch) -> None:
    """Both commits would run it."""
    project.commit("second", {"src/tools/__init__.py": "", "src/tools/read.py": ""})
    monkeypatch.chdir(project.root)
    with check_out(project, folder) as checkout:
        checkout.check_modules([FileStamp.of(folder / "src/tools/read.py"), FileStamp.of(Path(__file__))])
        imported = FileStamp.of(project.root / "src/tools/read.py")
        with pytest.raises(RevisionError) as raised:
            checkout.check_modules([imported])
    assert str(raised.value) == (
        "src/tools/read.py was imported from the working tree, and both revisions would run it: begin the "
        "command with PYTHONPATH=src"
    )


def test_paths_of_a_checkout_are_named_as_git_names_them() -> None:
    repository = Repository(Path("/user/project"), Path())
    checkout = Checkout(repository, Revision("v1", "0" * 40), Path("/tmp/old"))
    assert checkout.name_paths("no file /tmp/old/train.py in /tmp/old") == "no file v1:train.py in v1"
