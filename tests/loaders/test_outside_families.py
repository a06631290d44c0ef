"""Families of other packages: found by entry points, checked, and never in the way of ours."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable

import click
import pytest

from bench.cli.python_options import name_option
from bench.cli.sweep_command import make_sweep_command
from bench.machine.environment import describe_environment
from bench.records.row import list_fixed_columns
from loaders import registry
from loaders.spec import outside_family
from loaders.spec.family_name import name_family
from tests.bench.report.sweeps import parse

PICTURES = """
    from dataclasses import dataclass
    from loaders.spec.knobs import Choice, Integer, Knob, knob
    from loaders.spec.loader_spec import LoaderSpec

    LANES = Knob("lanes", Integer(1, 64), help="threads that gather", full=(1, 2))

    @dataclass(frozen=True)
    class Fast(LoaderSpec):
        lanes: int = knob(LANES, 1)

        def typical_samples_per_s(self):
            return 1e6

        def build(self, source, *, shuffle, seed):
            return []
"""
OWN = """
    from dataclasses import dataclass
    from loaders.spec.own_loader_spec import OwnLoaderSpec

    @dataclass(frozen=True)
    class Own(OwnLoaderSpec):
        @classmethod
        def refuse(cls, facts):
            return None

        def build(self, source):
            return source

        def describe_changes(self):
            return []
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path, monkeypatch) -> Install:
    """Install a package with these entry points in a folder on the search path, as pip would lay it out."""
    made: list[str] = []

    def put(entries: dict[str, str], **modules: str) -> None:
        folder = tmp_path / f"site{len(made)}"
        info = folder / "others-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join(["[loaderbench.families]", *lines, ""]))
        for name, code in modules.items():
            (folder / f"{name}.py").write_text(textwrap.dedent(code))
        made.extend(modules)
        monkeypatch.syspath_prepend(str(folder))

    yield put
    for name in made:
        sys.modules.pop(name, None)


def test_a_family_of_another_package_is_one_of_all(install) -> None:
    """It bears the name of its entry point, and its knobs are options."""
    before = [*registry.families()]
    install({"fast_lanes": "others_fast:Fast"}, others_fast=PICTURES)
    assert [*registry.families()] == sorted([*before, "fast_lanes"])
    spec = registry.families()["fast_lanes"]
    assert spec().family == name_family(spec) == "fast_lanes"
    assert registry.all_knobs()["lanes"].full == (1, 2)
    assert registry.find_problems() == {}
    assert describe_environment("", "", "")["versions"]["others"] == "1.0"
    request = parse("--family", "fast_lanes", "--lanes", "1,4").request
    assert (request.family, request.knobs) == (("fast_lanes",), {"lanes": (1, 4)})


def test_a_family_of_own_data_is_one_of_those(install) -> None:
    """Also where the package offers the class under another name than that of its definition."""
    install(
        {"passes": "others_front:Passes"}, others_own=OWN, others_front="from others_own import Own as Passes"
    )
    assert registry.own_families()["passes"]().family == "passes"
    assert "passes" not in registry.families()
    assert parse("train.py:loader", "--family", "passes").request.family == ("passes",)


def test_presets_of_a_shared_knob_stay_ours(install) -> None:
    """A family with an earlier name may give the same knob other presets."""
    mine = "MINE = replace(BATCH_SIZE, full=(7,))"
    code = PICTURES.replace("    LANES", f"    from dataclasses import replace\n    {mine}\n    LANES")
    code = code.replace("import LoaderSpec", "import BATCH_SIZE, LoaderSpec")
    code = code.replace("lanes: int", "batch_size: int = knob(MINE, 7)\n        lanes: int")
    ours = registry.all_knobs()["batch_size"]
    install({"aaa": "others_shared:Fast"}, others_shared=code)
    assert registry.families()["aaa"]().batch_size == 7
    assert registry.all_knobs()["batch_size"] == ours


BROKEN = {
    "import": ("x:Fast", "raise OSError('no such\\nlibrary')", "x:Fast: OSError: no such"),
    "exit": ("x:Fast", "raise SystemExit('bye')", "x:Fast: SystemExit: bye"),
    "missing": ("no_such_module:Fast", "", "no_such_module:Fast: ModuleNotFoundError: No module named"),
    "attribute": ("x:Slow", PICTURES, "x:Slow: AttributeError: "),
    "class": ("x:LANES", PICTURES, "x:LANES is no subclass of LoaderSpec and none of OwnLoaderSpec"),
    "abstract": ("x:Fast", PICTURES.replace("def build", "def builds"), "x:Fast with its defaults: Type"),
    "plan": ("x:Fast", PICTURES.replace("return 1e6", "raise KeyError"), "x:Fast with its defaults: Key"),
    "knob": ("x:Fast", PICTURES.replace("lanes", "num_workers"), "its knob num_workers is declared"),
    "option": ("x:Fast", PICTURES.replace("lanes", "out"), "its knob out has the name of an option"),
    "column": ("x:Fast", PICTURES.replace("lanes", "wall_s"), "its knob wall_s has the name of an option"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_family_is_one_line(install, kind) -> None:
    """All others are there, and asking for it tells the reason."""
    value, code, reason = BROKEN[kind]
    module = f"others_broken_{kind}"
    before = [*registry.families()]
    install({"their": value.replace("x:", f"{module}:")}, **{module: code})
    assert [*registry.families()] == before
    (problem,) = registry.find_problems().values()
    expected = f"the family their of others can't be used: {reason.replace('x:', f'{module}:')}"
    assert problem.startswith(expected)
    assert "\n" not in problem
    with pytest.raises(click.UsageError) as error:
        parse("--family", "their")
    assert error.value.message == f"--family: {problem}"
    assert parse("--family", "memory_map").request.family == ("memory_map",)


def test_a_name_that_is_taken_stays_ours(install) -> None:
    """Of ours, and of an earlier package."""
    install({"memory_map": "others_taken:Fast"}, others_taken=PICTURES)
    assert registry.families()["memory_map"].__module__ == "loaders.families.memory_map"
    assert "another family has this name" in registry.find_problems()["memory_map"]


@pytest.mark.parametrize("name", ["Fast", "two words", "a,b"])
def test_a_name_must_fit_the_command_line(install, name) -> None:
    """Which reads names in lower case, separated by commas."""
    install({name: "others_named:Fast"}, others_named=PICTURES)
    assert "its name isn't of lower-case letters, digits and _" in registry.find_problems()[name]


def test_the_names_that_are_taken_are_known() -> None:
    """Each option that is no knob, and each column that is no knob."""
    options = [one for one in make_sweep_command(lambda _: 0).params if isinstance(one, click.Option)]
    names = {name for one in options for name in (one.name, name_option(one))} - set(registry.all_knobs())
    arguments = {"target", "script_args", "help"}
    assert set(outside_family.OPTIONS) == names | arguments
    assert set(outside_family.COLUMNS) | set(outside_family.OPTIONS) >= set(list_fixed_columns())
    assert set(outside_family.COLUMNS) <= set(list_fixed_columns())
