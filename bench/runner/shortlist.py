"""Shortlist: the configurations that a budget has the time for, in all blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import Self

from bench.runner.offered_trials import OffersTrials

# Configurations beside the baselines that are measured in any case. They tell how long trials take.
FEWEST = 2


@dataclass(frozen=True)
class Shortlist:
    """The configurations of a sweep that its budget has the time for.

    An interval takes three blocks, so a few configurations in all blocks say more than all of them in one.
    Runs go by their places.

    Attributes:
        trials: the trials to choose from.
        first: configurations that are measured before any is left out, and their ceilings.
        others: the other configurations that can run, the one that a reader misses most first.
    """

    trials: OffersTrials
    first: list[int]
    others: list[int]

    @classmethod
    def make(cls, trials: OffersTrials) -> Self | None:
        """Return the shortlist of a sweep; None where each configuration must be measured, whatever it takes.

        Args:
            trials: the trials to choose from.
        """
        if not trials.importance or math.isinf(trials.progress.budget_left_s):
            return None
        places = {run.number: place for place, run in enumerate(trials.runs) if run.bounds is None}
        ordered = [places[number] for number in trials.importance if number in places]
        baselines = sum(trials.runs[place].number == trials.runs[place].baseline for place in ordered)
        count = baselines + FEWEST
        first = ordered[:count]
        return cls(trials, [*first, *_list_ceilings(trials, first)], ordered[count:])

    def choose_more(self, chosen: Sequence[int]) -> list[int]:
        """Return the places of further configurations that fit, and of their ceilings.

        A configuration fits where its trials in all blocks do, beside those of the chosen ones and of the
        more important ones. They take as long as the trials so far tell.

        Args:
            chosen: places that were chosen before, and have run in the first block.
        """
        more: list[int] = []
        left_s = self.trials.progress.budget_left_s - sum(self._estimate_s(place, 1) for place in chosen)
        for place in self.others:
            taken = {*chosen, *more}
            if place in taken:
                continue
            unit = [place, *(one for one in _list_ceilings(self.trials, [place]) if one not in taken)]
            if (seconds := sum(self._estimate_s(one, 0) for one in unit)) <= left_s:
                left_s -= seconds
                more += unit
        return more

    def _estimate_s(self, place: int, first: int) -> float:
        """Return how long the trials of a run take that are ahead, from a block on."""
        trials, progress = self.trials, self.trials.progress
        if place in trials.failed:
            return 0.0
        ahead = [b for b in range(first, trials.schedule.blocks) if not trials.is_on_file(place, b)]
        return sum(progress.estimate_trial_s(place, later=block > 0) for block in ahead)


def _list_ceilings(trials: OffersTrials, places: Sequence[int]) -> list[int]:
    """Return the places of the ceilings of some configurations."""
    numbers = {trials.runs[place].number for place in places}
    return [place for place, run in enumerate(trials.runs) if run.bounds is not None and run.bounds & numbers]
