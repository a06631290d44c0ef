"""Overlap in words: which parts run at the same time, and which of them a faster loader saves."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.wording import NO_STEP, TRAINING, WAITING, WORKER, format_share

# A smaller share of the epoch isn't worth a word or a bar.
LEAST_SHARE = 0.005


def describe_overlap(explanation: Explanation) -> str:
    """Return the sentence on which times run at the same time, and which of them a faster loader saves."""
    setup = explanation.setup
    waiting = sum(part.share for part in explanation.parts if part.place == TRAINING and part.name == WAITING)
    share = format_share(waiting)
    if not setup.has_dataloader:
        return (
            "The inside of this loader isn't known. Only the waiting is time that a faster one could save: "
            f"{share} of the epoch."
        )
    if not setup.num_workers:
        if setup.step == NO_STEP:
            return "No workers: the times of all parts add up."
        return "No workers: loading and step take turns, so nothing is overlapped."
    unseen = not any(part.place == WORKER for part in explanation.parts)
    inside = " The times inside the workers weren't measured." if unseen else ""
    if waiting < LEAST_SHARE:
        return f"Both run at the same time, and the training hardly waits for its workers.{inside}"
    return (
        "Both run at the same time. Only the waiting is time that faster workers could save: "
        f"{share} of the epoch.{inside}"
    )
