"""The plugin that records outcomes, in a run of pytest."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import pytest

from tests.cuda.outcomes import FAILURES, OUTCOMES, count_outcomes, describe_outcomes
from tests.paths import ROOT

TESTS = """
import pytest

def test_right():
    pass

def test_wrong():
    print("a hint")
    assert 1 == 2

@pytest.mark.skip(reason="needs a moon")
def test_skipped():
    pass

@pytest.fixture
def broken():
    raise OSError("no moon")

def test_broken(broken):
    pass
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the outcomes of a run of pytest."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_none.py").write_text("import no_such_module\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", str(folder), "--rootdir", str(folder), "-c", os.devnull, "-p",
            "no:cacheprovider", "--continue-on-collection-errors", "-p", "tests.cuda.outcome_recorder",
            "--outcomes", str(folder),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return folder


def test_each_test_has_an_outcome(folder) -> None:
    """A skipped test has its reason too."""
    with (folder / OUTCOMES).open(newline="") as file:
        rows = {row["test"].rpartition("::")[2]: row for row in csv.DictReader(file)}
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "test_none.py": "error", "test_right": "passed", "test_wrong": "failed", "test_skipped": "skipped",
        "test_broken": "error",
    }  # fmt: skip
    assert rows["test_skipped"]["reason"] == "needs a moon"
    assert float(rows["test_right"]["seconds"]) < 60
    counts = count_outcomes(folder)
    assert describe_outcomes(counts) == "1 failed, 2 error, 1 passed, 1 skipped"


def test_failures_are_explained(folder) -> None:
    """Their texts are kept with what the tests printed."""
    text = (folder / FAILURES).read_text()
    for words in ("assert 1 == 2", "a hint", "no moon", "no_such_module"):
        assert words in text


def test_a_folder_without_tests_has_no_outcomes(tmp_path) -> None:
    """Its part is no run of pytest."""
    assert count_outcomes(tmp_path) is None
