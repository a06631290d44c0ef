"""Warnings: reasons to distrust the figures of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis.stability import MOST_BLOCKS, USABLE_PRECISION, find_unstable
from bench.text import abbreviate, capitalise, join_few, join_words

# A true shuffle is within a few hundredths of 1. A shuffle within a window or of whole shards lies far below.
WELL_SHUFFLED = 0.9
# Noise explains a share of a ceiling up to here.
NOISE_OVER_CEILING = 1.1
# Work outside the clock is reported from this share of an epoch on.
OUTSIDE_SHARE = 0.05
# CPU time is counted in ticks of 10 ms, so less than two of them says nothing.
LEAST_CPU_S = 0.02


@dataclass(frozen=True)
class ResultWarning:
    """One reason to distrust figures.

    Attributes:
        title: the kind of reason, in one to four words.
        text: the configurations concerned, and the cure, as one line of plain text.
    """

    title: str
    text: str


def find_warnings(summary: pd.DataFrame, names: Mapping[int, str]) -> list[ResultWarning]:
    """Find the reasons to distrust the figures of a sweep, at most one of each kind.

    Args:
        summary: the lines of the sweep's configurations.
        names: the name of each configuration, by its number.
    """
    ranked = summary[summary["rank"].notna()].assign(name=summary["configuration"].map(names))
    checks: list[Callable[[pd.DataFrame], ResultWarning | None]] = [
        _warn_of_instability,
        _warn_of_disturbance,
        _warn_of_ceilings,
        _warn_of_order,
        _warn_of_building,
        _warn_of_work_between_epochs,
    ]
    return [found for check in checks if (found := check(ranked)) is not None]


def _warn_of_instability(ranked: pd.DataFrame) -> ResultWarning | None:
    unstable = find_unstable(ranked)
    if not unstable:
        return None
    lines = ranked.set_index("configuration")
    spreads = [
        f"{lines.loc[one.configuration, 'name']} "
        f"({abbreviate(one.slowest)} to {abbreviate(one.fastest)} samples/s)"
        for one in unstable
    ]
    cures = ["close other programs"]
    # Where the sweep varies them, it has tried that already.
    if (ranked["num_threads"] > 1).all():
        cures.append("try --num-threads 1")
    text = f"blocks disagree for {join_few(spreads)}. {_describe_blocks(unstable[0].blocks_needed, cures)}"
    return ResultWarning("Unstable", text)


def _describe_blocks(needed: int | None, cures: Sequence[str]) -> str:
    """Return the cures of blocks that disagree in words, with more blocks where they are one.

    Args:
        needed: blocks that an interval of ±5% takes; None where it is as narrow already.
        cures: the other cures.
    """
    if needed is None:
        return f"{capitalise(join_words(cures))}."
    precision = f"{USABLE_PRECISION:.0%}"
    if needed <= MOST_BLOCKS:
        return f"{capitalise(join_words(cures))}; --precision {precision} takes about {needed} blocks."
    longer = capitalise(join_words([*cures, "measure longer epochs by --epochs 10"]))
    return f"More blocks don't help, as ±{precision} takes over {MOST_BLOCKS}. {longer}."


def _warn_of_disturbance(ranked: pd.DataFrame) -> ResultWarning | None:
    disturbed = ranked[ranked["disturbed_blocks"] > 0].sort_values("disturbed_blocks", ascending=False)
    if disturbed.empty:
        return None
    shares = disturbed["disturbed_blocks"].astype(str) + " of " + disturbed["blocks"].astype(str)
    named = join_few(disturbed["name"] + " (" + shares + " blocks)")
    return ResultWarning("Disturbed", f"{named}, repetitions included; runs.csv names the cause.")


def _warn_of_ceilings(ranked: pd.DataFrame) -> ResultWarning | None:
    over = ranked[ranked["ceiling_share"] > NOISE_OVER_CEILING]
    if over.empty:
        return None
    over = over.sort_values("ceiling_share", ascending=False)
    named = join_few(over["name"] + " (" + over["ceiling_share"].map("{:.0%}".format) + ")")
    return ResultWarning(
        "Above the ceiling",
        f"{named}: the ceiling was measured in a slower moment; repeat the sweep.",
    )


def _warn_of_order(ranked: pd.DataFrame) -> ResultWarning | None:
    partly = ranked[ranked["shuffle_quality"] < WELL_SHUFFLED].sort_values("shuffle_quality")
    if partly.empty:
        return None
    named = join_few(partly["name"] + " (" + partly["shuffle_quality"].map("{:.2f}".format) + ")")
    return ResultWarning(
        "Not fully shuffled", f"{named}, where a true shuffle has 1: shuffling less is less work."
    )


def _warn_of_building(ranked: pd.DataFrame) -> ResultWarning | None:
    """Warn of a loader that takes longer to build than others, by more than a twentieth of its epoch.

    Every trial reads the data and builds its loader. Only the excess over the quickest of the sweep on the
    same data can be work that belongs to the epochs. It must exceed that one's whole time as well, since
    readings of a file vary.
    """
    quickest = ranked.groupby("dataset")["build_s"].transform("min")
    excess = ranked["build_s"] - quickest
    slow = ranked[(excess > OUTSIDE_SHARE * ranked["wall_s"]) & (excess > quickest)]
    if slow.empty:
        return None
    slow = slow.sort_values("build_s", ascending=False)
    spent = slow["build_s"].map("{:.2g} s before epochs of ".format) + slow["wall_s"].map("{:.2g} s".format)
    return ResultWarning(
        "Slow to build", f"{join_few(slow['name'] + ' (' + spent + ')')}; no figure counts it."
    )


def _warn_of_work_between_epochs(ranked: pd.DataFrame) -> ResultWarning | None:
    """Warn of a loader that works between epochs for more than a twentieth of an epoch's CPU time."""
    spent_s = ranked["between_epochs_cpu_s"]
    busy = ranked[(spent_s > OUTSIDE_SHARE * ranked["cpu_s"]) & (spent_s > LEAST_CPU_S)]
    if busy.empty:
        return None
    busy = busy.sort_values("between_epochs_cpu_s", ascending=False)
    spent = busy["between_epochs_cpu_s"].map("{:.2g} CPU s beside ".format) + busy["cpu_s"].map(
        "{:.2g} in an epoch".format
    )
    named = join_few(busy["name"] + " (" + spent + ")")
    return ResultWarning("Work between epochs", f"{named}; samples/s doesn't include it.")
