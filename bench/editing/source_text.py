"""SourceText: a Python file as text, in which places of the syntax tree are found again."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.editing.errors import EditError

# Python's own ends of lines. str.splitlines knows more, which end no line of a program.
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class SourceText:
    """A Python file as text. Its line ends are kept as they are.

    Attributes:
        path: the file, as errors name it.
        text: its text, without a byte order mark.
        encoding: its encoding, as Python finds it.
    """

    path: Path
    text: str
    encoding: str

    @classmethod
    def decode(cls, path: Path, content: bytes) -> SourceText:
        """Return the text of a file.

        Args:
            path: the file, as errors name it.
            content: its bytes.

        Raises:
            EditError: it is no text in the encoding that it declares.
        """
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
            text = content.decode(encoding)
        except (SyntaxError, UnicodeDecodeError) as error:
            raise EditError(f"{path} can't be read as Python: {error}") from None
        if text.encode(encoding) != content:
            raise EditError(f"{path} would not stay as it is: its encoding {encoding} has several forms")
        return cls(path, text, encoding)

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        return self.text.encode(self.encoding)

    def replace(self, start: int, end: int, new: str) -> SourceText:
        """Return the text with another part from one place to another."""
        return SourceText(self.path, self.text[:start] + new + self.text[end:], self.encoding)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises:
            EditError: the text is no Python.
        """
        try:
            return ast.parse(self.text)
        except SyntaxError as error:
            raise EditError(f"{self.path} line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise EditError(f"{self.path} can't be read as Python: {error}") from None

    @cached_property
    def _lines(self) -> list[tuple[int, str]]:
        """The place and the text of each line."""
        return [(match.start(), match.group()) for match in LINE.finditer(self.text)]

    def find_start(self, node: ast.expr | ast.keyword) -> int:
        """Return the place at which a node begins."""
        return self._find_place(node.lineno, node.col_offset)

    def find_end(self, node: ast.expr | ast.keyword) -> int:
        """Return the place behind a node."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise EditError(f"{self.path} line {node.lineno}: its end isn't known")
        return self._find_place(node.end_lineno, node.end_col_offset)

    def find_line_start(self, place: int) -> int:
        """Return the place at which the line of a place begins."""
        return max(self.text.rfind(end, 0, place) for end in "\r\n") + 1

    def find_line_end(self, place: int) -> int:
        """Return the place of the end of the line of a place, before its line feed."""
        ends = [found for end in "\r\n" if (found := self.text.find(end, place)) >= 0]
        return min(ends, default=len(self.text))

    def read_line_feed(self, place: int) -> str:
        """Return the line feed at a place: of two characters, of one, or none at the end of the text."""
        if self.text.startswith("\r\n", place):
            return "\r\n"
        return self.text[place : place + 1]

    def read_feed_before(self, line_start: int) -> str:
        """Return the line feed that ends the line before the one that begins at a place."""
        return self.read_line_feed(line_start - (2 if self.text.endswith("\r\n", 0, line_start) else 1))

    def _find_place(self, line: int, column: int) -> int:
        """Return a place in the text.

        Args:
            line: number of the line, from 1.
            column: bytes of UTF-8 before it in that line, as the syntax tree counts.
        """
        start, text = self._lines[line - 1]
        return start + len(text.encode()[:column].decode())
