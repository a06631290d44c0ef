"""Target: what a user points the toolkit at."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bench.process.errors import ExplainedError
from bench.process.module_names import enter_folder
from bench.text import describe_error, join_few, suggest
from loaders.registry import families

FORMS = "FILE.py:NAME or package.module:NAME"


class TargetError(ExplainedError, ValueError):
    """A target that can't be measured: one line that says why, and what is expected."""


@dataclass(frozen=True)
class Target:
    """A name in a module of the user's.

    Attributes:
        text: the target as it was given, `FILE.py:NAME` or `package.module:NAME`.
        folder: folder in which the module is found; the file's own, or `start` for a package.
        module: name of the module.
        name: name in it, such as `train_loader` or `Config.loader`.
        start: the folder in which the sweep was started; relative paths of the user's code begin there.
    """

    text: str
    folder: Path
    module: str
    name: str
    start: Path

    @classmethod
    def parse(cls, text: str, start: Path | None = None) -> Target:
        """Return the target that a text names. Nothing is imported.

        Args:
            text: the target, as a user gives it.
            start: folder in which a relative path begins; default None, the current one.

        Raises:
            TargetError: the text has another form, or there is no such file.
        """
        start = Path.cwd() if start is None else start
        place, colon, name = text.rpartition(":")
        if not colon or not place or not name or not all(part.isidentifier() for part in name.split(".")):
            meant = suggest_target(text, start, {name: f"--family {name}" for name in families()})
            raise TargetError(f"{text!r} is no target, expected {FORMS}{meant}")
        if place.endswith(".py"):
            return cls(text, *_find_file(text, start / Path(place).expanduser()), name, start)
        if place.endswith(".ipynb"):
            raise TargetError(
                f"{text}: a notebook can't be imported: write the loader's code into a .py file"
            )
        if not all(part.isidentifier() for part in place.split(".")):
            raise TargetError(f"{text!r} is no target, expected {FORMS}")
        return cls(text, start, place, name, start)

    @property
    def file(self) -> Path | None:
        """The file that was named; None for a target in a package."""
        is_file = self.text.rpartition(":")[0].endswith(".py")
        return self.folder / f"{self.module}.py" if is_file else None

    def load(self) -> Any:
        """Import the module, and return what the target names. The user's modules come before ours then.

        The module sees no arguments of the command line, as they are the sweep's.

        Raises:
            TargetError: there is no such module or name, another module bears its name, or it calls sys.exit.
        """
        enter_folder(self.folder)
        os.chdir(self.start)
        sys.argv = [str(self.file or self.module)]
        self._check_name()
        try:
            with refuse_exit(f"{self.text}: its module"):
                module = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is not None and f"{self.module}.".startswith(f"{error.name}."):
                raise TargetError(f"{self.text}: there is no module {error.name} in {self.start}") from None
            if hint := self._hint_at_package(str(error.name)):
                raise TargetError(f"{self.text}: {describe_error(error)}; {hint}") from error
            raise
        except ImportError as error:
            if "no known parent package" in str(error):
                raise TargetError(
                    f"{self.text}: the file imports from its own package: give it as package.module:NAME"
                ) from error
            raise
        return self._find_name(module)

    def _hint_at_package(self, missing: str) -> str:
        """Return how to name a file so that it finds a module beside its own folder; empty if it can't."""
        top = missing.partition(".")[0]
        if self.file is None or not self.file.is_relative_to(self.start):
            return ""
        if PathFinder.find_spec(top, [str(self.start)]) is None:
            return ""
        parts = self.file.relative_to(self.start).with_suffix("").parts
        return f"it lies in {self.start}: give {'.'.join(parts)}:{self.name}"

    def _check_name(self) -> None:
        """Check that no other module has taken the name of the user's."""
        top = self.module.partition(".")[0]
        spec = PathFinder.find_spec(top, [str(self.folder)])
        if spec is None or spec.origin is None:
            return
        if self.file is not None and not _is_same(spec.origin, self.file):
            raise TargetError(
                f"{self.text}: Python finds the package {Path(spec.origin).parent} by that name: rename one"
            )
        loaded = sys.modules.get(top)
        place = getattr(loaded, "__file__", None)
        if loaded is not None and (place is None or not _is_same(place, Path(spec.origin))):
            raise TargetError(
                f"{self.text}: a module {top} is loaded already, from {place or 'Python itself'}: rename "
                f"{spec.origin}"
            )

    def _explain_missing(self, module: ModuleType, owner: Any, part: str) -> str:
        """Return what has no such name, with the names that it has, or where an object's is to be had."""
        if owner is module:
            names = _list_names(module, part)
            return f"{self.module} has no {part}{f'; it has {join_few(names)}' if names else ''}"
        if isinstance(owner, type):
            return (
                f"the class {owner.__name__} has no {part}; if its objects have, give a function that makes "
                "one and returns its loader, or the script as it is"
            )
        return f"{self.name.rpartition('.' + part)[0]} has no {part}"

    def _find_name(self, module: ModuleType) -> Any:
        found: Any = module
        for part in self.name.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                raise TargetError(f"{self.text}: {self._explain_missing(module, found, part)}") from None
        return found


