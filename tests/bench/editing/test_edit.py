"""Diffs of a change, and its writing."""

from __future__ import annotations

import os
import stat

import pytest

from bench.editing.edit import apply_edit
from bench.editing.errors import EditError
from bench.editing.make_edit import make_edit

TEXT = "from torch.utils.data import DataLoader\n\nloader = DataLoader(a)"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "train.py"
    found.write_text(TEXT)
    return found.relative_to(tmp_path)


def test_a_diff_is_what_patch_takes(path) -> None:
    """A missing line feed is marked, as `diff` does."""
    assert make_edit(path, "loader", {"num_workers": 2}).diff() == (
        "--- train.py\n+++ train.py\n@@ -1,3 +1,3 @@\n from torch.utils.data import DataLoader\n \n"
        "-loader = DataLoader(a)\n\\ No newline at end of file\n"
        "+loader = DataLoader(a, num_workers=2)\n\\ No newline at end of file\n"
    )


def test_a_change_is_written_through_a_link_with_its_mode(path) -> None:
    """A script stays executable, and nothing is left beside it."""
    path.chmod(0o754)
    link = path.with_name("link.py")
    link.symlink_to(path)
    edit = make_edit(link, None, {"num_workers": 2})
    apply_edit(edit)
    assert path.read_bytes() == edit.after
    assert stat.S_IMODE(path.stat().st_mode) == 0o754
    assert link.is_symlink()
    assert sorted(one.name for one in path.absolute().parent.iterdir()) == ["link.py", "train.py"]


def test_a_file_that_has_changed_since_is_left(path) -> None:
    """The user's own change is kept."""
    edit = make_edit(path, None, {"num_workers": 2})
    path.write_text("# mine")
    with pytest.raises(EditError, match=r"train\.py has changed since: nothing was written"):
        apply_edit(edit)
    assert path.read_text() == "# mine"


def test_a_read_only_file_is_left(path, monkeypatch) -> None:
    """A new file could take its place, but it was made read-only for a reason."""
    edit = make_edit(path, None, {"num_workers": 2})
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(EditError, match=r"train\.py is read-only"):
        apply_edit(edit)
    assert path.read_text() == TEXT
