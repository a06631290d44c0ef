"""What is printed of a sweep on a GPU: the time on the device, whether copies hide, where pinning wins."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.device_findings import Hiding, hidings, pinnings
from bench.summary import labels


def print_device(console: Console, runs: pd.DataFrame, summary: pd.DataFrame) -> None:
    """All of it; nothing where no epoch was timed on a device."""
    timed = summary[summary["device_step_s"].notna() | summary["device_transfer_s"].notna()]
    if timed.empty:
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, title_justify="left")
    table.title = "Time on the GPU in an epoch, by CUDA events (ms)\n"
    table.add_column("configuration", no_wrap=True)
    for name in ("loader's kernels", "copies", "steps"):
        table.add_column(name, justify="right", no_wrap=True)
    names = labels(summary)
    for index, line in timed.iterrows():
        parts = (line[f"device_{part}_s"] for part in ("data", "transfer", "step"))
        table.add_row(
            escape(names[index]), *("" if pd.isna(part) else f"{part * 1e3:,.2f}" for part in parts)
        )
    console.print(table, soft_wrap=True)
    for hiding in hidings(summary):
        console.print(f"{escape(hiding.name)}: {_hidden(hiding)}.", soft_wrap=True)
    found = pinnings(runs, summary)
    if found:
        console.print("Page-locked memory against ordinary, everything else equal:")
    for pinning in found:
        low, high = pinning.ratio.low, pinning.ratio.high
        interval = "" if low is None else f" ({low:.3g}–{high:.3g})"
        console.print(
            f"  {escape(pinning.name)}: × {pinning.ratio.median:.3g}{interval}, {pinning.verdict}",
            soft_wrap=True,
        )


def _hidden(hiding: Hiding) -> str:
    measured = ", ".join(map(str, hiding.sizes))
    if hiding.batch_size is None:
        return f"copies take longer than steps at batch_size={hiding.sizes[-1]} (measured: {measured})"
    return f"copies are shorter than steps from batch_size={hiding.batch_size} on (measured: {measured})"
