"""Remembered: the result of a tuning inside a training, in a file for the next run."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bench.analysis.tuning.outcome import Verdict
from bench.records.durable_write import write_atomically
from bench.runner.in_process.settings_grid import KNOBS, is_allowed

# Days for which it holds that there is nothing to gain.
NOTHING_DAYS = 7


@dataclass(frozen=True)
class Remembered:
    """The result of a tuning inside a training.

    Attributes:
        verdict: what can be said of a gain.
        settings: settings that differ from those that were given, by PyTorch's names; none without a gain.
        gain: throughput over that of the given settings in fresh blocks: median, low and high; None without.
        tried: number of settings.
        seconds: time that it took.
        budget_s: time that it was given.
        date: day of the tuning, such as `2026-11-27`.
        reason: why nothing is shown, in one line; empty where something is.
        disturbed: what disturbed the machine meanwhile, in words; empty for nothing.
        lacks_time: whether the reason is a lack of time, which a busy machine makes worse; default False.
    """

    verdict: Verdict
    settings: Mapping[str, Any]
    gain: tuple[float, float, float] | None
    tried: int
    seconds: float
    budget_s: float
    date: str
    reason: str = ""
    disturbed: str = ""
    lacks_time: bool = False

    @property
    def is_worth_keeping(self) -> bool:
        """True if the next run may use it: something is shown, and others left the cores alone meanwhile."""
        return self.verdict != "undecided" and not self.reason and not self.disturbed

    def holds_on(self, day: datetime.date) -> bool:
        """Return whether it still holds: a gain always, and that there is none for a week.

        Args:
            day: the day on which it is asked for.
        """
        if not self.is_worth_keeping:
            return False
        age_days = (day - datetime.date.fromisoformat(self.date)).days
        return self.verdict == "gain" or 0 <= age_days < NOTHING_DAYS


def find_place(key: str) -> Path:
    """Return the file in which a result is remembered.

    Args:
        key: key of the machine and the loader.

    Raises:
        RuntimeError: this user has no home.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return cache / "loaderbench" / "tuned" / f"{key}.json"


def read_remembered(path: Path) -> Remembered | None:
    """Return a result that was written; None where there is none, or none that can be read."""
    try:
        values = json.loads(path.read_bytes())
        return _decode(values)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError):
        return None


def write_remembered(path: Path, result: Remembered) -> None:
    """Write a result. A folder that can't be written is no error: the next run tunes again."""
    with suppress(OSError, RuntimeError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, f"{json.dumps(asdict(result), indent=2)}\n".encode())


def _decode(values: Any) -> Remembered:
    """Return the result that values stand for.

    Raises:
        ValueError: they stand for none.
        TypeError: the same.
        KeyError: one is missing.
    """
    result = Remembered(**{field.name: values[field.name] for field in fields(Remembered)})
    gain = None if result.gain is None else tuple(map(float, result.gain))
    settings, texts = result.settings, (result.date, result.reason, result.disturbed)
    if result.verdict not in ("gain", "nothing", "undecided") or not isinstance(settings, dict):
        raise ValueError("no result of a tuning")
    # The training is given these settings.
    if not all(name in KNOBS and is_allowed(name, value) for name, value in settings.items()):
        raise ValueError("no settings of a DataLoader")
    is_gain = result.verdict == "gain"
    if bool(settings) != is_gain or (gain is not None) != is_gain or (gain is not None and len(gain) != 3):
        raise ValueError("no gain")
    if not all(isinstance(text, str) for text in texts) or not isinstance(result.tried, int):
        raise TypeError("no result of a tuning")
    if not isinstance(result.lacks_time, bool):
        raise TypeError("no result of a tuning")
    datetime.date.fromisoformat(result.date)
    numbers = {"gain": gain, "seconds": float(result.seconds), "budget_s": float(result.budget_s)}
    return Remembered(**{**asdict(result), **numbers})
