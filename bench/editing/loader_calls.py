"""DataLoader calls of a Python file, found by its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import chain

LOADER = "DataLoader"
# Where torch has the class.
ORIGINS = (f"torch.utils.data.{LOADER}", f"torch.utils.data.dataloader.{LOADER}")


def list_loader_calls(tree: ast.Module) -> list[ast.Call]:
    """Return the calls that make a DataLoader, `functools.partial` of one included, in a fixed order."""
    names = set(_iterate_names(tree))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (_read_name(node.func) in names or (is_partial(node) and _read_name(node.args[0]) in names))
    ]


def is_partial(call: ast.Call) -> bool:
    """Return whether a call is one of functools.partial with an argument."""
    name = _read_name(call.func)
    return bool(call.args) and name is not None and name.rpartition(".")[2] == "partial"


def find_scopes(tree: ast.AST, name: str) -> list[ast.AST]:
    """Return the functions, classes and assigned values of a name.

    Args:
        tree: syntax tree of a module or class.
        name: a name in it, such as `train_loader` or `Config.loader`.
    """
    scopes: list[ast.AST] = [tree]
    for part in name.split("."):
        scopes = [found for scope in scopes for found in _find_bound(scope, part)]
    return scopes


def list_within(calls: Iterable[ast.Call], scopes: Iterable[ast.AST]) -> list[ast.Call]:
    """Return the calls that lie within some parts of the tree."""
    inside = {id(node) for scope in scopes for node in ast.walk(scope)}
    return [call for call in calls if id(call) in inside]


def find_shared(tree: ast.Module, call: ast.Call) -> tuple[str, list[int]] | None:
    """Return the function around a call that a file names in several places, as it may run several times.

    Args:
        tree: syntax tree of a module.
        call: a call in it.

    Returns:
        Its name and the lines of these places; None where no function around the call is named twice.
    """
    for name, scope in _iterate_around(tree, call):
        inside = {id(node) for node in ast.walk(scope)}
        lines = [
            node.lineno
            for node in ast.walk(tree)
            if id(node) not in inside
            and (
                (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load))
                or (isinstance(node, ast.Attribute) and node.attr == name)
            )
        ]
        if len(lines) > 1:
            return name, sorted(lines)
    return None


def find_assignment(tree: ast.Module, name: str) -> int | None:
    """Return the line of the only assignment of a literal to a name of the module; None without one."""
    values = [found for found in _find_bound(tree, name) if isinstance(found, ast.expr)]
    return values[0].lineno if len(values) == 1 and isinstance(values[0], ast.Constant) else None


def _iterate_around(tree: ast.Module, call: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions around a call by the names that call them."""
    for node in ast.walk(tree):
        names: list[str] = []
        scopes: list[ast.AST] = [node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.ClassDef):
            # A class is called where its `__init__` is to run.
            names, scopes = [node.name], find_scopes(node, "__init__")
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = [one.id for one in node.targets if isinstance(one, ast.Name)]
        if names and list_within([call], scopes):
            yield from ((name, node) for name in names)


def _iterate_names(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names under which a file knows the class.

    A class of this name counts wherever it is imported from, as that of torch_geometric takes the same
    arguments.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                for origin in ORIGINS:
                    if origin.startswith(f"{alias.name}."):
                        yield alias.asname + origin[len(alias.name) :] if alias.asname else origin
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full, known = f"{node.module}.{alias.name}", alias.asname or alias.name
                if alias.name in (LOADER, "*"):
                    yield LOADER if alias.name == "*" else known
                for origin in ORIGINS:
                    if origin.startswith(f"{full}."):
                        yield known + origin[len(full) :]


def _read_name(node: ast.expr) -> str | None:
    """Return a dotted name, without an index such as that of `DataLoader[int]`; None for another form."""
    if isinstance(node, ast.Subscript):
        return _read_name(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        value = _read_name(node.value)
        return None if value is None else f"{value}.{node.attr}"
    return None


def _find_bound(scope: ast.AST, name: str) -> Iterator[ast.AST]:
    """Yield what a name is bound to in a module, class or function, but not deeper."""
    for node in _iterate_statements(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name == name:
                yield node
        elif isinstance(node, ast.Assign):
            yield from chain.from_iterable(_match(target, node.value, name) for target in node.targets)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _match(node.target, node.value, name)


def _match(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    """Yield the part of an assigned value that a name gets."""
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                yield from _match(one, part, name)
        elif any(isinstance(one, ast.Name) and one.id == name for one in target.elts):
            yield value


def _iterate_statements(scope: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements of a body, those in its `if`, `try` and the like included."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.stmt):
            yield child
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
        if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _iterate_statements(child)
