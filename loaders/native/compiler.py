"""Compiler: a C compiler of this machine, and how it is run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("ring.c")
HEADERS = tuple(SOURCE.with_name(name) for name in ("plan.h", "gather.h", "resize.h", "shuffle.h"))
DEFAULT_COMPILERS = ("cc", "gcc", "clang")
# The first of these that the compiler accepts. Code for this very machine converts twice as fast as portable
# code.
MACHINE_FLAGS = ("-march=native", "-mcpu=native", "")
FLAGS = ("-O3", "-std=gnu11", "-pthread", "-shared", "-fPIC")
_DEADLINE_S = 60.0
_MESSAGE_LENGTH = 200


class CompilerError(Exception):
    """A compiler that can't build ring.c: one line that names it and the reason."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler.

    Attributes:
        command: the program and its own flags.
        named: whether the environment variable CC names it.
    """

    command: tuple[str, ...]
    named: bool = False

    @property
    def name(self) -> str:
        """The compiler as messages name it: `gcc`, or `CC=...`."""
        return "CC=" * self.named + shlex.join(self.command)

    def is_found(self) -> bool:
        """Return whether its program is on this machine."""
        return shutil.which(self.command[0]) is not None

    def compile(self, target: Path) -> None:
        """Compile ring.c to a shared library.

        Args:
            target: the file to write.

        Raises:
            CompilerError: the program is missing, fails, takes more than 60 s, or writes nothing.
        """
        if not self.is_found():
            raise CompilerError(f"{self.name} is not found")
        for flags in MACHINE_FLAGS:
            command = [*self.command, *FLAGS, *flags.split(), str(SOURCE), "-o", str(target)]
            code, message = self._run(command)
            if code == 0:
                break
        else:
            raise CompilerError(f"{self.name} can't build {SOURCE.name}: {message or f'exit code {code}'}")
        if not target.exists() or target.stat().st_size == 0:
            raise CompilerError(f"{self.name} can't build {SOURCE.name}: it wrote an empty file")

    def _run(self, command: list[str]) -> tuple[int, str]:
        """Run a command; return its exit code and the first line that it printed."""
        # Into a file: a pipe would stay open as long as a grandchild holds it.
        with tempfile.TemporaryFile("w+", errors="replace") as printed:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    env={**os.environ, "LC_ALL": "C"},
                    start_new_session=True,
                )
            except OSError as error:
                raise CompilerError(f"{self.name} can't be run: {error.strerror or error}") from error
            try:
                code = process.wait(_DEADLINE_S)
            except subprocess.TimeoutExpired as error:
                raise CompilerError(f"{self.name} took more than {_DEADLINE_S:g} s") from error
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            printed.seek(0)
            lines = (" ".join(line.split()) for line in printed)
            return code, next((line for line in lines if line), "")[:_MESSAGE_LENGTH]


def list_compilers() -> list[Compiler]:
    """Return the compilers to try, in this order: the one that CC names, cc, gcc, clang."""
    compilers = [Compiler((name,)) for name in DEFAULT_COMPILERS]
    named = os.environ.get("CC", "").strip()
    if not named:
        return compilers
    try:
        # A path may hold spaces; otherwise they separate the program and its flags.
        command = [named] if shutil.which(named) else shlex.split(named)
    except ValueError:
        # An unbalanced quotation mark.
        command = [named]
    return [Compiler(tuple(command), named=True), *(c for c in compilers if list(c.command) != command)]
