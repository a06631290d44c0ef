"""CallText: the text of one DataLoader call, whose arguments are replaced, added and removed."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from bench.editing.errors import EditError
from bench.editing.source_text import SourceText

# Arguments of a DataLoader that may be given by their position.
POSITIONS = (
    "dataset",
    "batch_size",
    "shuffle",
    "sampler",
    "batch_sampler",
    "num_workers",
    "collate_fn",
    "pin_memory",
    "drop_last",
    "timeout",
    "worker_init_fn",
    "multiprocessing_context",
    "generator",
)
BLANK = re.compile(r"[ \t\f]*")
# The rest of a line without code.
EMPTY = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
# What may stand between the last argument and the end of a call: nothing of it is a text.
GAP = re.compile(r"(?:[^#,)]|#[^\r\n]*)*")


@dataclass(frozen=True)
class CallText:
    """The text of one DataLoader call.

    Attributes:
        source: the file.
        call: the call, a node of its tree.
    """

    source: SourceText
    call: ast.Call

    def find(self, name: str) -> ast.expr | None:
        """Return the value of an argument; None where it isn't given.

        Raises:
            EditError: it may be given by `*` or `**`.
        """
        keyword = self._find_keyword(name)
        if keyword is not None:
            return keyword.value
        if any(isinstance(one, ast.Starred) for one in self.call.args) and name in POSITIONS:
            raise EditError(f"{self.place}: *{self._read_star()} may hold {name}")
        place = POSITIONS.index(name) if name in POSITIONS else len(POSITIONS)
        if place < len(self.call.args):
            return self.call.args[place]
        for one in self.call.keywords:
            if one.arg is None:
                raise EditError(f"{self.place}: **{ast.unparse(one.value)} may hold {name}")
        return None

    @property
    def place(self) -> str:
        """The file and the line of the call."""
        return f"{self.source.path} line {self.call.lineno}"

    def is_keyword(self, name: str) -> bool:
        """Return whether an argument is given by its name."""
        return self._find_keyword(name) is not None

    def replace(self, value: ast.expr, new: str) -> SourceText:
        """Return the file with another value in place of one."""
        return self.source.replace(self.source.find_start(value), self.source.find_end(value), new)

    def add(self, argument: str) -> SourceText:
        """Return the file with an argument behind the last one, in the style of the call.

        Args:
            argument: name and value, such as `num_workers=2`.
        """
        source, spans = self.source, self._list_spans()
        if not spans:
            end = source.find_end(self.call) - 1
            return source.replace(end, end, argument)
        start, end = spans[-1]
        line_start, line_end = source.find_line_start(start), source.find_line_end(end)
        indent = source.text[line_start:start]
        begins_line = not indent.strip() and (len(spans) == 1 or spans[-2][1] < line_start)
        comma = BLANK.match(source.text, end)
        behind = end if comma is None else comma.end()
        has_comma = source.text.startswith(",", behind)
        if not begins_line:
            return source.replace(end, end, f", {argument}")
        feed = source.read_feed_before(line_start)
        if has_comma and EMPTY.match(source.text, behind + 1):
            return source.replace(line_end, line_end, f"{feed}{indent}{argument},")
        if not has_comma and EMPTY.match(source.text, end):
            # A comment behind the last argument stays there.
            added = source.replace(line_end, line_end, f"{feed}{indent}{argument}")
            return added.replace(end, end, ",")
        if not has_comma and source.text.startswith(")", behind):
            return source.replace(end, end, f",{feed}{indent}{argument}")
        return source.replace(end, end, f", {argument}")

    def remove(self, name: str) -> SourceText:
        """Return the file without an argument that is given by its name."""
        source, keyword = self.source, self._find_keyword(name)
        if keyword is None:
            raise EditError(f"{self.place}: {name} isn't given by its name")
        text, start, end = source.text, source.find_start(keyword), source.find_end(keyword)
        blank = BLANK.match(text, end)
        behind = end if blank is None else blank.end()
        has_comma = text.startswith(",", behind)
        behind = behind + 1 if has_comma else end
        line_start, line_end = source.find_line_start(start), source.find_line_end(end)
        if not text[line_start:start].strip() and EMPTY.match(text, behind):
            return source.replace(line_start, line_end + len(source.read_line_feed(line_end)), "")
        if has_comma:
            blank = BLANK.match(text, behind)
            after = behind if blank is None else blank.end()
            if EMPTY.match(text, behind):
                # No blanks are left at the end of the line.
                return source.replace(line_start + len(text[line_start:start].rstrip()), behind, "")
            return source.replace(start, after, "")
        before = [span_end for span_start, span_end in self._list_spans() if span_start < start]
        if before and "#" not in text[before[-1] : start]:
            start = before[-1]
        return source.replace(start, end, "")

    def _find_keyword(self, name: str) -> ast.keyword | None:
        return next((one for one in self.call.keywords if one.arg == name), None)

    def _read_star(self) -> str:
        return next(ast.unparse(one.value) for one in self.call.args if isinstance(one, ast.Starred))

    def _list_spans(self) -> list[tuple[int, int]]:
        """Return where each argument begins and ends, its parentheses included, in the order of the text."""
        source = self.source
        nodes: list[ast.expr | ast.keyword] = [*self.call.args, *self.call.keywords]
        spans = sorted((source.find_start(node), source.find_end(node)) for node in nodes)
        if not spans:
            return []
        nexts = [*(start for start, _ in spans[1:]), source.find_end(self.call) - 1]
        return [(start, self._close(end, until)) for (start, end), until in zip(spans, nexts, strict=True)]

    def _close(self, end: int, until: int) -> int:
        """Return the place behind the parentheses that close around an argument."""
        closed = place = end
        while place < until:
            gap = GAP.match(self.source.text, place, until)
            place = until if gap is None else gap.end()
            if place < until and self.source.text[place] == ")":
                closed = place + 1
            place += 1
        return closed
