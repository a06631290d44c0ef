"""A project whose modules bear the names of ours: theirs is theirs, ours goes on working."""

from __future__ import annotations

import ast
import email.message
import profile
import queue
import statistics
import sys
import threading
from array import array
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bench.plan.configuration import Configuration
from bench.process.fresh_process import FreshProcess
from bench.process.module_names import enter_folder
from bench.process.running_clock import read_running_s
from bench.process.search_path import OWN_FOLDER, PACKAGES, is_own_folder
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.workloads.inspection.target_inspection import Inquiry, inspect_target
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.registry import own_families
from loaders.spec.own_loader_spec import OwnLoaderSpec

# The batches of a project hold what its modules say, read in the process that makes the sample.
LOADER = """
import torch
from torch.utils.data import DataLoader, Dataset

{imports}
import bench, loaders, model, utils


class Numbers(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        import bench, loaders, model, utils
        words = (bench.WORD, loaders.WORD, model.WORD, utils.WORD, WITHIN)
        assert words == {words!r}, words
        return torch.tensor(float(index))


{name} = DataLoader(Numbers(), batch_size=2, num_workers=1, shuffle=True)


def make_step():
    total = []

    def step(batch):
        import model, loaders
        assert (model.WORD, loaders.WORD) == {words!r}[2:0:-1]
        total.append(batch.sum())
        assert sum(total) <= 15 * (1 + len(total) // 3)

    return step
"""
WORDS = ("their bench", "their loaders", "their model", "their utils")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_modules(folder: Path, *, as_packages: bool = False) -> None:
    """Write bench, loaders, model and utils into a folder."""
    for name in ("bench", "loaders", "model", "utils"):
        place = f"{name}/__init__.py" if as_packages and name in ("model", "loaders") else f"{name}.py"
        write(folder / place, f"WORD = 'their {name}'\n")


def write_loader(path: Path, name: str = "train_loader", *, imports: str = "", within: str = "none") -> None:
    text = LOADER.format(imports=imports or f"WITHIN = {within!r}", words=(*WORDS, within), name=name)
    write(path, text)


def measure(target: Target, context, folder: Path, method: str = "fork", workers: int = 1) -> list:
    """Inspect a target, and return the rows of one trial with a step from the same place."""
    place = target.text.rpartition(":")[0]
    step = f"{place}:make_step"
    found = inspect_target(Inquiry(target, {}, steps=[step]), context)
    knobs = {"num_workers": workers, "multiprocessing_context": method if workers else None}
    spec = OwnDataLoader(facts=found.facts, **knobs).resolve()
    assert spec.unavailable() is None
    workload = OwnLoader(target, found.facts, found.digest, stamps=found.stamps)
    # The audit of a second run takes as long again.
    audited = method == "fork"
    trial = Trial(Configuration(spec, "cpu", step, None, 1), 0, 0, 0, 0, workload, 1, seed=0, audited=audited)
    rows = list(TrialRunner(context, TrialLimits(60), folder / "log").run(trial))
    assert [row.error for row in rows] == [None], (folder / "log").read_text()
    assert [(row.status, row.samples) for row in rows] == [("ok", 6)]
    return rows


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_file_beside_modules_of_all_our_names(context, tmp_path, method) -> None:
    """model.py, loaders.py, bench.py and utils.py: in training, in the step and in workers of each kind."""
    write_modules(tmp_path)
    write_loader(tmp_path / "train.py")
    measure(Target.parse("train.py:train_loader", tmp_path), context, tmp_path, method)


def test_a_module_of_a_package_beside_packages_of_our_names(context, tmp_path) -> None:
    """With relative imports, a package model/ and a package loaders/."""
    write_modules(tmp_path, as_packages=True)
    write(tmp_path / "project" / "__init__.py", "")
    write(tmp_path / "project" / "words.py", "WITHIN = 'within'\n")
    write_loader(tmp_path / "project" / "train.py", imports="from .words import WITHIN", within="within")
    measure(Target.parse("project.train:train_loader", tmp_path), context, tmp_path)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_target_itself_bears_our_name(context, tmp_path, name) -> None:
    """bench.py:loader, loaders.py:loader, model.py:loader, in another folder than the current one."""
    write_modules(tmp_path / "there")
    write_loader(
        tmp_path / "there" / f"{name}.py", "loader", imports=f"WITHIN, WORD = 'none', 'their {name}'"
    )
    measure(Target.parse(f"there/{name}.py:loader", tmp_path), context, tmp_path, workers=0)


