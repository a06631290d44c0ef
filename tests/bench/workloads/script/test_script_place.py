"""Where a script runs, and scripts that are modules of a package in a src layout."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from bench.cli.apply_setting import check_call
from bench.workloads.script.script_place import find_module_file, is_module
from bench.workloads.target.target import TargetError
from loaders.spec.loader_call import LoaderCall
from tests.bench.workloads.script.script_trials import choose, run

DATA = """
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Points(Dataset):
        def __len__(self):
            return 24

        def __getitem__(self, index):
            return torch.full((2,), float(index))
"""
TRAIN = """
    import sys
    from pathlib import Path

    import torch
    from torch.utils.data import DataLoader

    from .data import Points

    if __name__ == "__main__":
        size = int(Path(sys.argv[1]).read_text())
        Path("runs").mkdir(exist_ok=True)
        loader = DataLoader(Points(), batch_size=size, multiprocessing_context=None)
        for epoch in range(2):
            for batch in loader:
                pass
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """A project whose package lies in src/, as `PYTHONPATH=src python -m mine.train size.txt` runs it."""
    package = tmp_path / "src" / "mine"
    (package / "tools").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "data.py": DATA,
        "train.py": TRAIN,
        "outer.py": TRAIN.replace("from .data", "from mine.data"),
        "tools/__init__.py": "",
        "tools/deep.py": TRAIN.replace("from .data", "from ..data"),
    }
    for name, text in files.items():
        (package / name).write_text(dedent(text))
    (tmp_path / "size.txt").write_text("8")
    return tmp_path


@pytest.fixture
def on_path(project, monkeypatch) -> Path:
    monkeypatch.syspath_prepend(project / "src")
    return project


def test_a_module_runs_as_python_m_runs_it(on_path, tmp_path) -> None:
    """Its relative imports and paths work, and workers that are spawned find its package."""
    choice = choose(on_path, "mine.train", ["size.txt"])
    assert (choice.workload.picked.name, choice.workload.picked.facts.batch_samples) == ("Points", 8)
    assert choice.files == ("runs",)
    package = on_path / "src" / "mine"
    assert {stamp.path.name for stamp in choice.workload.stamps} >= {"train.py", "data.py"}
    line = 1 + dedent(TRAIN).splitlines().index(
        "    loader = DataLoader(Points(), batch_size=size, multiprocessing_context=None)"
    )
    assert choice.offer.loader_call == LoaderCall(str(package / "train.py"), line)
    rows = run(choice, tmp_path, num_workers=1, multiprocessing_context="spawn")
    assert [(row.status, row.samples) for row in rows] == [("ok", 24)] * 2


def test_a_file_runs_in_the_current_folder(project, tmp_path) -> None:
    """Paths of its arguments begin there, as `python scripts/train.py configs/size.txt` finds them."""
    (project / "scripts").mkdir()
    text = TRAIN.replace("from .data", "from data")
    (project / "scripts" / "train.py").write_text(dedent(text))
    (project / "scripts" / "data.py").write_text(dedent(DATA))
    choice = choose(project, "scripts/train.py", ["size.txt"])
    assert choice.workload.picked.facts.batch_samples == 8
    assert choice.files == ("runs",)
    assert not (project / "scripts" / "runs").exists()


@pytest.mark.parametrize(
    ("file", "name"), [("train", "mine.train"), ("outer", "mine.outer"), ("tools/deep", "mine.tools.deep")]
)
@pytest.mark.parametrize("found", [True, False])
def test_a_file_of_a_package_is_told_its_name(project, monkeypatch, file, name, found) -> None:
    """A file can't import from the package that it lies in, unless it is run by its name."""
    if found and file == "outer":
        pytest.skip("Python finds its package then")
    if found:
        monkeypatch.syspath_prepend(project / "src")
    with pytest.raises(TargetError) as caught:
        choose(project, f"src/mine/{file}.py", ["size.txt"])
    message = str(caught.value)
    log = Path(message.rpartition("its output is in ")[2])
    log.unlink()
    after = "" if found else ", after PYTHONPATH=src"
    assert f", before its first batch; give {name}, which runs it as python -m {name} does{after}" in message


def test_an_import_that_fails_for_another_reason_has_no_hint(project) -> None:
    """A library that is missing is told as Python tells it."""
    (project / "src" / "mine" / "train.py").write_text("import no_such_library")
    with pytest.raises(
        TargetError, match=r"No module named 'no_such_library'.*in <module>\), before its"
    ) as caught:
        choose(project, "src/mine/train.py")
    Path(str(caught.value).rpartition("its output is in ")[2]).unlink()


def test_the_file_of_a_module_is_found_without_an_import(on_path) -> None:
    """A package may do anything as it is imported."""
    package = on_path / "src" / "mine"
    (package / "__init__.py").write_text("raise RuntimeError")
    assert find_module_file("mine.tools.deep", on_path) == package / "tools" / "deep.py"
    # The current folder comes first, as for python -m.
    (on_path / "mine").mkdir()
    (on_path / "mine" / "__init__.py").touch()
    (on_path / "mine" / "train.py").touch()
    assert find_module_file("mine.train", on_path) == on_path / "mine" / "train.py"


def test_folders_without_init_are_packages(project) -> None:
    """Unless a package of that name lies further back."""
    deep = project / "jobs" / "vision"
    deep.mkdir(parents=True)
    (deep / "train.py").touch()
    assert find_module_file("jobs.vision.train", project) == deep / "train.py"
    (project / "json").mkdir()
    (project / "json" / "tool.py").touch()
    assert find_module_file("json.tool", project) == Path(json.__file__).parent / "tool.py"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("mine.trian", "there is no module mine.trian"),
        ("mine.train.loader", "for the loader loader in mine.train, give mine.train:loader"),
        ("yours.train", "there is no module yours"),
        ("mine.tools", "mine.tools: no file of Python can be run by this name"),
        ("train.pt", "did you mean train.py?"),
    ],
)
def test_a_module_that_is_not_there(on_path, name, error) -> None:
    """The line names what is missing, or what was meant."""
    (on_path / "train.py").touch()
    with pytest.raises(TargetError) as caught:
        find_module_file(name, on_path)
    assert error in str(caught.value)


def test_only_dotted_names_are_modules() -> None:
    """A word may be a loader family or a mistyped file."""
    assert is_module("mine.train")
    for text in ("train", "train.py", "mine.py:loader", "results/a.b", ".train", "a..b", "my-package.train"):
        assert not is_module(text), text


def test_a_setting_is_written_into_the_file_of_a_module(on_path, monkeypatch) -> None:
    """--apply finds the call in it."""
    monkeypatch.chdir(on_path)
    assert b"DataLoader(Points()" in check_call("mine.train")
