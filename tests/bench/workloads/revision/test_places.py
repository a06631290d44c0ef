"""Tests of places: a target and its steps are named from the current folder, as each commit has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.workloads.revision.places import find_in_tree, use_relative_paths
from bench.workloads.revision.repository import Repository, RevisionError


@pytest.fixture
def repository(tmp_path) -> Repository:
    """A repository whose folder `work` is the current one."""
    (tmp_path / "work").mkdir()
    (tmp_path / "lib").mkdir()
    return Repository(tmp_path.resolve(), Path("work"))


def order(target: str, step: str = "none") -> SweepOptions:
    return SweepOptions(Request(step=(step,)), Schedule(1, 1, 0), target=target)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("train.py:loader", "train.py:loader"),
        ("train.py", "train.py"),
        ("tools.read:Config.loader", "tools.read:Config.loader"),
        ("{root}/work/train.py:loader", "train.py:loader"),
        ("{root}/lib/train.py", "../lib/train.py"),
        ("../lib/train.py:loader", "../lib/train.py:loader"),
        ("../work/train.py:loader", "train.py:loader"),
        ("none", "none"),
        ("12ms", "12ms"),
    ],
)
def test_a_target_and_a_step_are_named_from_the_current_folder(repository, given, named) -> None:
    text = given.format(root=repository.root)
    found = use_relative_paths(order(text, text), repository)
    assert found == order(named, named)


@pytest.mark.parametrize("given", ["/elsewhere/train.py:loader", "../../train.py"])
def test_a_file_outside_the_repository_is_an_error(repository, given) -> None:
    with pytest.raises(RevisionError, match="lies outside the repository"):
        use_relative_paths(order(given), repository)
    with pytest.raises(RevisionError, match="lies outside the repository"):
        use_relative_paths(order("train.py", given), repository)


def test_paths_to_link_are_relative_to_the_root(repository) -> None:
    """A link of the user's lies where it was put, wherever it leads."""
    (repository.root / "work/data").symlink_to("/usr")
    assert find_in_tree([Path("data"), repository.root / "lib"], repository) == [
        Path("work/data"), Path("lib"),
    ]  # fmt: skip
    with pytest.raises(RevisionError, match="--link: gone is not there"):
        find_in_tree([Path("gone")], repository)
    with pytest.raises(RevisionError, match="--link: /usr lies outside"):
        find_in_tree([Path("/usr")], repository)
