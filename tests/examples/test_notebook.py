"""The notebook among the examples, run from top to bottom by a kernel of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.paths import ROOT

pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = ROOT / "examples" / "notebook"
NAME = "find_loader.ipynb"
# In a process of its own: the client keeps sockets and an event loop.
RUN = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], 4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""
# Places where Jupyter and IPython would leave files in the home folder.
HOMES = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR")


def read_cells(path: Path) -> list[dict[str, Any]]:
    """Return the cells of code of a notebook."""
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A copy of the example's folder, in which the notebook was run."""
    place = tmp_path_factory.mktemp("notebook") / "example"
    shutil.copytree(FOLDER, place, ignore=shutil.ignore_patterns("results", ".*", "__pycache__"))
    homes = dict.fromkeys(HOMES, str(tmp_path_factory.mktemp("home")))
    done = subprocess.run(
        [sys.executable, "-c", RUN, NAME], cwd=place, capture_output=True, text=True,
        env={**os.environ, **homes, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def outputs(folder) -> dict[str, list[dict[str, Any]]]:
    """The outputs of each cell, by the start of its code."""
    return {"".join(cell["source"]).split("\n")[-1]: cell["outputs"] for cell in read_cells(folder / NAME)}


def list_data(outputs: list[dict[str, Any]], kind: str) -> Iterator[str]:
    """Yield the data of one kind of some outputs."""
    for output in outputs:
        if kind in output.get("data", {}):
            yield "".join(output["data"][kind])


def test_the_notebook_is_kept_without_outputs() -> None:
    """They differ from run to run."""
    assert all(
        cell["outputs"] == [] and cell["execution_count"] is None for cell in read_cells(FOLDER / NAME)
    )


def test_a_sweep_shows_its_progress_by_default(outputs) -> None:
    """One output that was replaced, beside the lines before it; nothing goes to the streams."""
    shown = outputs["results = sweep.run()"]
    assert {output["output_type"] for output in shown} == {"display_data"}
    assert re.fullmatch(r"<p>\d+ trials measured</p>", list(list_data(shown, "text/html"))[-1])
    assert any("2 configurations × 3 blocks" in text for text in list_data(shown, "text/plain"))


def test_results_show_the_answer_with_the_report(outputs, folder) -> None:
    """The same sentence as `answer` prints. Each run of the notebook has a folder of its own."""
    (html,) = list_data(outputs["results"], "text/html")
    (plain,) = list_data(outputs["results"], "text/plain")
    (printed,) = outputs["print(results.answer)"]
    answer, place = plain.split("\nResults: ")
    assert answer == "".join(printed["text"]).strip()
    assert place.startswith("results/")
    assert "<pre><code># " in html
    assert "train.py:train_loader" in html
    assert f'<a href="{place}/report.html" target="_blank">' in html
    assert (folder / place / "report.html").is_file()


def test_the_best_configuration_has_knobs_and_code(outputs) -> None:
    """The last expression of a cell shows its value."""
    printed, knobs = outputs["best.knobs"]
    assert "samples/s" in "".join(printed["text"])
    assert "train.py:train_loader" in "".join(printed["text"])
    assert "'num_workers': " in "".join(knobs["data"]["text/plain"])


def test_charts_are_shown(outputs) -> None:
    """As pictures, with words for who can't see them."""
    shown = outputs["charts = results.plot()"]
    assert len(list(list_data(shown, "image/png"))) == len(shown) > 1


def test_an_explanation_shows_its_answer(outputs) -> None:
    """After its progress."""
    *shown, last = outputs["why"]
    assert any("trials measured" in text for text in list_data(shown, "text/plain"))
    (html,) = list_data([last], "text/html")
    assert "<strong>" in html
    assert re.search(r'<a href="results/[^"]*/report.html" target="_blank">', html)
