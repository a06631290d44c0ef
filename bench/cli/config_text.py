"""Write the options of a command as a TOML file that `--config` reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.cli.config_file import SCRIPT_ARGS, TARGET
from bench.cli.grouped_command import GroupedCommand
from bench.cli.option_readers import read_duration, read_percent
from bench.cli.python_options import name_option
from bench.cli.screen_options import SCREEN
from loaders.spec.knobs import format_value

# How values are written that their options read in a unit.
UNITS: dict[Any, Callable[[float], str]] = {
    read_duration: lambda seconds: f"{seconds:.12g}s",
    read_percent: lambda share: f"{100 * share:.12g}%",
}

# Options of one run alone: another one has its own place and prints in its own way.
OF_ONE_RUN = ("out", "resume", "resume_anyway", "dry_run", "apply", "assume_yes", *SCREEN)


def write_config(command: GroupedCommand, program: str, values: Mapping[str, Any]) -> str:
    """Return all options of a command as a TOML file, with a comment for each that has no value.

    Args:
        command: the command.
        program: its name, as `python -m bench.sweep`.
        values: values of its parameters by their names.
    """
    lines = [
        f"# All options of this run. `{program} --config FILE` measures the same again.",
        "# An option without a value is a comment, and so is one that is for a single run.",
        "",
    ]
    if values[TARGET] is not None:
        lines.append(f"{TARGET} = {_format_value(values[TARGET])}")
    if values[SCRIPT_ARGS]:
        lines.append(f"{SCRIPT_ARGS} = [{', '.join(map(_format_value, values[SCRIPT_ARGS]))}]")
    for title, options in command.groups.items():
        lines += [""] * (lines[-1] != "") + [f"# {title.partition(' (')[0]}"]
        for option in options:
            if not option.expose_value:
                continue
            name, value = name_option(option), values[option.name or ""]
            if value is None or value == {} or option.name in OF_ONE_RUN:
                lines.append(f"# {name}: {option.help}")
                continue
            unit = UNITS.get(option.callback)
            lines.append(f"{name} = {_format_value(value if unit is None else unit(value))}")
    return "\n".join([*lines, ""])


def _format_value(value: Any) -> str:
    """Return a value in TOML, as `write_arguments` takes it. A tuple of one value stands as this value."""
    if isinstance(value, Mapping):
        return _format_params(value)
    if isinstance(value, list | tuple):
        return _format_value(value[0]) if len(value) == 1 else f"[{', '.join(map(_format_value, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # JSON's strings are TOML's, apart from the letter that clears a punched tape.
    text = str(value) if isinstance(value, Path) else format_value(value)
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _format_params(params: Mapping[str, tuple[Any, ...]]) -> str:
    """Return parameters as a table; as texts such as `size=128,None` if a value is None, which TOML lacks."""
    if not any(value is None for values in params.values() for value in values):
        return f"{{ {', '.join(f'{_format_key(k)} = {_format_value(v)}' for k, v in params.items())} }}"
    texts = [f"{name}={','.join(map(repr, values))}" for name, values in params.items()]
    return f"[{', '.join(map(_format_value, texts))}]"


def _format_key(name: str) -> str:
    """Return a key of TOML, whose bare letters are those of ASCII."""
    return name if name.isascii() else _format_value(name)
