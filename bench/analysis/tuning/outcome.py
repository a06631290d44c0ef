"""Outcome: what a tuning has found, in numbers of configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.analysis.statistics import Estimate

# Why a configuration was not chosen, or how it got to the end:
#   unseen    the budget left no time to look at it
#   screened  the screen showed it to be slower, outside of any guarantee
#   capped    it was ended in a trial, far slower than the leader
#   failed    a trial failed
#   slower    the race showed it to be slower
#   tied      it is in the tie set: not shown to be slower than the fastest
End = Literal["unseen", "screened", "capped", "failed", "slower", "tied"]
# Why a race ended, or a screen before it: one configuration is left; the bound on the regret is small enough;
# the budget; the most blocks; the present configuration failed; the user ended it; the data changed or can't
# be read; the results can't be written; or there was no race, since fewer than two configurations or too
# little time were left for it.
Stop = Literal["one left", "regret", "budget", "blocks", "failed", "interrupted", "data", "storage", "none"]
# gain: the chosen setting is faster than the present one, in fresh blocks, or by all blocks together.
# nothing: no setting is faster by more than the regret that was asked for, in fresh blocks or by the race; or
#   the waits of the present one say so of faster loading, and no setting was seen to be faster otherwise.
# undecided: neither could be shown.
Verdict = Literal["gain", "nothing", "undecided"]


@dataclass(frozen=True)
class Fate:
    """End of a configuration in a tuning, and its ratios on the way.

    Attributes:
        end: what became of it.
        problem: the error or the reason, in one line; empty where `end` says all.
        screen_ratio: its throughput in the screen over the present configuration's; None if not screened.
        race_ratio: its throughput over the present configuration's in the blocks of the race that both ran,
            selected and so optimistic for the leader; None without such a block.
        blocks: number of blocks of the race that it ran.
    """

    end: End
    problem: str = ""
    screen_ratio: float | None = None
    race_ratio: float | None = None
    blocks: int = 0


@dataclass(frozen=True)
class Confirmation:
    """One configuration in fresh blocks, which took no part in the choice.

    Attributes:
        samples_per_s: its throughput.
        gain: its throughput over the present configuration's, inside each block. Its interval is corrected
            for the number of configurations that were confirmed.
    """

    samples_per_s: Estimate
    gain: Estimate


@dataclass(frozen=True)
class Outcome:
    """Choice of a tuning, with its evidence. Configurations go by their numbers; 0 is the present one.

    Attributes:
        leader: the fastest in the race, or in the screen where there was no time for a block of the race.
        cheapest: the cheapest that is as fast as the leader by the race; the leader if none is cheaper.
        chosen: the configuration to use: the cheapest, the leader, or 0 where nothing is shown to be faster.
        tied: the tie set of the race, the fastest first.
        fates: how far each configuration got.
        verdict: what can be said of a gain.
        stop: why the race ended.
        regret_bound: by how much of its throughput the fastest raced configuration may exceed the leader, as
            a share, with the confidence of the race; None where nothing is known.
        race_blocks: number of blocks of the race.
        confirm_blocks: number of fresh blocks.
        is_shown: whether all blocks, those of the race too, show the leader to be faster than the present
            configuration. They tell no gain without selection.
        confirmed: the leader, the cheapest and the present configuration in fresh blocks; empty where the
            budget left no time for them.
        raced: number of configurations that the race began with.
        noise: spread of one trial around its configuration's speed, as a share; None where it isn't known.
        loading_gain: by how much faster loading gains at most, as a share, by the waits of the present
            configuration and while the step takes as long; None where it isn't known.
        by_waits: whether only these waits say that there is nothing to gain, with what was seen of settings
            that may make the step itself faster.
    """

    leader: int
    cheapest: int
    chosen: int
    tied: tuple[int, ...]
    fates: Mapping[int, Fate]
    verdict: Verdict
    stop: Stop
    regret_bound: float | None
    race_blocks: int
    confirm_blocks: int
    is_shown: bool = False
    confirmed: Mapping[int, Confirmation] = field(default_factory=dict)
    raced: int = 0
    noise: float | None = None
    loading_gain: float | None = None
    by_waits: bool = False

    @property
    def is_confirmed(self) -> bool:
        """True if gains come from fresh blocks; else they are selected, and so optimistic."""
        return bool(self.confirmed)

    @property
    def quoted_gain(self) -> Estimate | None:
        """Gain of a chosen other configuration in fresh blocks; None without such blocks or a change."""
        confirmed = self.confirmed.get(self.chosen) if self.chosen else None
        return None if confirmed is None else confirmed.gain
