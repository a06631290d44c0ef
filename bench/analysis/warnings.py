"""Cautions: what to be wary of in the figures of a sweep, one line a kind, with what to try."""

from __future__ import annotations

import pandas as pd

from bench.analysis.stability import USABLE_PRECISION, find_unstable
from bench.text import abbreviate, format_count, join_few

# A true shuffle is within a few hundredths of 1; what shuffles a window or whole shards lies far below.
WELL_MIXED = 0.9
# A share of the ceiling that only noise explains.
NOISE_OVER_LIMIT = 1.1


def find_warnings(summary: pd.DataFrame) -> list[str]:
    """All of them; a line of the summary has its configuration's name in `name`."""
    ranked = summary[summary["rank"].notna()].set_index("configuration")
    found = []
    if shaky := find_unstable(summary):
        spreads = [
            f"{ranked.loc[one.configuration, 'name']} from {abbreviate(one.slowest)} to {abbreviate(one.fastest)} "
            "samples/s"
            for one in shaky
        ]
        tries = ["Close other programs, or wait until it is quiet"]
        if (ranked.loc[[one.configuration for one in shaky], "num_threads"] > 1).any():
            tries.append("try --num-threads 1")
        if needed := shaky[0].blocks_needed:
            reach = f"--precision {USABLE_PRECISION:.0%}"
            tries.append(f"repeat with {reach}: the first would need about {format_count(needed, 'block')}")
        found.append(f"[bold yellow]Unstable[/] between blocks: {join_few(spreads)}. {'; '.join(tries)}.")
    disturbed = ranked[ranked["disturbed_blocks"] > 0].sort_values("disturbed_blocks", ascending=False)
    if len(disturbed):
        shares = disturbed["disturbed_blocks"].astype(str) + " of " + disturbed["blocks"].astype(str)
        found.append(
            "[bold yellow]Disturbed[/] from outside, also where there was time to repeat: "
            f"{join_few(disturbed['name'] + ' (' + shares + ' blocks)')}. `disturbed` in runs.csv says by what."
        )
    over = ranked[ranked["ceiling_share"] > NOISE_OVER_LIMIT].sort_values("ceiling_share", ascending=False)
    if len(over):
        shares = over["ceiling_share"].map("{:.0%}".format)
        found.append(
            f"[bold yellow]Over a ceiling:[/] {join_few(over['name'] + ' (' + shares + ')')}. No loader can be: the "
            "ceiling was measured in a worse moment. Repeat when it is quiet."
        )
    windowed = ranked[ranked["shuffle_quality"] < WELL_MIXED].sort_values("shuffle_quality")
    if len(windowed):
        shuffle_quality = windowed["shuffle_quality"].map("{:.2f}".format)
        found.append(
            f"[bold yellow]Not fully shuffled:[/] {join_few(windowed['name'] + ' (' + shuffle_quality + ')')}, where a "
            "true shuffle has 1. A loader that shuffles less does less work."
        )
    return found