def test_packages_without_init_in_a_src_folder_that_the_file_adds(context, tmp_path) -> None:
    """A namespace package model/ wins against ours, in a worker that isn't forked, wherever it lies."""
    write(tmp_path / "src" / "loaders.py", "WORD = 'their loaders'\n")
    write(tmp_path / "src" / "model" / "loaders.py", "WORD = 'below'\n")
    write(tmp_path / "src" / "model" / "net" / "model.py", "WORD = 'further below'\n")
    write(
        tmp_path / "train.py",
        "import sys, torch\nfrom torch.utils.data import DataLoader, Dataset\n"
        f"sys.path.insert(0, {str(tmp_path / 'src')!r})\n"
        "class Numbers(Dataset):\n"
        "    def __len__(self): return 6\n"
        "    def __getitem__(self, index):\n"
        "        import model.loaders, model.net.model, loaders\n"
        "        words = (model.loaders.WORD, model.net.model.WORD, loaders.WORD)\n"
        "        assert words == ('below', 'further below', 'their loaders'), words\n"
        "        return torch.tensor(index)\n"
        "train_loader = DataLoader(Numbers())\n"
        "def make_step(): return print\n",
    )
    measure(Target.parse("train.py:train_loader", tmp_path), context, tmp_path, "spawn")


@pytest.mark.parametrize("name", ["test", "data", "datasets", "torchdata", "config", "my-train"])
def test_a_file_with_the_name_of_a_library(context, tmp_path, name) -> None:
    """Theirs wins where the library's isn't imported already."""
    write_modules(tmp_path)
    write_loader(tmp_path / f"{name}.py")
    measure(Target.parse(f"{name}.py:train_loader", tmp_path), context, tmp_path, workers=0)


def enter_and_import(folder: Path, names: list[str]) -> Iterator[dict[str, str]]:
    """Enter a folder, import modules, and yield their files; then the modules that bear our names."""
    enter_folder(folder)
    yield {name: __import__(name, fromlist=["x"]).__file__ for name in names}
    yield {name: str(module.__file__) for name, module in sys.modules.items() if name in PACKAGES}


def look(context, log: Path, folder: Path, names: list[str]) -> list[dict[str, str]]:
    work = partial(enter_and_import, folder, names)
    with FreshProcess(work, context=context, log=log, title="test") as process:
        return [process.take(read_running_s() + 60) for _ in range(2)]


def test_ours_are_given_back_where_nobody_else_has_the_name(context, tmp_path) -> None:
    """A user's code may use our ring, and have a model of its own."""
    write(tmp_path / "there" / "model.py", "")
    names = ["loaders.ring", "model", "bench.text"]
    found, after = look(context, tmp_path / "log", tmp_path / "there", names)
    assert found == {
        "loaders.ring": str(OWN_FOLDER / "loaders" / "ring" / "__init__.py"),
        "model": str(tmp_path / "there" / "model.py"),
        "bench.text": str(OWN_FOLDER / "bench" / "text.py"),
    }
    assert after.keys() == set(PACKAGES)


def give_back(folder: Path) -> Iterator[bool]:
    """Yield whether a module of ours is the same after its name was given up and back."""
    before = sys.modules["bench.text"]
    enter_folder(folder)
    yield "bench.text" in sys.modules or any(map(is_own_folder, sys.path))
    yield __import__("bench.text", fromlist=["x"]) is before and any(map(is_own_folder, sys.path))
    # A step lies in a folder of its own.
    enter_folder(folder / "steps")
    yield sys.modules["bench.text"] is before and any(map(is_own_folder, sys.path))


def test_a_module_that_is_given_back_is_the_same(context, tmp_path) -> None:
    """Its classes are the same, too, and workers that aren't forked can find it."""
    work = partial(give_back, tmp_path)
    with FreshProcess(work, context=context, log=tmp_path / "log", title="test") as process:
        assert [process.take(read_running_s() + 60) for _ in range(3)] == [False, True, True]


# Python's modules that this file, and so the trial's process, has imported before.
LOADED = (email, profile, queue, statistics, threading)


def import_pythons(folder: Path) -> Iterator[object]:
    """Enter a folder, and yield which modules with the names of Python's are the user's."""
    enter_folder(folder)
    names = ["array", "time", *(module.__name__ for module in LOADED)]
    yield {name for name in names if hasattr(__import__(name), "WORD")}, "email.message" in sys.modules
    # Objects of Python's, as trials send them.
    yield array("q", [1, 2]), statistics.StatisticsError
    # A step lies in a folder of its own.
    enter_folder(folder / "steps")
    yield sys.modules["profile"].WORD


