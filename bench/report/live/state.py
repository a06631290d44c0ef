"""ProgressState: what a display of progress shows at one moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.analysis.leaders import Leaders


@dataclass(frozen=True)
class ProgressState:
    """Content of a display of progress at one moment.

    Attributes:
        done: number of trials that ended.
        trials: number of all trials.
        left: the time left in words, such as `about 2 min 5 s left`.
        block: number of the block in words, such as `block 1/3`; empty before the first trial.
        doing: name of the trial that runs; empty between trials.
        find_leaders: returns the leaders so far. It takes milliseconds, so a display calls it as often as it
            shows them.
    """

    done: int
    trials: int
    left: str = ""
    block: str = ""
    doing: str = ""
    find_leaders: Callable[[], Leaders] = Leaders
