"""`from bench import Sweep` in a script as people write them: one program, several sweeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bench.records.results_folder import read_environment, read_runs
from tests.paths import ROOT

# Without `if __name__ == "__main__"`, beside modules that bear our names.
SCRIPT = """
import json, os, signal, sys, threading, time
import model
from bench import Explain, Sweep
import loaders

light = "pandas" in sys.modules
before = signal.getsignal(signal.SIGINT)
own = Sweep("loaders.py:train_loader", num_workers=[0, 1], blocks=1, epochs=1, out="own").run()
why = Explain("loaders.py:train_loader", blocks=1, epochs=1, batches=4, out="why").run()
found = []

def measure():
    sweep = Sweep(dataset="synthetic:600", data_dir="data", family=["fast_lanes"], num_threads=1, lanes=[2],
                  blocks=1, epochs=1, out="thread")
    found.append(sweep.run())

thread = threading.Thread(target=measure)
thread.start()
thread.join()
interrupted = ""

def interrupt():
    while not os.path.exists("cut/runs.csv"):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    Sweep(dataset="synthetic:600", data_dir="data", num_workers=[0], step="none", blocks=500, out="cut").run()
except KeyboardInterrupt as error:
    interrupted = str(error)
json.dump({
    "names": [model.NAME, loaders.NAME, sys.modules["model"].NAME],
    "handler": signal.getsignal(signal.SIGINT) is before,
    "variables": [name for name in os.environ if name.startswith("LOADERBENCH_")],
    "folder": str(own.folder), "rows": len(own.runs), "configurations": len(own.summary),
    "answer": own.answer, "best": own.best().knobs["num_workers"],
    "notices": found[0].notices, "lanes": str(found[0].runs["lanes"][0]),
    "interrupted": interrupted, "why": why.answer, "explained": [str(why.folder), why.explanation.setup.name],
}, open("facts.json", "w"))
"""
LOADERS = """
import torch
from torch.utils.data import DataLoader, TensorDataset
import model
NAME = "their loaders"

def train_loader():
    return DataLoader(TensorDataset(torch.arange(2048.0).reshape(512, 4)), batch_size=64)
"""
FAMILY = """
from dataclasses import dataclass
from loaders.families.tensor_slice import TensorSlice
from loaders.spec.knobs import Integer, Knob, knob

@dataclass(frozen=True)
class Lanes(TensorSlice):
    lanes: int = knob(Knob("lanes", Integer(1, 64), help="threads that gather"), 1)
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], Path]:
    """The script's end, what it found, and its folder."""
    folder, site = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("site")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "loaders.py").write_text(LOADERS)
    (folder / "model.py").write_text("NAME = 'their model'")
    (site / "others_lanes.py").write_text(FAMILY)
    (site / "others-1.0.dist-info").mkdir()
    (site / "others-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: others\nVersion: 1.0\n"
    )
    entries = "[loaderbench.families]\nfast_lanes = others_lanes:Lanes\nbroken = others_lanes:Nothing\n"
    (site / "others-1.0.dist-info" / "entry_points.txt").write_text(textwrap.dedent(entries))
    # A shell that starts the tests in the background lets them ignore Ctrl-C.
    code = "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
    path = os.pathsep.join([".", str(site), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", f"{code}runpy.run_path('train.py', run_name='__main__')"],
        cwd=folder, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, json.loads((folder / "facts.json").read_text()), folder


def test_a_sweep_in_a_script_returns_its_results(program) -> None:
    """And prints nothing."""
    done, facts, folder = program
    assert (done.stdout, done.stderr) == ("", "")
    assert (facts["folder"], facts["configurations"]) == ("own", 2)
    assert facts["rows"] == len(read_runs(folder / "own"))
    assert "samples/s" in facts["answer"]
    assert facts["best"] in (0, 1)
    assert set(read_runs(folder / "own")["status"]) == {"ok"}


def test_the_program_is_as_it_was(program) -> None:
    """Its modules have their names, Ctrl-C is its own, and its children belong to nobody's watchdog."""
    _, facts, _ = program
    assert facts["names"] == ["their model", "their loaders", "their model"]
    assert facts["handler"]
    assert facts["variables"] == []


def test_an_explanation_in_a_script_returns_its_results(program) -> None:
    """And prints nothing, as the sweep beside it."""
    _, facts, folder = program
    assert facts["explained"] == ["why", "loaders.py:train_loader"]
    assert facts["why"].endswith(".")
    assert (folder / "why" / "explanation.json").exists()


def test_the_recorded_command_means_the_same(program) -> None:
    """So that the sweep can be resumed from a shell."""
    command = read_environment(program[2] / "own")["command"]
    assert command == (
        "python -m bench.sweep loaders.py:train_loader --num-workers 0,1 --blocks 1 --epochs 1 --out own"
    )


def test_a_thread_measures_a_family_of_another_package(program) -> None:
    """The trial's process finds it; a broken one of that package is a notice."""
    _, facts, folder = program
    runs = read_runs(folder / "thread")
    assert set(runs["status"]) == {"ok"}
    assert set(runs["family"]) >= {"fast_lanes"}
    assert facts["lanes"] == "2"
    assert any(
        "the family broken of others can't be used: others_lanes:Nothing" in n for n in facts["notices"]
    )
    assert read_environment(folder / "thread")["versions"]["others"] == "1.0"


def test_an_interrupt_leaves_what_was_measured(program) -> None:
    """The exception says how to go on."""
    _, facts, folder = program
    assert facts["interrupted"] == "Sweep(resume='cut').run() measures the rest"
    assert (folder / "cut" / "runs.csv").exists()
