"""The call that made a DataLoader, by its file."""

from __future__ import annotations

import pytest

from loaders.spec.loader_call import LoaderCall


@pytest.mark.parametrize(
    ("file", "found"),
    [("here/train.py", "train.py"), ("here/data/load.py", "data/load.py"), ("there/train.py", None)],
)
def test_a_file_below_a_folder_is_named_from_it(tmp_path, file, found) -> None:
    """Others keep their paths, so that they can be found."""
    call = LoaderCall(str(tmp_path / file), 7, loaders=2)
    expected = str(tmp_path / file) if found is None else found
    assert call.relative_to(tmp_path / "here") == LoaderCall(expected, 7, loaders=2)


def test_a_folder_may_be_a_link(tmp_path) -> None:
    """Python knows a module by one of both names."""
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    for folder, other in (("here", "link"), ("link", "here")):
        call = LoaderCall(str(tmp_path / folder / "train.py"), 7)
        assert call.relative_to(tmp_path / other).file == "train.py"
