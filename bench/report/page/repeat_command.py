"""Write the command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

# Options that name the run's own folder, which can't take a second one. Each has a value.
OF_THE_FOLDER = ("--out", "--resume")


def write_repeat_command(environment: Mapping[str, Any]) -> str:
    """Return the command of a run without the options that name its folder; empty where it isn't known.

    Args:
        environment: content of environment.json.
    """
    command = str(environment.get("command") or "")
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return shlex.join(_keep(words)) if words else ""


def _keep(words: list[str]) -> Iterator[str]:
    """Yield the words that repeat a run. Those after `--` are the script's own."""
    own = words.index("--") if "--" in words else len(words)
    place = 0
    while place < own:
        word = words[place]
        place += 1
        if word in OF_THE_FOLDER:
            place += 1
        elif word.partition("=")[0] not in OF_THE_FOLDER:
            yield word
    yield from words[own:]
