"""Target: what a user points the toolkit at."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, Dataset

from bench.process.module_names import enter_folder
from bench.text import describe_error

FORMS = "FILE.py:NAME or package.module:NAME"


class TargetError(ValueError):
    """A target that can't be measured: one line that says why, and what is expected."""


@dataclass(frozen=True)
class Target:
    """A name in a module of the user's.

    Attributes:
        text: the target as it was given, `FILE.py:NAME` or `package.module:NAME`.
        folder: folder in which the module is found; the module's own, or the current one for a package.
        module: name of the module.
        name: name in it, such as `train_loader` or `Config.loader`.
    """

    text: str
    folder: Path
    module: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Target:
        """Return the target that a text names. Nothing is imported.

        Raises:
            TargetError: the text has another form, or there is no such file.
        """
        place, colon, name = text.rpartition(":")
        if not colon or not place or not name or not all(part.isidentifier() for part in name.split(".")):
            raise TargetError(f"{text!r} is no target, expected {FORMS}")
        if place.endswith(".py"):
            path = Path(place).expanduser()
            if not path.is_file():
                raise TargetError(f"{text}: there is no file {place}")
            return cls(text, path.absolute().parent, path.stem, name)
        if not all(part.isidentifier() for part in place.split(".")):
            raise TargetError(f"{text!r} is no target, expected {FORMS}")
        return cls(text, Path.cwd(), place, name)

    def load(self) -> Any:
        """Import the module, and return what the target names. The user's modules come before ours then.

        Raises:
            TargetError: there is no such module or name.
        """
        enter_folder(self.folder)
        try:
            found: Any = importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name is not None and self.module.startswith(error.name):
                raise TargetError(f"{self.text}: there is no module {error.name}") from None
            raise
        for part in self.name.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                raise TargetError(f"{self.text}: {self.module} has no {part}") from None
        return found


def open_source(target: Target, params: Mapping[str, Any]) -> Any:
    """Return the loader that a target names or makes.

    Args:
        target: a DataLoader, a Dataset, another iterable of batches, or a function that returns one.
        params: arguments of the function.

    Returns:
        A DataLoader, with PyTorch's defaults over a Dataset; or another iterable.

    Raises:
        TargetError: the target is none of these, or its function takes other arguments.
    """
    found = target.load()
    if _is_function(found):
        check_params(target, found, params)
        found = found(**params)
    elif params:
        raise TargetError(f"{target.text}: --param is for a function; this is a {type(found).__name__}")
    if isinstance(found, Dataset):
        return DataLoader(found)
    if isinstance(found, DataLoader) or hasattr(type(found), "__iter__"):
        return found
    if hasattr(found, "__getitem__") and hasattr(found, "__len__"):
        # A dataset needs no base class.
        return DataLoader(found)
    raise TargetError(
        f"{target.text} is a {type(found).__name__}, expected a DataLoader, a Dataset, another iterable of "
        "batches, or a function that returns one"
    )


def check_params(target: Target, function: Callable[..., Any], params: Mapping[str, Any]) -> None:
    """Check that a function takes these arguments and needs no others.

    Raises:
        TargetError: it takes others.
    """
    try:
        inspect.signature(function).bind(**params)
    except TypeError as error:
        raise TargetError(f"{target.text}: {describe_error(error)}; give its arguments by --param") from None
    except ValueError:
        # A function of a C extension doesn't tell its arguments.
        return


def _is_function(found: Any) -> bool:
    return callable(found) and not isinstance(found, Dataset | DataLoader) and not hasattr(found, "__iter__")
