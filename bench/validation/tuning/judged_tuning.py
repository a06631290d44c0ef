"""JudgedTuning: a tuning beside the truth, which the rates count."""

from __future__ import annotations

from typing import ClassVar

from bench.analysis.tuning.outcome import Verdict
from bench.validation.tuning.landscape import TIE

# Share by which a planned throughput may differ from the true one: nobody can plan what a process costs.
PLAN_ERROR = 0.05


class JudgedTuning:
    """A tuning beside the truth. A kind that tells nothing of its race keeps the judgements of it from here.

    Attributes:
        verdict: what the tuning says of a gain.
        regret: by how much of its true throughput the best exceeds the chosen setting, as a share.
        true_gain: true throughput of the chosen setting over the present one's.
        gain_low: lower end of the quoted gain's interval; None where no gain is quoted.
        gain_high: upper end of its interval.
        truth_error: share by which the true gain itself may be wrong; default 0.
    """

    truth_error: ClassVar[float] = 0.0

    verdict: Verdict
    regret: float
    true_gain: float
    gain_low: float | None
    gain_high: float | None

    @property
    def is_found(self) -> bool:
        """True if the chosen setting is the best, or as good."""
        return self.regret <= TIE

    @property
    def is_leader_best(self) -> bool:
        """True if the leader of the race is the best, or as good; the chosen setting where none is told."""
        return self.is_found

    @property
    def is_false(self) -> bool:
        """True if it claims a gain that isn't there."""
        return self.verdict == "gain" and self.true_gain <= 1

    @property
    def is_bound_broken(self) -> bool:
        """True if the leader's regret exceeds its bound; False where no bound is told."""
        return False

    @property
    def is_best_lost(self) -> bool:
        """True if the race dropped the fastest setting in it; False where nothing is told of the race."""
        return False

    @property
    def holds_gain(self) -> bool | None:
        """True if the interval of the quoted gain holds the true one; None without one."""
        if self.gain_low is None or self.gain_high is None:
            return None
        error = 1 + self.truth_error
        return self.gain_low / error <= self.true_gain <= self.gain_high * error

    @property
    def time_share(self) -> float | None:
        """Time of the tuning over that of a sweep of the whole grid; None where that isn't measured."""
        return None