def _list_names(module: ModuleType, wanted: str) -> list[str]:
    """Return the public names of a module: those like the wanted one, then its own, then imported ones."""
    names = [name for name in vars(module) if not name.startswith("_")]

    def is_imported(name: str) -> bool:
        found = vars(module)[name]
        home = getattr(found, "__module__", None) if isinstance(found, type | FunctionType) else None
        return isinstance(found, ModuleType) or home not in (None, module.__name__) or name == "annotations"

    alike = difflib.get_close_matches(wanted, names)
    return [*alike, *sorted((name for name in names if name not in alike), key=is_imported)]


def check_params(target: Target, function: Callable[..., Any], params: Mapping[str, Any]) -> None:
    """Check that a function takes these arguments and needs no others.

    Raises:
        TargetError: it takes others.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # A function of a C extension doesn't tell its arguments.
        return
    known = signature.parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    unknown = [] if takes_any else [name for name in params if name not in known]
    try:
        if unknown:
            raise TypeError(f"there is no parameter {join_few(unknown)}")
        signature.bind(**params)
    except TypeError as error:
        if "." in target.name and next(iter(known), "") == "self":
            raise TargetError(
                f"{target.text} is a method, and needs an object of its class: give a function that makes "
                "one and returns its loader, or the script as it is"
            ) from None
        taken = f"it takes {', '.join(known)}" if known else "it takes none"
        raise TargetError(
            f"{target.text}: {error}; {taken}; give arguments by --param, or a function that needs none"
        ) from None


@contextmanager
def refuse_exit(what: str) -> Iterator[None]:
    """Turn a call of sys.exit in a user's code into an error.

    Args:
        what: names that code.

    Raises:
        TargetError: the code called sys.exit.
    """
    try:
        yield
    except SystemExit as error:
        code = "" if error.code is None else repr(error.code)
        raise TargetError(f"{what} calls sys.exit({code})") from error


def name_kind(value: Any) -> str:
    """Return the class of a value as a sentence has it, such as `a DataLoader`, `an int` or `None`."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def describe_theirs(error: BaseException) -> str:
    """Return an exception of a user's code in one line, with what to do about some."""
    text = describe_error(error)
    return f"{text}; there is no input to read" if isinstance(error, EOFError) else text


def check_file(text: str, path: Path) -> None:
    """Check that there is the file of a target or script.

    Args:
        text: the target, as a user gives it.
        path: the file.

    Raises:
        TargetError: there is no such file; the line names the nearest one.
    """
    if not path.is_file():
        raise TargetError(f"{text}: there is no file {path}{suggest(path.name, _list_files(path.parent))}")


def suggest_target(text: str, start: Path, others: Mapping[str, str]) -> str:
    """Return what a user may have meant by a text that is no target, such as `; did you mean train.py?`.

    Args:
        text: the text.
        start: folder in which a relative path begins.
        others: other names that are known, and what is shown for each.

    Returns:
        The end of an error's line; empty where nothing is near.
    """
    files = {name.removesuffix(".py"): name for name in _list_files(start)}
    shown = {**files, **others}
    return suggest(text, shown, shown=shown)


def _list_files(folder: Path) -> list[str]:
    """Return the names of the Python files of a folder; none where it can't be read."""
    return sorted(one.name for one in folder.glob("*.py") if one.is_file())


def _find_file(text: str, path: Path) -> tuple[Path, str]:
    """Return the folder of a file, and the name of its module."""
    check_file(text, path)
    if "." in path.stem:
        raise TargetError(f"{text}: {path.name} can't be imported: rename it, without the dot before .py")
    # Not resolved: a link lies in the folder that it was put into.
    path = Path(os.path.abspath(path))  # noqa: PTH100
    return path.parent, path.stem


def _is_same(place: str, path: Path) -> bool:
    try:
        return Path(place).samefile(path)
    except OSError:
        return False
