"""GPU use of a configuration of a tuning, from its fresh blocks."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.device_busy import DeviceBusy, find_busy
from bench.analysis.summary import summarise
from bench.records import results_folder


def find_gpu_busy(folder: Path, number: int) -> DeviceBusy | None:
    """Return how busy the GPU is with a configuration; None where nothing was timed on one.

    Args:
        folder: folder of the fresh blocks.
        number: the configuration.
    """
    device = results_folder.read_device(folder)
    if device is None or not (device["configuration"] == number).any():
        return None
    runs = results_folder.read_runs(folder)
    summary = summarise(runs[runs["configuration"] == number], None, device)
    return None if summary.empty else find_busy(summary.iloc[0])
