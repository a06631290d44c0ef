"""Ceiling share: how much of the step's own throughput a configuration reaches in fresh blocks."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.ceiling_shares import CEILINGS
from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.tuning.whole_epochs import compute_whole_throughputs
from bench.records import results_folder


def find_ceiling_share(folder: Path, number: int, whole_samples: int | None, blocks: int) -> Estimate | None:
    """Return the throughput of a configuration over that of the fastest step alone, in the same blocks.

    The step is the one with the configuration's own batch size. Of several numbers of threads the fastest
    counts, since no loader makes up for a slower one.

    Args:
        folder: folder of the fresh blocks.
        number: the configuration.
        whole_samples: samples of an epoch of the training, to which both are carried over; None for one that
            is far longer than its start.
        blocks: number of fresh blocks. More that settle a gain don't count, as their number depends on them.

    Returns:
        None where no step was measured alone.
    """
    if not results_folder.has_header(folder, results_folder.RUNS):
        return None
    ceilings = results_folder.read_ceilings(folder)
    if ceilings is None or ceilings.empty:
        return None
    runs = results_folder.read_runs(folder)
    runs = runs[runs["block"] < blocks]
    own = compute_whole_throughputs(runs, whole_samples).get(number)
    sizes = set(runs.loc[runs["configuration"] == number, "batch_size"]) if "batch_size" in runs else set()
    steps = ceilings[ceilings["family"] == CEILINGS["step"][0]]
    if sizes and "batch_size" in steps:
        steps = steps[steps["batch_size"].isin(sizes)]
    if own is None or steps.empty:
        return None
    alone = compute_whole_throughputs(steps, whole_samples)
    shares = [estimate(pair_ratios(own, speeds)) for speeds in alone.values()]
    known = [share for share in shares if share is not None]
    return min(known, key=lambda share: share.median, default=None)
