"""Cautions: what to be wary of in the figures of a sweep, one line a kind, with what to try."""

from __future__ import annotations

import pandas as pd

from bench.verdict import USABLE_PRECISION, unstable
from bench.words import counted, few, short

# A true shuffle is within a few hundredths of 1; what shuffles a window or whole shards lies far below.
WELL_MIXED = 0.9
# A share of the limit that only noise explains.
NOISE_OVER_LIMIT = 1.1


def cautions(summary: pd.DataFrame) -> list[str]:
    """All of them; a line of the summary has its configuration's name in `name`."""
    ranked = summary[summary["rank"].notna()].set_index("configuration")
    found = []
    if shaky := unstable(summary):
        spreads = [
            f"{ranked.loc[one.configuration, 'name']} from {short(one.slowest)} to {short(one.fastest)} "
            "samples/s"
            for one in shaky
        ]
        tries = ["Close other programs, or wait until it is quiet"]
        if (ranked.loc[[one.configuration for one in shaky], "num_threads"] > 1).any():
            tries.append("try --num-threads 1")
        if needed := shaky[0].blocks_needed:
            reach = f"--precision {USABLE_PRECISION:.0%}"
            tries.append(f"repeat with {reach}: the first would need about {counted(needed, 'block')}")
        found.append(f"[bold yellow]Unstable[/] between blocks: {few(spreads)}. {'; '.join(tries)}.")
    disturbed = ranked[ranked["disturbed_blocks"] > 0].sort_values("disturbed_blocks", ascending=False)
    if len(disturbed):
        shares = disturbed["disturbed_blocks"].astype(str) + " of " + disturbed["blocks"].astype(str)
        found.append(
            "[bold yellow]Disturbed[/] from outside, also where there was time to repeat: "
            f"{few(disturbed['name'] + ' (' + shares + ' blocks)')}. `disturbed` in runs.csv says by what."
        )
    over = ranked[ranked["limit_share"] > NOISE_OVER_LIMIT].sort_values("limit_share", ascending=False)
    if len(over):
        shares = over["limit_share"].map("{:.0%}".format)
        found.append(
            f"[bold yellow]Over a limit:[/] {few(over['name'] + ' (' + shares + ')')}. No loader can be: the "
            "limit was measured in a worse moment. Repeat when it is quiet."
        )
    windowed = ranked[ranked["mixing"] < WELL_MIXED].sort_values("mixing")
    if len(windowed):
        mixing = windowed["mixing"].map("{:.2f}".format)
        found.append(
            f"[bold yellow]Not fully shuffled:[/] {few(windowed['name'] + ' (' + mixing + ')')}, where a "
            "true shuffle has 1. A loader that shuffles less does less work."
        )
    return found
