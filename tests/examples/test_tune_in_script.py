"""The example of docs/tune-in-a-script.md."""

from __future__ import annotations

import runpy
import sys

import pytest

from tests.paths import ROOT

TRAIN = ROOT / "examples" / "tune_in_script" / "train.py"
FEW = ["--epochs", "2", "--samples", "64", "--latency-ms", "0.1"]


@pytest.mark.parametrize("options", [[], ["--tune", "--budget", "0.5"]])
def test_the_example_trains_with_and_without_tuning(tmp_path, monkeypatch, capsys, options) -> None:
    """Tuning says its result in one line."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(TRAIN), *FEW, *options])
    runpy.run_path(str(TRAIN), run_name="__main__")
    printed = capsys.readouterr()
    assert printed.out.count("epoch ") == 2
    assert printed.err.startswith("loaderbench: ") is bool(options)
