"""Tests of a user's repository: its commits, and what of the working tree no commit holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.workloads.revision.repository import Repository, Revision, RevisionError
from tests.git_project import GitProject, needs_git

pytestmark = needs_git


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> GitProject:
    project = GitProject(tmp_path_factory.mktemp("repository") / "project")
    project.commit("first", {".gitignore": "data/\n*.pyc\n", "work/train.py": "x = 1\n", "other.py": ""})
    project.git("tag", "v1.0.0")
    project.commit("second \x1b[31m", {"work/train.py": "x = 2\n"})
    project.write({"work/data/a.txt": "", "work/cache.pyc": "", "work/new.py": "", "other.py": "y = 1\n"})
    return project


def test_a_revision_is_a_commit_by_any_name(project) -> None:
    """Its subject has no letters that a terminal obeys."""
    repository = Repository.find(project.root / "work")
    assert repository == Repository(project.root.resolve(), Path("work"))
    first, second = project.git("rev-list", "--reverse", "HEAD").split()
    assert repository.resolve("v1.0.0") == Revision("v1.0.0", first, "first")
    found = repository.resolve("main")
    assert (found.commit, found.subject) == (second, "second [31m")
    assert str(found) == f"main ({second[:10]})"
    assert str(repository.resolve(second[:8])) == second[:8]


def test_a_commit_of_uncommitted_changes_is_a_revision(project) -> None:
    """`git stash create` makes one, and changes nothing."""
    before = project.read_state()
    revision = Repository.find(project.root).resolve(project.git("stash", "create").strip())
    assert project.git("show", f"{revision.commit}:other.py") == "y = 1\n"
    assert project.read_state() == before


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("mian", "did you mean main?"),
        ("v1.0.1", "did you mean v1.0.0?"),
        ("HEAD~9", "expected a commit, a branch or a tag"),
        ("", "expected a commit, a branch or a tag"),
        ("--help", "expected a commit, a branch or a tag"),
        ("HEAD:other.py", "expected a commit, a branch or a tag"),
    ],
)
def test_what_is_no_commit_is_an_error_in_one_line(project, text, meant) -> None:
    with pytest.raises(RevisionError) as raised:
        Repository.find(project.root).resolve(text)
    assert str(raised.value) == f"--revisions: {text!r} is no commit of {project.root}, {meant}"


def test_what_no_commit_holds_is_told_as_the_current_folder_names_it(project) -> None:
    repository = Repository.find(project.root / "work")
    assert repository.list_uncommitted() == ["../other.py"]
    (project.root / "work" / "empty").mkdir()
    assert repository.list_untracked() == ["new.py"]
    assert sorted(map(str, repository.list_ignored())) == ["work/cache.pyc", "work/data"]


def test_a_folder_outside_any_repository_is_an_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RevisionError, match="lies in no git repository"):
        Repository.find(tmp_path)


def test_a_machine_without_git_is_an_error(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RevisionError, match="needs git, which can't be started"):
        Repository.find(tmp_path)


def test_a_hook_of_git_may_run_a_comparison(project, monkeypatch) -> None:
    """Git hands down the index of the commit that is being made, which must stay as it is."""
    before = project.read_state()
    monkeypatch.setenv("GIT_INDEX_FILE", str(project.root / ".git" / "index"))
    monkeypatch.setenv("GIT_DIR", str(project.root / "nowhere"))
    assert isinstance(Repository.find(project.root).resolve("HEAD"), Revision)
    assert project.read_state() == before
