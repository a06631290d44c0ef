"""PlanJudgement: judgement of a tuning, in processes or by tune_loader, by what was planned."""

from __future__ import annotations

from bench.analysis.tuning.outcome import Verdict
from bench.validation.tuning.landscape import TIE

# Share by which a planned throughput may differ from the true one: nobody can plan what a process costs.
PLAN_ERROR = 0.05


class PlanJudgement:
    """Judgement of a tuning by what was planned.

    Attributes:
        verdict: what the tuning says of a gain.
        regret: by how much of its planned throughput the best exceeds the chosen one, as a share.
        true_gain: planned throughput of the chosen settings over that of the present ones.
        gain_low: lower end of the quoted gain's interval; None where no gain is quoted.
        gain_high: upper end of its interval.
    """

    verdict: Verdict
    regret: float
    true_gain: float
    gain_low: float | None
    gain_high: float | None

    @property
    def is_found(self) -> bool:
        """True if the chosen settings are the best, or as good."""
        return self.regret <= TIE

    @property
    def is_false(self) -> bool:
        """True if it claims a gain that isn't there."""
        return self.verdict == "gain" and self.true_gain <= 1

    @property
    def holds_gain(self) -> bool | None:
        """True if the interval of the quoted gain holds the planned one, as exactly as a plan is right."""
        if self.gain_low is None or self.gain_high is None:
            return None
        return self.gain_low / (1 + PLAN_ERROR) <= self.true_gain <= self.gain_high * (1 + PLAN_ERROR)

    @property
    def time_share(self) -> None:
        """None: no sweep of the whole grid is measured."""
