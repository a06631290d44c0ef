"""Words on how busy a GPU is, which the answers of sweeps and tunings share. Needs no torch."""

from __future__ import annotations

from bench.analysis.device_busy import DeviceBusy
from bench.text import format_share


def describe_busy(gpu: str, busy: DeviceBusy | None, other: DeviceBusy | None, name: str) -> str:
    """Return for how much of an epoch a GPU computes, as one sentence; empty where nothing is known.

    Args:
        gpu: name of the GPU; empty where it isn't known.
        busy: how busy it is with the configuration to use; None where nothing was timed on it.
        other: the same of another configuration; None where there is no other, or nothing was timed.
        name: name of the other one, such as `the baseline`.
    """
    if busy is None:
        return f"It was measured on this GPU: {gpu}." if gpu else ""
    subject = f"The GPU ({gpu})" if gpu else "The GPU"
    sentence = f"{subject} computes for {_format_busy(busy)} of an epoch and waits for the rest"
    if other is None:
        return f"{sentence}."
    return f"{sentence}; with {name} it computes for {_format_busy(other)}."


def _format_busy(busy: DeviceBusy) -> str:
    share = format_share(busy.share)
    if share.startswith("<"):
        return f"less than {share[1:]}"
    return f"at most {share}" if busy.is_bound else share
