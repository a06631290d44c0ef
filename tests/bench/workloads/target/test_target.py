"""Targets of every form: what is opened, and the one line where nothing can be."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from bench.plan.plan import PlanError
from bench.records.errors import ResultsError
from bench.workloads.target.open_source import AsItIs, MadeAnew, is_one_shot, open_target
from bench.workloads.target.target import Target, TargetError
from loaders.data.errors import DataError

MODULE = '''
import functools
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset


class Numbers(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return torch.tensor(index)


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(5))


class Bare:
    """A dataset without a base class."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        if index >= 5:
            raise IndexError
        return index


class Table(Bare):
    """A dataset of a library, which can be iterated too."""

    def __iter__(self):
        return (self[index] for index in range(5))


class Batches:
    """A library's own loader."""

    def __init__(self, size=2):
        self.size = size

    def __iter__(self):
        return (torch.zeros(self.size) for _ in range(3))

    def __len__(self):
        return 3


class Eager(DataLoader):
    """A DataLoader that starts its workers when it is made, for good."""

    def __init__(self, dataset):
        super().__init__(dataset, batch_size=2)
        self.iterator = super().__iter__()

    def __iter__(self):
        yield from self.iterator
        self.iterator._reset(self)


class Config:
    loader = DataLoader(Numbers(), batch_size=5)

    def make(self, size=1):
        return DataLoader(Numbers(), batch_size=size)


class Callable:
    def __call__(self, size=1):
        return DataLoader(Numbers(), batch_size=size)


loader = DataLoader(Numbers(), batch_size=2)
numbers, stream, bare, table = Numbers(), Stream(), Bare(), Table()
tensor = torch.arange(5)
batches = Batches()
listed = [torch.zeros(2)] * 3
eager = Eager(numbers)
config = Config()
called = Callable()
generator = (torch.zeros(2) for _ in range(3))
zipped = zip(listed, listed)


def make(size=2, *, shuffle=False):
    return DataLoader(numbers, batch_size=size, shuffle=shuffle)


def generate(size=2):
    for _ in range(3):
        yield torch.zeros(size)


def make_iterator():
    return iter(DataLoader(numbers, batch_size=2))


partial = functools.partial(make, shuffle=True)


def make_two(): return loader, DataLoader(numbers)
def make_three(): return [loader, numbers, loader]
def make_dict(): return {"train": loader, "val": loader}
def make_nothing(): pass
def make_module(): return torch.nn.Linear(2, 2)
def needs(size): return make(size)
def exits(): raise SystemExit("done")


