"""Words and figures of an explanation."""

from __future__ import annotations

import math
from dataclasses import replace

from bench.analysis.statistics import Estimate
from bench.report.explain.wording import describe_setup, explain_no_interval, format_gain
from tests.bench.report.explain.explanations import SETUP


def test_gains_have_an_interval_where_there_is_one() -> None:
    """Few blocks give none."""
    assert format_gain(Estimate(2.0, 1.9, 2.1, 5)) == "×2.00 (1.90–2.10)"
    assert format_gain(Estimate(2.0, None, None, 2)) == "×2.00"
    assert format_gain(Estimate(2.0, math.nan, math.nan, 2)) == "×2.00"
    assert format_gain(None) == "not predicted"
    assert explain_no_interval(Estimate(2.0, 1.9, 2.1, 5)) == ""
    assert explain_no_interval(Estimate(2.0, None, None, 2)) == " (2 blocks: no interval)"


def test_the_setup_names_knobs_that_it_has() -> None:
    """No workers, no prefetch factor."""
    alone = replace(
        SETUP, num_workers=0, prefetch_factor=None, multiprocessing_context=None, step="none", cores=1.0
    )
    assert describe_setup(alone) == "dataloader, batch 64, no workers, no step, cpu, 1 core"
    kept = replace(SETUP, num_workers=1, persistent_workers=True, multiprocessing_context="spawn", cores=1.5)
    assert describe_setup(kept) == (
        "dataloader, batch 64, 1 worker (spawn, persistent, prefetch 2), step script, cpu, 1.5 cores"
    )


def test_the_gpu_is_named() -> None:
    """Where it is known."""
    on_gpu = replace(SETUP, device="cuda", gpu="NVIDIA L4")
    assert ", cuda (NVIDIA L4), " in describe_setup(on_gpu)
    assert ", cuda, " in describe_setup(replace(on_gpu, gpu=""))
