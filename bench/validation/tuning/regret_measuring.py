"""RegretMeasuring: tunings and blocks of the whole grid that were measured so far, each kept at once."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.analysis.throughputs import Throughputs
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.text import format_count, format_duration
from bench.validation.keeping import Failure, attempt
from bench.validation.tuning.real_tuning import run_tuning
from bench.validation.tuning.regret_files import RegretTable, read_tunings, write_regrets
from bench.validation.tuning.regret_options import RegretOptions
from bench.validation.tuning.seed_tuning import (
    FINAL_BLOCKS,
    FailedSeed,
    SeedTuning,
    choose_finalists,
    describe_seed,
)
from bench.validation.tuning.whole_grid import WholeGrid

NAME = "regret"
# Folders of the whole grid and of its finalists, beside those of the tunings.
GRID, FINALS = "whole-grid", "finals"
# Files that `python -m bench.plot` makes again from the others.
DRAWN = (".png", ".svg", ".html")


@dataclass
class RegretMeasuring:
    """Tunings and blocks of the grid that were measured so far.

    Attributes:
        options: the order.
        folder: folder of the results.
        grid: the whole grid.
        facts: content of environment.json, whose entry `regret` says how far the measuring is.
        tunings: the tunings that have ended well.
        failed: those that failed.
        finals: the finalists; None before they are chosen.
        finalists: their numbers in the whole grid.
    """

    options: RegretOptions
    folder: Path
    grid: WholeGrid
    facts: dict[str, Any]
    tunings: list[SeedTuning] = field(default_factory=list)
    failed: list[FailedSeed] = field(default_factory=list)
    finals: WholeGrid | None = None
    finalists: list[int] = field(default_factory=list)
    _began_s: float = field(default_factory=time.monotonic)
    _took_s: float = 0.0

    def restore(self) -> None:
        """Read what an earlier command has measured. Tunings that failed are measured again.

        Raises:
            ResultsError: a file holds something else.
        """
        done = self.facts[NAME]
        self.tunings = read_tunings(self.folder)
        self.grid.blocks = int(done.get("grid_blocks", 0))
        self.grid.seconds, self.grid.part_s = (float(done.get(name, 0)) for name in ("grid_s", "grid_part_s"))
        self._took_s = float(done.get("took_s", 0))

    def list_steps(self) -> list[int | None]:
        """Return the steps that are left: the seed of a tuning, or None for a block of the grid."""
        ended = {one.seed for one in self.tunings}
        steps = [seed for seed in self.options.list_steps() if seed not in ended]
        measured = self.grid.blocks
        blocks = itertools.count()
        return [seed for seed in steps if seed is not None or next(blocks) >= measured]

    def take(self, seed: int | None) -> str:
        """Run a tuning or a block of the grid, write the files, and say in one line what it found."""
        if seed is None:
            began_s = self.grid.seconds
            self.grid.measure()
            taken = format_duration(self.grid.seconds - began_s)
            found = f"{format_count(len(self.grid.names), 'setting')}, {taken}"
        else:
            one = attempt(f"seed {seed}", partial(self._tune, seed))
            if isinstance(one, Failure):
                self.failed.append(FailedSeed(seed, one.cause))
                found = f"failed: {one.cause}"
            else:
                self.tunings.append(one)
                gain = "" if one.gain is None else f" {one.gain:.2f}"
                trials = format_count(one.trials, "trial")
                found = f"{one.verdict}{gain}, {one.chosen}, {trials}, {one.seconds:.0f} s"
        self.write()
        return found

    def take_finals(self) -> str:
        """Compare the fastest of the grid with what was chosen, and say in one line what was measured."""
        self.finalists = choose_finalists(self.tunings, self.grid.read_speeds())
        if not self.finalists:
            return "nothing was measured that could be compared"
        then = self.facts[NAME].get(FINALS, {})
        # Blocks of other finalists say nothing of these.
        is_begun = then.get("settings") == self.finalists
        name = then["folder"] if is_begun else _find_free(self.folder, FINALS)
        self.facts[NAME][FINALS] = {"folder": name, "settings": self.finalists}
        results_folder.write_json(self.folder / results_folder.ENVIRONMENT, self.facts)
        self.finals = self.grid.choose(self.finalists, self.folder / name)
        self.finals.measure(FINAL_BLOCKS)
        self.write()
        settings, blocks = format_count(len(self.finalists), "setting"), format_count(FINAL_BLOCKS, "block")
        return f"{settings}, {blocks}, {format_duration(self.finals.seconds)}"

    def make_table(self) -> RegretTable:
        """Return the tunings beside what is known of the grid."""
        grid = self.grid
        return RegretTable(
            tunings=tuple(sorted(self.tunings, key=lambda one: one.seed)),
            speeds=grid.read_speeds(),
            names=grid.names,
            blocks=grid.blocks,
            planned=self.options.blocks,
            blocks_s=grid.seconds,
            finals=self._read_finals(),
            failed=tuple(self.failed),
        )

    def write(self) -> None:
        """Write the tables, and how far the measuring is.

        Raises:
            StorageError: a file can't be written.
        """
        write_regrets(self.folder, self.make_table())
        grid = self.grid
        self.facts[NAME].update(
            grid_blocks=grid.blocks,
            grid_s=round(grid.seconds, 1),
            grid_part_s=round(grid.part_s, 1),
            took_s=round(self._took_s + time.monotonic() - self._began_s),
        )
        results_folder.write_json(self.folder / results_folder.ENVIRONMENT, self.facts)

    def _read_finals(self) -> Throughputs:
        speeds = {} if self.finals is None else self.finals.read_speeds()
        return {self.finalists[place]: found for place, found in speeds.items()}

    def _tune(self, seed: int) -> SeedTuning:
        # A tuning that ended early can't go on, and stays as it is.
        folder = self.folder / _find_free(self.folder, f"seed-{seed}")
        began_s = read_running_s()
        tuning = run_tuning(self.options.make_tuning(seed, folder), folder.name)
        seconds = read_running_s() - began_s
        for path in folder.rglob("*"):
            if path.suffix in DRAWN:
                path.unlink()
        return describe_seed(seed, tuning, seconds, self.grid.find_number)


def _find_free(folder: Path, name: str) -> str:
    """Return a name that the folder doesn't hold: this one, or with `-2` and so on behind it."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(one for one in names if not (folder / one).exists())
