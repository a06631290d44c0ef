"""A folder of data that was given and isn't there."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.data.dataset_choice import expected_samples, locate
from loaders.data.errors import DataError
from loaders.data.given_folder import check_exists

AS_NEW = (
    " To begin a new folder, --dataset fashion-mnist downloads into it, "
    "and --dataset synthetic draws pictures"
)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("dta", ", did you mean data?"),
        ("dta/MNIST", ", did you mean data/MNIST?"),
        ("data/MNITS", ", did you mean data/MNIST?"),
        ("dta/other", ", did you mean data?"),
        ("elsewhere", "."),
        ("elsewhere/MNIST", "."),
    ],
)
def test_a_folder_that_is_not_there(tmp_path, monkeypatch, given, meant) -> None:
    """The line names the nearest one that is, and nothing is written."""
    (tmp_path / "data" / "MNIST").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for ask in (
        lambda: locate("auto", Path(given), notify=print),
        lambda: expected_samples("auto", Path(given)),
    ):
        with pytest.raises(DataError) as caught:
            ask()
        assert str(caught.value) == f"--data-dir {given} doesn't exist{meant}{AS_NEW}"
    assert not Path(given).exists()


def test_folders_that_may_be_new(tmp_path, monkeypatch) -> None:
    """The default one, and one whose data set is named."""
    monkeypatch.chdir(tmp_path)
    check_exists(Path("data"))
    assert expected_samples("auto", Path("data")) == 60_000
    assert expected_samples("fashion-mnist", Path("new")) == 60_000
    assert expected_samples("synthetic:12", Path("new")) == 12
    assert expected_samples("auto", Path("new"), mirror="http://localhost") == 60_000
    assert locate("synthetic:12", Path("new"), notify=print).name == "synthetic:12"
