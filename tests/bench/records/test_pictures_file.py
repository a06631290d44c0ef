"""pictures.json: written at the end of a sweep, and read for its page."""

from __future__ import annotations

import pytest

from bench.records.delivered_pictures import DeliveredPictures, SamplePicture
from bench.records.errors import ResultsError
from bench.records.pictures_file import read_pictures, write_pictures

PICTURES = DeliveredPictures(
    (SamplePicture(b"\x89PNG one", "1"), SamplePicture(b"\x89PNG two", "")), "1x8x8", "float32", -1.5, 2.0, 3
)


def test_pictures_are_read_as_they_were_written(tmp_path) -> None:
    """Also without a configuration."""
    for pictures in (PICTURES, DeliveredPictures((), "", "", 0.0, 0.0)):
        write_pictures(tmp_path, pictures)
        assert read_pictures(tmp_path) == pictures


def test_labels_become_names(tmp_path) -> None:
    """Where the class of a number has one."""
    write_pictures(tmp_path, PICTURES, ("coat", "bag"))
    assert [one.label for one in read_pictures(tmp_path).pictures] == ["bag", ""]
    write_pictures(tmp_path, PICTURES, ("coat",))
    assert [one.label for one in read_pictures(tmp_path).pictures] == ["1", ""]


def test_a_folder_may_have_none(tmp_path) -> None:
    """Such as that of an older version."""
    assert read_pictures(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"pictures": [{}]}', '{"pictures": 3}'])
def test_a_damaged_file_is_one_line(tmp_path, text) -> None:
    """It names the file and the cure."""
    (tmp_path / "pictures.json").write_text(text)
    with pytest.raises(ResultsError, match=r"pictures\.json is not what a sweep wrote: .*; delete it$"):
        read_pictures(tmp_path)
