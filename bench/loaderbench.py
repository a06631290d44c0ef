"""One command with the others below it: `loaderbench sweep`, `loaderbench doctor` and so on.

Each of them is imported when it is called, as some import torch, which takes a second.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from bench.cli.command_line import fail, name_program, run_command
from bench.text import suggest

HELP = "Measure data loaders for PyTorch. `COMMAND --help` says more."
# The commands are the modules of this package by these names.
COMMANDS = {
    "sweep": "Measure data loaders, and print which one to use.",
    "tune": "Find the fastest setting of a loader, and measure its gain.",
    "explain": "Say what bounds a training, and what would help.",
    "doctor": "Check this machine before anything is measured.",
    "compare": "Compare two results folders: same, faster, slower or undecided.",
    "plot": "Draw the charts of a results folder.",
    "pictures": "Show sample pictures of the data.",
    "validate": "Measure loaders of planned costs, and loaders that cheat.",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command below `loaderbench`, or print what commands there are.

    Args:
        arguments: the command's name and its arguments; None for those of this process.
    """
    words = sys.argv[1:] if arguments is None else [*arguments]
    program = name_program()
    if words[:1] and words[0] in COMMANDS:
        importlib.import_module(f"bench.{words[0]}").main(words[1:], program=f"{program} {words[0]}")
    elif not words or words[0] in ("-h", "--help"):
        run_command(make_group(), user_errors=(), arguments=["--help"], program=program)
    else:
        fail(_describe_mistake(words[0], program))


def make_group() -> click.Group:
    """Make the command whose help lists the others."""
    commands = [click.Command(name, help=text) for name, text in COMMANDS.items()]
    return _Group(commands=commands, help=HELP, context_settings={"max_content_width": 100})


class _Group(click.Group):
    """A group whose help lists its commands in their own order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*self.commands]


def _describe_mistake(word: str, program: str) -> str:
    """Return the error for a first word that is no command."""
    if word.startswith("-") or ":" in word or word.endswith(".py"):
        return f"{word} stands after a command: {program} sweep {word} measures loaders"
    meant = suggest(word, COMMANDS) or f": they are {', '.join(COMMANDS)}"
    return f"{word!r} is no command of {program}{meant}"
