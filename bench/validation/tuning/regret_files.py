"""Files of the regrets: every tuning beside its judgement, and the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.throughputs import Throughputs
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.text import format_count, format_duration
from bench.validation.judged_table import list_markdown_lines
from bench.validation.tuning.seed_tuning import (
    OF_TEN,
    REGRET,
    TIME_SHARE,
    FailedSeed,
    SeedRegret,
    SeedTuning,
    count_close,
    find_final_regret,
    find_regret,
    judge_tuning,
    passes,
)

REGRETS, SPEEDS, TABLE = "regret.csv", "grid_speeds.csv", "table.md"
TITLES = ("seed", "answer", "time", "of grid", "regret", "leader", "in grid", "setting")
# Columns of text; the others are numbers.
TEXTS = ("answer", "setting")
# Readers of cells, by the types of the fields of a tuning. An unknown is an empty cell.
READERS: Mapping[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "int | None": lambda cell: int(float(cell)) if cell else None,
    "float | None": lambda cell: float(cell) if cell else None,
    "str": str,
    "Verdict": str,
    "Stop": str,
}
AIM = f"at most {TIME_SHARE:.0%} of the time of the whole grid and a regret under {REGRET:.0%}"


@dataclass(frozen=True)
class RegretTable:
    """The tunings, and what was measured of the whole grid.

    Attributes:
        tunings: the tunings.
        failed: the tunings that failed.
        speeds: samples per second of each block of the grid, by configuration.
        names: names of the grid's configurations; the present one comes first.
        blocks: number of whole blocks of the grid that were measured.
        planned: number of blocks that the whole grid has.
        finals: samples per second of each final block, by configuration; none before they are measured.
        blocks_s: seconds that the measured blocks took.
    """

    tunings: tuple[SeedTuning, ...]
    speeds: Throughputs
    names: tuple[str, ...]
    blocks: int
    planned: int
    blocks_s: float
    finals: Throughputs = field(default_factory=dict)
    failed: tuple[FailedSeed, ...] = ()

    @property
    def grid_s(self) -> float:
        """Seconds that all planned blocks take, by those that were measured; 0 before the first one."""
        return self.blocks_s * self.planned / self.blocks if self.blocks else 0.0

    @cached_property
    def judged(self) -> list[SeedRegret]:
        """Judgement of each tuning."""
        return [judge_tuning(one, self.speeds, self.finals, self.grid_s) for one in self.tunings]

    @property
    def passes(self) -> bool:
        """True if enough tunings are right."""
        return passes(self.judged, len(self.failed))

    def make_lines(self) -> list[list[str]]:
        """Return the cells of each tuning, as TITLES names them."""
        return [
            [
                str(one.seed),
                one.verdict,
                f"{one.seconds:.0f} s",
                *map(
                    _format_share,
                    (found.time_share, found.regret, found.leader_regret, found.grid_regret),
                ),
                one.chosen,
            ]
            for one, found in zip(self.tunings, self.judged, strict=True)
        ]

    def describe(self) -> list[str]:
        """Return the sentences that explain the table, the conclusion last."""
        total = len(self.judged) + len(self.failed)
        right = sum(one.is_right for one in self.judged)
        return [
            *(f"seed {one.seed} failed: {one.error}" for one in self.failed),
            *self._describe_grid(),
            "regret: by how much the fastest finalist exceeds the setting in the final blocks. It is a "
            "little too large, since noise inflates the highest of several figures.",
            "leader: the same of the leader of the race. Another setting is chosen where it ties and is "
            "cheaper, or where no gain can be shown.",
            "in grid: by how much the highest median of the grid exceeds that of the setting. With few "
            "blocks it is far too large.",
            f"{right} of {total} tunings took {AIM}. Aim: {OF_TEN} of 10.",
        ]

    def _describe_grid(self) -> list[str]:
        if not self.speeds:
            return ["whole grid: nothing was measured of it."]
        present = find_regret(self.speeds, 0)
        behind = "" if present is None else f" The present setting is {present:,.0%} behind its fastest."
        lines = [
            f"whole grid: {len(self.speeds):,} of {len(self.names):,} settings in {self.blocks} of "
            f"{format_count(self.planned, 'block')}, {format_duration(self.blocks_s)}.{behind}"
        ]
        if self.finals:
            regrets = {number: find_final_regret(self.finals, number) or 0.0 for number in self.finals}
            best = min(regrets, key=regrets.__getitem__)
            blocks = len({block for found in self.finals.values() for block in found})
            lines.append(
                f"finals: the {len(self.finals)} settings that were fastest in the grid or chosen, in "
                f"{format_count(blocks, 'block')} more. The fastest: {self.names[best]}. "
                f"{count_close(self.finals)} have a regret under {REGRET:.0%}."
            )
        return lines


def write_regrets(folder: Path, table: RegretTable) -> None:
    """Write every tuning beside its judgement, the speeds that judge it, and the table for people.

    Args:
        folder: folder of the results.
        table: what was measured so far.

    Raises:
        StorageError: a file can't be written.
    """
    rows = [
        {**asdict(one), **asdict(found), "is_right": found.is_right, "error": ""}
        for one, found in zip(table.tunings, table.judged, strict=True)
    ]
    rows += [{**asdict(one), "is_right": False} for one in table.failed]
    if not rows:
        return
    results_folder.write_csv(folder / REGRETS, pd.DataFrame(rows))
    speeds = [
        {
            "part": part,
            "block": block,
            "samples_per_s": speed,
            "number": number,
            "setting": table.names[number],
        }
        for part, measured in (("grid", table.speeds), ("finals", table.finals))
        for number, blocks in measured.items()
        for block, speed in blocks.items()
    ]
    if speeds:
        results_folder.write_csv(folder / SPEEDS, pd.DataFrame(speeds))
    lines = [
        "# Regret of tunings against the whole grid",
        "",
        *list_markdown_lines(TITLES, TEXTS, table.make_lines()),
        "",
        *(f"- {line}" for line in table.describe()),
        "",
    ]
    results_folder.write_text(folder / TABLE, "\n".join(lines))


def read_tunings(folder: Path) -> list[SeedTuning]:
    """Read the tunings that ended well from a folder of regrets; none where nothing was written.

    Args:
        folder: folder of the results.

    Raises:
        ResultsError: the file holds something else.
    """
    path = folder / REGRETS
    if not path.exists():
        return []
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
        return [
            SeedTuning(**{one.name: READERS[str(one.type)](row[one.name]) for one in fields(SeedTuning)})
            for row in rows
            if not row["error"]
        ]
    except (KeyError, ValueError) as error:
        raise ResultsError(f"{path} is not what --regret wrote: {error!r}; start a new one") from error


def _format_share(share: float | None) -> str:
    return "?" if share is None else f"{share:,.1%}"
