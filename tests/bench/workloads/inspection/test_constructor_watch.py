"""The calls that make DataLoaders: their lines, and how many different DataLoaders each of them makes."""

from __future__ import annotations

import runpy
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from torch.utils.data import DataLoader

from bench.workloads.inspection.constructor_watch import ConstructorWatch, watch_calls
from loaders.spec.loader_call import LoaderCall

HEAD = """
    from torch.utils.data import DataLoader
    import functools

    class Mine(DataLoader):
        def __init__(self, data, **settings):
            super().__init__(data, batch_size=2, **settings)

    def make(data):
        return DataLoader(
            data,
            batch_size=2,
        )

"""
LINES = dedent(HEAD).count("\n")


def run(folder: Path, text: str) -> tuple[dict[str, Any], ConstructorWatch]:
    """Run a script, and return what it defines."""
    path = folder / "script.py"
    path.write_text(dedent(HEAD) + text)
    with watch_calls() as calls:
        return runpy.run_path(str(path)), calls


@pytest.mark.parametrize(
    ("text", "line", "loaders"),
    [
        ("loader = DataLoader([1])", LINES + 1, 1),
        ("loader = DataLoader[int]([1])", LINES + 1, 1),
        ("\nloader = DataLoader(\n    [1],\n    batch_size=2)", LINES + 2, 1),
        # The class of their own has no call of its own in the file but this.
        ("loader = Mine([1], num_workers=0)", LINES + 1, 1),
        ("loader = functools.partial(DataLoader, batch_size=2)([1])", LINES + 1, 1),
        ("loader = make([1])", 10, 1),
        ("loader, other = make([1]), make([2])", 10, 2),
        ("loader, other = [DataLoader([n]) for n in range(2)]", LINES + 1, 2),
        ("other = DataLoader([1])\nloader = DataLoader([2])", LINES + 2, 1),
    ],
)
def test_the_line_of_a_call(tmp_path, text, line, loaders) -> None:
    """It is the first line of the call, whoever runs it."""
    names, calls = run(tmp_path, text)
    calls.open(names["loader"], "it")
    assert calls.find("it") == LoaderCall(str(tmp_path / "script.py"), line, loaders)
    assert calls.find("another") is None


def test_a_loader_that_is_made_anew_is_one(tmp_path) -> None:
    """Those with one key are the same. One that was never used may be another."""
    names, calls = run(tmp_path, "loaders = [make([1]) for _ in range(3)]\nother = make([2])")
    for loader in names["loaders"]:
        calls.open(loader, "train")
        calls.open(loader, "train")
    assert calls.find("train") == LoaderCall(str(tmp_path / "script.py"), 10, 2)
    calls.open(names["other"], "validation")
    assert calls.find("validation") == LoaderCall(str(tmp_path / "script.py"), 10, 2)


def test_a_loader_of_two_calls_has_none(tmp_path) -> None:
    """Changing one of them would be half of it."""
    names, calls = run(tmp_path, "first = make([1])\nthen = DataLoader([1])")
    calls.open(names["first"], "train")
    assert calls.find("train") is not None
    calls.open(names["then"], "train")
    assert calls.find("train") is None


def test_a_loader_that_a_library_makes_has_no_call(tmp_path) -> None:
    """Neither has one that was made before."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    names, calls = run(folder, "loader = DataLoader([1])")
    calls.open(names["loader"], "it")
    assert calls.find("it") is None
    before = DataLoader([1])
    with watch_calls() as calls:
        calls.open(before, "it")
    assert calls.find("it") is None


def test_the_class_stays_as_it_was(tmp_path) -> None:
    """Also where the user's code fails."""
    make = DataLoader.__init__
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, "loader = DataLoader([1])\n1 / 0")
    assert DataLoader.__init__ is make
