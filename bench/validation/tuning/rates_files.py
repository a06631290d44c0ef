"""Files of the rates: every tuning, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bench.records import results_folder
from bench.text import format_share
from bench.validation.judged_table import list_markdown_lines
from bench.validation.tuning.in_process_tuning import InProcessTuning
from bench.validation.tuning.landscape import TIE
from bench.validation.tuning.rates import MOST_WRONG, Rate, bound_share
from bench.validation.tuning.real_tuning import RealTuning
from bench.validation.tuning.simulate import Simulation

SIMULATED, REAL, LOADERS, TABLE = (
    "tuning_simulated.csv",
    "tuning_real.csv",
    "tuning_loaders.csv",
    "table.md",
)
TITLES = (
    "planted",
    "noise",
    "tunings",
    "found",
    "leader",
    "regret",
    "95%",
    "worst",
    "gain",
    "nothing",
    "undecided",
    "false",
    "bound",
    "lost",
    "held",
    "time",
)
# Columns of text; the others are numbers. A screen that is too narrow for all leaves out the spare ones.
TEXTS, SPARE = TITLES[:2], ("leader", "95%", "held", "time")


def write_table(folder: Path, rates: Sequence[Rate]) -> None:
    """Write the table of the rates for people.

    Raises:
        StorageError: it can't be written.
    """
    lines = [
        "# How often a tuning is right",
        "",
        *list_markdown_lines(TITLES, TEXTS, map(make_cells, rates)),
        "",
        *_explain(rates),
    ]
    results_folder.write_text(folder / TABLE, "\n".join([*lines, ""]))


def _explain(rates: Sequence[Rate]) -> list[str]:
    """Return what the columns mean and what is aimed at, with the rate of false claims."""
    false, total = sum(rate.false for rate in rates), sum(rate.total for rate in rates)
    low, high = bound_share(false, total)
    return [
        "- noise: spread of one trial; `+5%` are trials at half speed. Names with `real-` are processes, "
        "those with `loader-` are tune_loader in one process, which tells no leader, no bound and no losses.",
        f"- found: the chosen configuration is the best, or at most {TIE:.0%} slower. leader: that of the "
        "race is; it isn't chosen where its gain can't be shown.",
        "- regret: by how much the best exceeds the chosen one: median, 95th percentile and worst.",
        f"- false: a gain is claimed that isn't there, in all {false} of {total:,} times "
        f"({low:.1%} to {high:.1%}).",
        "- bound: the bound on the regret is too small. lost: the race dropped the fastest one in it.",
        "- held: intervals of the quoted gain that hold the true one, of those that were quoted.",
        "- time: median, over that of a sweep of the whole grid of 5 blocks.",
        f"- Aim: at most {MOST_WRONG:.0%} are not found, false, too small or lost. Lines with `all in` have "
        "a budget of that share of the time of the whole grid, and may miss the best.",
    ]


def make_cells(rate: Rate) -> list[str]:
    """Return the cells of a rate, as TITLES names them."""
    verdicts = [rate.count_verdict(verdict) for verdict in ("gain", "nothing", "undecided")]
    return [
        rate.name,
        rate.noise,
        f"{rate.total:,}",
        f"{rate.found / rate.total:.0%}",
        f"{rate.leading / rate.total:.0%}",
        *map(format_share, rate.find_regrets()),
        *(str(count) for count in (*verdicts, rate.false, rate.broken, rate.lost)),
        f"{rate.held}/{rate.with_interval}",
        "" if rate.time_share is None else f"{rate.time_share:.0%}",
    ]


def write_tunings(
    folder: Path, simulated: Sequence[Simulation], real: Sequence[RealTuning | InProcessTuning]
) -> None:
    """Write every tuning beside the truth, in a file of each part that was asked for.

    Raises:
        StorageError: a file can't be written.
    """
    of_processes = [one for one in real if isinstance(one, RealTuning)]
    of_loaders = [one for one in real if isinstance(one, InProcessTuning)]
    for name, tunings in ((SIMULATED, simulated), (REAL, of_processes), (LOADERS, of_loaders)):
        if tunings:
            results_folder.write_csv(folder / name, pd.DataFrame([asdict(one) for one in tunings]))