def test_a_users_module_with_the_name_of_pythons(context, tmp_path) -> None:
    """It's found beside the file, as `python train.py` finds it, but for those that Python holds itself."""
    for file in ("array", "email/__init__", "profile", "statistics", "time", "threading"):
        write(tmp_path / f"{file}.py", "WORD = 'theirs'")
    # Without __init__.py, Python's comes first.
    write(tmp_path / "queue" / "words.py", "")
    (tmp_path / "steps").mkdir()
    work = partial(import_pythons, tmp_path)
    with FreshProcess(work, context=context, log=tmp_path / "log", title="test") as process:
        found = [process.take(read_running_s() + 60) for _ in range(3)]
    theirs = {"email", "profile", "statistics"}
    assert found == [(theirs, False), (array("q", [1, 2]), statistics.StatisticsError), "theirs"]


def enter_own_folder() -> Iterator[bool]:
    enter_folder(OWN_FOLDER)
    yield "bench.text" in sys.modules and sys.path[0] == str(OWN_FOLDER)


def test_our_own_folder_keeps_our_names(context, tmp_path) -> None:
    """A target in the checkout, such as an example, is run beside our packages."""
    with FreshProcess(enter_own_folder, context=context, log=tmp_path / "log", title="test") as process:
        assert process.take(read_running_s() + 60)


def list_inner_imports(path: Path) -> list[str]:
    """Return the modules of ours that a file imports within its functions."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    imports = [node for function in functions for node in ast.walk(function)]
    names = [node.module or "" for node in imports if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    return [name for name in names if name.partition(".")[0] in PACKAGES]


@pytest.mark.parametrize(
    "package", ["bench/process", "bench/trial", "bench/workloads", "bench/plan", "loaders"]
)
def test_no_function_imports_ours(package) -> None:
    """In a trial of a user's loader it would find theirs. The families of pictures serve no such trial."""
    found = {
        path.name: names
        for path in (OWN_FOLDER / package).rglob("*.py")
        if (names := list_inner_imports(path))
    }
    assert found.keys() <= {"image_folder.py", "torch_dataloader.py"}


def list_late_modules(target: Target, spec: OwnLoaderSpec, facts: object) -> Iterator[list[str]]:
    """Run a trial, and yield the modules of ours that were imported after the user's folder was entered."""
    workload = OwnLoader(target, facts, "0" * 64)
    trial = Trial(Configuration(spec, "cpu", "1ms", None, 1), 0, 0, 0, 0, workload, 1, seed=0)
    for runs in (trial.run(), trial.repeat()):
        next(runs)
        yield [name for name in sys.modules if name.partition(".")[0] in PACKAGES]


@pytest.mark.parametrize(
    ("name", "family"), [("loader", "dataloader"), ("loader", "in_memory"), ("generate", "iterable")]
)
def test_nothing_of_ours_is_imported_late(context, tmp_path, name, family) -> None:
    """Where a user has no such modules, a late import would bring ours back under their names."""
    write(
        tmp_path / "train.py",
        "import torch\nfrom torch.utils.data import DataLoader\n"
        "loader = DataLoader(torch.arange(6), num_workers=1)\n"
        "def generate(): yield torch.zeros(6)\n",
    )
    target = Target.parse(f"train.py:{name}", tmp_path)
    found = inspect_target(Inquiry(target, {}), context)
    spec = own_families()[family](facts=found.facts).resolve()
    work = partial(list_late_modules, target, spec, found.facts)
    with FreshProcess(work, context=context, log=tmp_path / "log", title="test") as process:
        assert process.take(read_running_s() + 60) == []
        assert process.take(read_running_s() + 60) == []


def test_the_current_folder_and_the_arguments_are_the_users(context, tmp_path) -> None:
    """Relative paths begin where the sweep was started; there are no arguments to parse."""
    write(tmp_path / "rows.txt", "1 2 3")
    write(
        tmp_path / "deeper" / "train.py",
        "import argparse, sys\nfrom pathlib import Path\nimport torch\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--epochs', default=3)\n"
        "assert parser.parse_args().epochs == 3\n"
        "rows = [torch.tensor(int(word)) for word in Path('rows.txt').read_text().split()]\n"
        "assert Path(sys.argv[0]).name == 'train.py'\n",
    )
    found = inspect_target(Inquiry(Target.parse("deeper/train.py:rows", tmp_path), {}), context)
    assert found.facts.batches == 3
    assert Path.cwd() != tmp_path