number, text, settings, array_of = 3, "text", {"lr": 0.1}, {1, 2}
'''


@pytest.fixture
def entering(monkeypatch, tmp_path) -> Iterator[None]:
    """Leave this process afterwards as it was: a target changes where modules are found."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[:])
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    modules = dict(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]
    sys.modules.update(modules)


@pytest.fixture
def project(entering, tmp_path) -> Path:
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def open_named(name: str, folder: Path, **params: object):
    return open_target(Target.parse(f"mine.py:{name}", folder), params)


@pytest.mark.parametrize(
    ("name", "kind", "batches"),
    [
        ("loader", "dataloader", 3),
        ("Config.loader", "dataloader", 1),
        ("numbers", "dataset", 5),
        ("stream", "dataset", 5),
        ("bare", "dataset", 5),
        ("table", "dataset", 5),
        ("tensor", "dataset", 5),
        ("Numbers", "dataset", 5),
        ("batches", "iterable", 3),
        ("Batches", "iterable", 3),
        ("listed", "iterable", 3),
        ("make", "dataloader", 3),
        ("partial", "dataloader", 3),
        ("config.make", "dataloader", 5),
        ("called", "dataloader", 5),
        ("generate", "iterable", 3),
        ("make_iterator", "iterable", 3),
        ("eager", "iterable", 3),
        ("generator", "iterable", 3),
        ("zipped", "iterable", 3),
    ],
)
def test_a_target_of_any_form_is_opened(project, name, kind, batches) -> None:
    """Its kind is known, and it delivers its batches."""
    opened = open_named(name, project)
    assert opened.kind == kind
    assert isinstance(opened.loader, DataLoader) == (kind != "iterable")
    assert len(list(opened.loader)) == batches


def test_a_dataset_gets_pytorchs_defaults(project) -> None:
    """One sample a batch, in order, without workers."""
    loader = open_named("numbers", project).loader
    assert (loader.batch_size, loader.num_workers, loader.pin_memory) == (1, 0, False)
    assert torch.cat(list(loader)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["generate", "make_iterator", "Batches", "eager"])
def test_each_epoch_is_a_whole_one(project, name) -> None:
    """A function that returns an iterator is called anew for each."""
    loader = open_named(name, project).loader
    assert [len(list(loader)) for _ in range(3)] == [3, 3, 3]


def test_a_function_is_called_no_more_often_than_there_are_epochs(project) -> None:
    """The first iterator that it has returned serves the first epoch."""
    made = []
    loader = MadeAnew(iter([1]), lambda: made.append(1) or iter([2]))
    assert [list(loader), len(made), list(loader), len(made)] == [[1], 0, [2], 1]


def test_an_iterator_ends_after_one_epoch(project) -> None:
    """Which is known beforehand, unlike of a library's loader that begins anew."""
    assert is_one_shot(open_named("generator", project).loader)
    assert is_one_shot(open_named("zipped", project).loader)
    for name in ("batches", "generate", "listed", "loader"):
        assert not is_one_shot(open_named(name, project).loader)


def test_a_loader_with_workers_of_its_own_keeps_its_length(project) -> None:
    """It is measured as it is, since its workers have started already."""
    loader = open_named("eager", project).loader
    assert type(loader) is AsItIs
    assert len(loader) == 3


def test_arguments_are_passed(project) -> None:
    """To functions, classes, methods and generators."""
    assert open_named("make", project, size=4, shuffle=True).loader.batch_size == 4
    assert next(iter(open_named("Batches", project, size=7).loader)).shape == (7,)
    assert open_named("config.make", project, size=3).loader.batch_size == 3
    again = open_named("generate", project, size=6).loader
    assert [[len(batch) for batch in again] for _ in range(2)] == [[6, 6, 6]] * 2


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "number",
            "mine.py:number is an int, expected a DataLoader, a Dataset, another iterable of batches, or",
        ),
        ("text", "mine.py:text is a str, expected a DataLoader"),
        ("settings", "mine.py:settings is a dict, expected a DataLoader"),
        ("array_of", "mine.py:array_of is a set, expected a DataLoader"),
        ("make_nothing", "mine.py:make_nothing returned None, expected a DataLoader"),
        ("make_module", "mine.py:make_module returned a Linear, expected a DataLoader"),
        (
            "make_two",
            "mine.py:make_two returned a tuple of 2 parts (DataLoader and DataLoader), expected one",
        ),
        (
            "make_three",
            "returned a list of 3 parts (DataLoader, Numbers and DataLoader), expected one loader",
        ),
        (
            "make_dict",
            "mine.py:make_dict returned a dict of 2 parts (DataLoader and DataLoader), expected one",
        ),
        (
            "needs",
            "mine.py:needs: missing a required argument: 'size'; it takes size; give arguments by --param, "
            "or a function that needs none",
        ),
        (
            "Config.make",
            "mine.py:Config.make is a method, and needs an object of its class: give a function that makes",
        ),
        ("exits", "mine.py:exits: the function calls sys.exit('done')"),
        ("lodaer", "mine.py:lodaer: mine has no lodaer; it has loader, "),
        ("zzz", "mine.py:zzz: mine has no zzz; it has Numbers, Stream, Bare and "),
        (
            "Config.lodaer",
            "mine.py:Config.lodaer: the class Config has no lodaer; if its objects have, give",
        ),
    ],
)
def test_what_is_no_loader_is_told_in_one_line(project, name, error) -> None:
    """What it is, and what is expected."""
    with pytest.raises(TargetError) as raised:
        open_named(name, project)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_several_loaders_are_told_with_the_way_to_one(project) -> None:
    """A name can't point into a tuple."""
    with pytest.raises(TargetError, match=r"def train_loader\(\): return make_loaders\(\)\[0\]"):
        open_named("make_two", project)


@pytest.mark.parametrize(
    ("name", "params", "error"),
    [
        (
            "make",
            {"sise": 3},
            "mine.py:make: there is no parameter sise; it takes size, shuffle;",
        ),
        ("make_two", {"size": 3}, "mine.py:make_two: there is no parameter size; it takes none;"),
        ("loader", {"size": 3}, "mine.py:loader: --param is for a function; this is a DataLoader"),
        ("listed", {"size": 3}, "mine.py:listed: --param is for a function; this is a list"),
    ],
)
def test_wrong_parameters_are_told(project, name, params, error) -> None:
    """With those that the function takes."""
    with pytest.raises(TargetError) as raised:
        open_named(name, project, **params)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("mine.py", "'mine.py' is no target, expected FILE.py:NAME or package.module:NAME"),
        (":loader", "is no target"),
        ("mine.py:", "is no target"),
        ("mine.py:3", "is no target"),
        ("mine.py:make()", "is no target"),
        ("my package:loader", "is no target"),
        ("mine.ipynb:loader", "a notebook can't be imported: write the loader's code into a .py file"),
        ("other.py:loader", "other.py:loader: there is no file "),
        ("mine.v2.py:loader", "mine.v2.py can't be imported: rename it, without the dot before .py"),
        ("folder.py:loader", "there is no file"),
    ],
)
def test_a_text_that_names_no_target(tmp_path, text, error) -> None:
    """It is told before anything is imported."""
    (tmp_path / "mine.v2.py").touch()
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(TargetError) as raised:
        Target.parse(text, tmp_path)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("train", "train.py"),
        ("trian", "train.py"),
        ("tensor_slise", "--family tensor_slice"),
        ("trian.py:loader", "train.py"),
        ("xyzzy", ""),
        ("folder.py:loader", ""),
    ],
)
def test_the_nearest_target_is_named(tmp_path, text, meant) -> None:
    """A file of the folder, or a loader family of Fashion-MNIST."""
    (tmp_path / "train.py").touch()
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(TargetError) as raised:
        Target.parse(text, tmp_path)
    assert str(raised.value).partition("; did you mean ")[2] == f"{meant}?" * bool(meant)


def test_an_error_of_a_target_is_one_of_a_value() -> None:
    """As every error of what was given, in Python too."""
    for error in (TargetError, PlanError, DataError, ResultsError):
        assert issubclass(error, ValueError)


def test_a_file_is_found_from_where_the_sweep_was_started(tmp_path, monkeypatch) -> None:
    """Relative, absolute and from the home folder."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.py").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "there"))
    for text in ("there/mine.py:x", "there/../there/mine.py:x", f"{tmp_path}/there/mine.py:x", "~/mine.py:x"):
        target = Target.parse(text, tmp_path)
        assert (target.folder, target.module, target.name) == (tmp_path / "there", "mine", "x")
        assert (target.start, target.text) == (tmp_path, text)


def test_a_package_is_found_in_the_folder_where_the_sweep_was_started(entering, tmp_path) -> None:
    """With relative imports, which a file alone can't have."""
    package = tmp_path / "project_of_mine" / "data"
    package.mkdir(parents=True)
    (package / "parts.py").write_text("batches = [1, 2]\n")
    (package / "train.py").write_text("from .parts import batches\n")
    target = Target.parse("project_of_mine.data.train:batches", tmp_path)
    assert open_target(target, {}).loader == [1, 2]
    alone = Target.parse("project_of_mine/data/train.py:batches", tmp_path)
    with pytest.raises(TargetError, match=r"imports from its own package: give it as package.module:NAME"):
        alone.load()


def test_a_package_that_is_not_there(entering, tmp_path) -> None:
    """The first missing part of its name is told."""
    with pytest.raises(TargetError, match=f"there is no module nothing_here in {tmp_path}"):
        Target.parse("nothing_here.train:loader", tmp_path).load()


def test_a_module_that_the_users_module_lacks_is_theirs(entering, tmp_path) -> None:
    """The error stays as Python has it."""
    (tmp_path / "lacks.py").write_text("import nothing_here\n")
    with pytest.raises(ModuleNotFoundError, match="nothing_here"):
        Target.parse("lacks.py:loader", tmp_path).load()


def test_a_module_that_lies_where_the_sweep_was_started(entering, tmp_path) -> None:
    """`python scripts/train.py` wouldn't find it, and `python -m scripts.train` does."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "beside_scripts.py").write_text("batches = [1]\n")
    (tmp_path / "scripts" / "needs_it.py").write_text("from beside_scripts import batches\n")
    with pytest.raises(TargetError) as raised:
        Target.parse("scripts/needs_it.py:batches", tmp_path).load()
    assert "No module named 'beside_scripts' (needs_it.py:1 in <module>)" in str(raised.value)
    assert str(raised.value).endswith(f"; it lies in {tmp_path}: give scripts.needs_it:batches")
    assert Target.parse("scripts.needs_it:batches", tmp_path).load() == [1]


@pytest.mark.parametrize(("name", "place"), [("torch", "torch/__init__.py"), ("sys", "Python itself")])
def test_a_name_that_is_taken_already(entering, tmp_path, name, place) -> None:
    """A file torch.py would be another torch for all that has imported it."""
    (tmp_path / f"{name}.py").touch()
    with pytest.raises(TargetError) as raised:
        Target.parse(f"{name}.py:loader", tmp_path).load()
    assert f"{name}.py:loader: a module {name} is loaded already, from " in str(raised.value)
    assert place in str(raised.value)
    assert str(raised.value).endswith(f"rename {tmp_path / name}.py")


def test_a_file_beside_a_package_of_its_name(entering, tmp_path) -> None:
    """Python would import the package."""
    (tmp_path / "doubled").mkdir()
    (tmp_path / "doubled" / "__init__.py").touch()
    (tmp_path / "doubled.py").touch()
    with pytest.raises(TargetError, match=r"Python finds the package .*doubled by that name: rename one"):
        Target.parse("doubled.py:loader", tmp_path).load()


def test_a_module_that_exits_is_an_error(entering, tmp_path) -> None:
    """Not the end of this process."""
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(TargetError, match=r"leaves.py:loader: its module calls sys.exit\(3\)"):
        Target.parse("leaves.py:loader", tmp_path).load()


def test_the_module_sees_its_own_name_and_the_start(entering, tmp_path) -> None:
    """As `python FILE` would have it, without arguments."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "asks.py").write_text(
        "import os, sys\nwords = [sys.argv, os.getcwd(), sys.path[0]]\n"
    )
    words = Target.parse("there/asks.py:words", tmp_path).load()
    assert words == [
        [str(tmp_path / "there" / "asks.py")],
        os.path.realpath(tmp_path),
        str(tmp_path / "there"),
    ]
