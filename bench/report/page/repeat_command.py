"""Write the command that repeats a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Options that name the run's own folder, which can't take a second one. Each has a value.
OF_THE_FOLDER = ("--out", "--resume")


def write_repeat_command(environment: Mapping[str, Any], changes: Mapping[str, str] | None = None) -> str:
    """Return the command of a run without the options that name its folder; empty where it isn't known.

    Args:
        environment: content of environment.json.
        changes: values of options that differ from those of the run; default None.
    """
    changes = changes or {}
    command = str(environment.get("command") or "")
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    if not words:
        return ""
    own = words.index("--") if "--" in words else len(words)
    changed = [word for change in changes.items() for word in change]
    kept = _keep(words[:own], (*OF_THE_FOLDER, *changes))
    return shlex.join([*kept, *changed, *words[own:]])


def _keep(words: Sequence[str], dropped: Sequence[str]) -> Iterator[str]:
    """Yield the words without some options, each of which has a value."""
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word in dropped:
            place += 1
        elif word.partition("=")[0] not in dropped:
            yield word
