"""Words on how busy a GPU is."""

from __future__ import annotations

import pytest

from bench.analysis.device_busy import DeviceBusy
from bench.report.busy_words import describe_busy

BUSY, LITTLE = DeviceBusy(0.72, is_bound=False), DeviceBusy(0.004, is_bound=True)
BOUND = DeviceBusy(0.41, is_bound=True)


@pytest.mark.parametrize(
    ("gpu", "busy", "other", "words"),
    [
        (
            "NVIDIA L4", BUSY, LITTLE,
            "The GPU (NVIDIA L4) computes for 72% of an epoch and waits for the rest; with the baseline it "
            "computes for less than 1%.",
        ),
        ("NVIDIA L4", BUSY, None, "The GPU (NVIDIA L4) computes for 72% of an epoch and waits for the rest."),
        ("", LITTLE, None, "The GPU computes for less than 1% of an epoch and waits for the rest."),
        ("", BOUND, None, "The GPU computes for at most 41% of an epoch and waits for the rest."),
        ("Tesla T4", None, LITTLE, "It was measured on this GPU: Tesla T4."),
        ("", None, None, ""),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_known(gpu, busy, other, words) -> None:
    """A share that holds launches of kernels is a bound."""
    assert describe_busy(gpu, busy, other, "the baseline") == words
