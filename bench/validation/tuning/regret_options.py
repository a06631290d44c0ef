"""RegretOptions: the order that measures regrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.plan.tune_options import TuneOptions

# Returns the order of a tuning with a seed, whose results go to a folder.
MakeTuning = Callable[[int, Path], TuneOptions]


@dataclass(frozen=True)
class RegretOptions:
    """The order that measures regrets.

    Attributes:
        make_tuning: makes the order of a tuning.
        words: options of the tuning on the command line.
        seeds: number of tunings, with seeds from 0.
        blocks: number of blocks of the whole grid.
        out: folder of the results; None for a new one below `results/`.
        is_resumed: whether `out` holds a part of them already.
    """

    make_tuning: MakeTuning
    words: tuple[str, ...]
    seeds: int
    blocks: int
    out: Path | None = None
    is_resumed: bool = False

    @property
    def command(self) -> str:
        """The command line that measures the same."""
        words = ["--seeds", str(self.seeds), "--blocks", str(self.blocks), "--", *self.words]
        return f"python -m bench.validate --regret {shlex.join(words)}"

    def list_steps(self) -> list[int | None]:
        """Return the order of the measuring, in which blocks of the grid lie evenly between the tunings.

        Returns:
            The seed of a tuning, or None for a block.
        """
        tunings = [((seed + 0.5) / self.seeds, False, seed) for seed in range(self.seeds)]
        blocks = [((block + 0.5) / self.blocks, True, None) for block in range(self.blocks)]
        return [seed for _, _, seed in sorted([*tunings, *blocks], key=lambda step: step[:2])]
