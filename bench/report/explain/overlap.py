"""Overlap in words: which parts run at the same time, and which of them a faster loader saves."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.wording import NO_STEP, START_UP, TRAINING, WAITING, WORKER
from bench.text import format_share

# A smaller share of the epoch isn't worth a word or a bar.
LEAST_SHARE = 0.005


def describe_overlap(explanation: Explanation) -> str:
    """Return the sentence on which times run at the same time, and which of them a faster loader saves."""
    setup = explanation.setup
    if not setup.has_dataloader:
        return f"The inside of this loader isn't known.{_describe_saving(explanation)}"
    if not setup.num_workers:
        if setup.step == NO_STEP:
            return "No workers: the times of all parts add up."
        return "No workers: loading and step take turns, so nothing is overlapped."
    unseen = not any(part.place == WORKER for part in explanation.parts)
    inside = " The times inside the workers weren't measured." if unseen else ""
    if _sum_shares(explanation, WAITING) < LEAST_SHARE:
        return f"Both run at the same time, and the training hardly waits for its workers.{inside}"
    return f"Both run at the same time.{_describe_saving(explanation)}{inside}"


def _describe_saving(explanation: Explanation) -> str:
    """Return the sentence on the parts that a faster loader saves, with a space before it."""
    shares = {name: _sum_shares(explanation, name) for name in (WAITING, START_UP)}
    parts = [f"the {name} ({format_share(share)})" for name, share in shares.items() if share >= LEAST_SHARE]
    return f" A faster loader saves at most {' and '.join(parts)}." if parts else ""


def _sum_shares(explanation: Explanation, name: str) -> float:
    """Return the share of the epoch that a part of the training process takes."""
    return sum(part.share for part in explanation.parts if part.place == TRAINING and part.name == name)
