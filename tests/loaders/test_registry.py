"""Registry: families are found by their files, and a file without a family is an error."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import pytest

from loaders import families as package
from loaders import registry
from loaders.spec.knobs import Integer, Knob, knob
from loaders.spec.loader_spec import LoaderSpec

# With types that pass for classes on Python 3.10.
NEW_FAMILY = """
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from loaders.spec.knobs import Integer, Knob, knob
from loaders.spec.loader_spec import LoaderSpec

Done = Callable[[int], None]
Pairs = Iterable[tuple[int, int]]

@dataclass(frozen=True)
class Loader(LoaderSpec):
    lanes: int = knob(Knob("lanes", Integer(1, 64), help="threads that gather", full=(1, 2)), 1)

    def typical_samples_per_s(self):
        return 1e6

    def build(self, source, *, shuffle, seed):
        return []
"""


def test_a_family_is_named_after_its_file() -> None:
    """Names are file names, and a spec knows its own."""
    found = registry.families()
    assert {"torch_dataloader", "batched_dataloader"} <= set(found)
    assert all(family().family == name for name, family in found.items())


def test_a_new_file_is_a_new_family(tmp_path, monkeypatch) -> None:
    """One new file adds the family and its knob."""
    (tmp_path / "brand_new.py").write_text(NEW_FAMILY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert registry.families()["brand_new"]().family == "brand_new"
    assert registry.all_knobs()["lanes"].full == (1, 2)


def test_a_file_without_a_spec_is_an_error(tmp_path, monkeypatch) -> None:
    """A helper module among the families is refused."""
    (tmp_path / "helper.py").write_text("x = 1")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    with pytest.raises(TypeError, match="helper defines 0 sets of knobs"):
        registry.families()


def test_two_specs_in_a_file_are_an_error() -> None:
    """A file's name is the name of one family."""

    @dataclass(frozen=True)
    class One(LoaderSpec): ...

    @dataclass(frozen=True)
    class Two(LoaderSpec): ...

    module = ModuleType(One.__module__)
    module.one, module.two = One, Two  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="defines 2 sets of knobs"):
        registry.find_spec_class(module)


def test_one_name_is_one_knob(monkeypatch) -> None:
    """A name has one meaning in all families, since it is one option and one column."""

    @dataclass(frozen=True)
    class Other(LoaderSpec):
        num_workers: int = knob(Knob("num_workers", Integer(1, 2), help="something else"), 1)

    known = registry.families()
    monkeypatch.setattr(registry, "_find_all", lambda: {**known, "zz_other": Other})
    with pytest.raises(TypeError, match="zz_other: knob num_workers"):
        registry.all_knobs()
