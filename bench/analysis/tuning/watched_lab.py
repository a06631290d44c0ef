"""WatchedLab: a lab whose trials of the present configuration tell what faster loading could gain at most."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.statistics import estimate
from bench.analysis.tuning.lab import Lab, Measured, Stage
from bench.analysis.tuning.outcome import Outcome

# A single trial may have been disturbed.
FEWEST_TRIALS = 2


class WatchedLab:
    """A lab whose trials of the present configuration tell what faster loading could gain at most.

    See `Lab`, whose trials it runs.
    """

    def __init__(self, lab: Lab) -> None:
        """Watch a lab.

        Args:
            lab: runs the trials.
        """
        self._lab = lab
        self._gains: list[float] = []
        self.audit_trials = lab.audit_trials

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Get ready for a part of a tuning."""
        self._lab.prepare(stage, numbers)

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial, and keep what that of the present configuration says of its waits."""
        measured = self._lab.measure(stage, number, block, cap_s)
        if number == 0 and measured.loading_gain is not None:
            self._gains.append(measured.loading_gain)
        return measured

    def estimate_s(self, stage: Stage, number: int) -> float:
        """Return about how many seconds a trial takes."""
        return self._lab.estimate_s(stage, number)

    def find_left_s(self) -> float:
        """Return the seconds that are left of the budget."""
        return self._lab.find_left_s()

    def find_loading_gain(self) -> float | None:
        """Return by how much faster loading gains at most, as a share; None with fewer than two trials.

        It is the upper end of an interval of all trials of the present configuration, and of two trials the
        larger gain. Each tells the time for which its own loop waits, so they differ by far less than speeds.
        """
        found = estimate([1 + gain for gain in self._gains])
        if found is None or found.blocks < FEWEST_TRIALS:
            return None
        return max(self._gains) if found.high is None else found.high - 1


def is_nothing_to_load_faster(outcome: Outcome, regret: float) -> bool:
    """Return True if faster loading gains next to nothing, and nothing else looked as if it gained more.

    The waits bound what a loader gains while the step takes as long. Other settings may make the step itself
    faster, as fewer workers beside it may. So each must have been seen, and the fastest of them must have
    gained no more: in fresh blocks, or without them by the ratio that has chosen it.

    Args:
        outcome: what was found.
        regret: gain below which there is nothing to gain, as a share.
    """
    if outcome.loading_gain is None or outcome.loading_gain > regret:
        return False
    for number, fate in outcome.fates.items():
        is_seen = fate.race_ratio is not None or fate.screen_ratio is not None
        if number and not is_seen and fate.end not in ("capped", "failed"):
            return False
    if not outcome.leader:
        return True
    if outcome.leader in outcome.confirmed:
        return max(one.gain.median for one in outcome.confirmed.values()) <= 1 + regret
    fate = outcome.fates[outcome.leader]
    # A ratio that has chosen the leader is too large rather than too small.
    selected = fate.screen_ratio if fate.race_ratio is None else fate.race_ratio
    return selected is not None and selected <= 1 + regret
