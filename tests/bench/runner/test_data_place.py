"""The place of a sweep's data in environment.json."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.runner.data_place import record_data


@pytest.mark.parametrize(
    ("data_dir", "folder", "recorded"),
    [
        ("data", "results/x", "../../data"),
        ("data", "out", "../data"),
        ("../data", "results/x", "../../../data"),
        (".", "out", ".."),
        ("my/data", "my/out", "../data"),
        ("data", "/elsewhere/out", None),
        ("/data", "results/x", None),
    ],
)
def test_the_path_tells_no_more_than_the_command(tmp_path, monkeypatch, data_dir, folder, recorded) -> None:
    """A results folder can be shown around: names of the machine's folders are not in it."""
    monkeypatch.chdir(tmp_path)
    assert record_data(Path(data_dir), Path(folder)) == recorded


def test_a_results_folder_beside_the_data_is_recorded(tmp_path, monkeypatch) -> None:
    """Also where it was given as an absolute path."""
    monkeypatch.chdir(tmp_path)
    assert record_data(Path("data"), tmp_path / "out") == "../data"
