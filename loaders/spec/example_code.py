"""ExampleCode: lines of Python that a user can paste."""

from __future__ import annotations

from collections.abc import Mapping

_WIDTH = 88


class ExampleCode:
    """Lines of Python that a user can paste: imports, and the lines after them.

    Args:
        imports: import lines.

    Attributes:
        imports: import lines, in the order in which they were added.
        lines: the lines after the imports.
    """

    def __init__(self, *imports: str) -> None:
        self.imports = list(imports)
        self.lines: list[str] = []

    def assign(self, name: str, function: str, *positional: str, keywords: Mapping[str, object]) -> None:
        """Add an assignment of a call's result, in several lines if it is long.

        Args:
            name: the variable.
            function: the called function.
            positional: positional arguments, as source text.
            keywords: keyword arguments, as values whose `repr` is source text.
        """
        arguments = [*positional, *(f"{key}={_quote(value)}" for key, value in keywords.items())]
        line = f"{name} = {function}({', '.join(arguments)})"
        if len(line) <= _WIDTH:
            self.lines.append(line)
        else:
            self.lines += [f"{name} = {function}(", *(f"    {argument}," for argument in arguments), ")"]

    def join(self) -> list[str]:
        """Return the sorted imports, each once, an empty line, and the other lines."""
        return [*sorted(set(self.imports), key=_import_order), "", *self.lines]


def _import_order(line: str) -> tuple[bool, str]:
    module = line.split()[1]
    return module.startswith("loaders"), module


def _quote(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
