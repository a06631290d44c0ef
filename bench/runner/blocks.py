"""BlockRunner: the policy of a sweep, block by block."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from bench.analysis.stopping_rule import find_open_contenders
from bench.runner.offered_trials import OffersTrials
from bench.runner.shortlist import Shortlist


class BlockRunner:
    """Policy of a sweep: which trials run, in which order, and which are repeated.

    Every block holds each run once, in shuffled order. A disturbed trial is repeated at the end of its block.
    A budget ends the blocks early, and a precision adds blocks of the contenders. Where configurations may be
    left out, a budget leaves so many out that the others have all their blocks.

    Attributes:
        left_out: number of trials that the budget left no time for, of configurations that have others.
        imprecise: numbers of the configurations that the budget kept from the precision; empty at first.
        rest_s: about how long the planned trials take that the budget left out, in seconds; 0 at first.
    """

    def __init__(self, trials: OffersTrials) -> None:
        """Prepare the blocks; nothing is measured yet.

        Args:
            trials: the trials to choose from. They must be open when `run` is called.
        """
        self._trials = trials
        self._runs = trials.runs
        self._schedule = trials.schedule
        self._progress = trials.progress
        self._shortlist = Shortlist.make(trials)
        self._places = list(range(len(self._runs)))
        self._measured: set[int] = set()
        self._run_in: set[tuple[int, int]] = set()
        self.left_out = 0
        self.imprecise: list[int] = []
        self.rest_s = 0.0

    @property
    def unmeasured(self) -> list[int]:
        """Numbers of the configurations that the budget left out altogether."""
        if self._shortlist is None:
            return []
        runs = enumerate(self._runs)
        return [run.number for place, run in runs if run.bounds is None and place not in self._measured]

    def run(self) -> None:
        """Run all blocks."""
        first = 0
        if self._shortlist is not None:
            self._run_shortlist(self._shortlist)
            first = 1
        for block in itertools.count(first):
            due = self._choose_places(block)
            if not due:
                break
            if not self._run_block(block, due):
                blocks_left = max(0, self._schedule.blocks - block - 1)
                self.left_out += blocks_left * self._count_measured(due)
                break
        self.rest_s = self._estimate_rest_s()
        if self._schedule.precision is not None:
            self.imprecise = find_open_contenders(self._trials.read_runs(), self._schedule.precision)

    def _run_shortlist(self, shortlist: Shortlist) -> None:
        """Run the first block: a few configurations, then as many others as all blocks have time for."""
        self._places = []
        chosen = shortlist.first
        while chosen:
            self._places += chosen
            self._run_block(0, self._shuffle(chosen, 0))
            # Each further trial tells more about how long the others take.
            chosen = shortlist.choose_more(self._places)
        for place in set(range(len(self._runs))) - set(self._places):
            self._progress.skip(place)
            self._progress.skip_rest(place, 0)

    def _count_measured(self, places: Sequence[int]) -> int:
        """Return how many places are those of configurations, of which a trial has run where any may lack."""
        known = self._measured if self._shortlist is not None else set(places)
        return sum(self._runs[place].bounds is None and place in known for place in places)

    def _estimate_rest_s(self) -> float:
        """Return about how long the planned trials take that are neither on file nor have run, in seconds."""
        sound = [place for place in range(len(self._runs)) if place not in self._trials.failed]
        return sum(
            self._progress.estimate_trial_s(place)
            for block in range(self._schedule.blocks)
            for place in sound
            if (place, block) not in self._run_in and not self._trials.is_on_file(place, block)
        )

    def _choose_places(self, block: int) -> list[int]:
        """Return the places in the design that this block runs, shuffled; none after the last block."""
        places = self._places
        extra = block >= self._schedule.blocks
        if extra:
            places = self._find_contenders(block)
        # A failed trial costs its configuration the rank, so further trials would only take time from others.
        places = [place for place in places if place not in self._trials.failed]
        if extra:
            # Half a block of contenders gains no ratio.
            if not self._trials.fits(*places, block=block):
                return []
            self._progress.add(places)
        return self._shuffle(places, block)

    def _shuffle(self, places: Sequence[int], block: int) -> list[int]:
        """Return places in the order of a block: a random one where all of them fit the budget."""
        places = list(places)
        random.Random(f"{self._schedule.seed}/{block}").shuffle(places)
        if self._may_leave_out(block) and not self._trials.fits(*places, block=block):
            # A block that won't be whole begins with the baselines, as ratios are made inside a block.
            # The quickest come next, so that as many as possible gain one.
            places.sort(key=self._rank_urgency)
        return places

    def _may_leave_out(self, block: int) -> bool:
        """Return whether the budget may leave out trials of a block."""
        return block > 0 or self._shortlist is not None

    def _find_contenders(self, block: int) -> list[int]:
        """Return the places of the contenders that lack precision, and of their ceilings."""
        if self._schedule.precision is None:
            return []
        runs = self._trials.read_runs()
        # Only earlier blocks count, so that a block that was broken off is resumed with the same contenders.
        wanted = set(find_open_contenders(runs[runs["block"] < block], self._schedule.precision))
        return [
            place for place, run in enumerate(self._runs) if (run.bounds or frozenset({run.number})) & wanted
        ]

    def _rank_urgency(self, place: int) -> tuple[bool, float]:
        """Return a key that sorts baselines first, then by the trial's length."""
        run = self._runs[place]
        return run.bounds is not None or run.number != run.baseline, self._progress.estimate_trial_s(place)

    def _run_block(self, block: int, due: list[int]) -> bool:
        """Run a block's trials, then repeat those that were disturbed.

        Returns:
            False where the budget left no time for any of them.
        """
        disturbed = []
        ran = False
        for place in due:
            # Even a budget that is too short for anything has a trial of the baseline.
            fits = not self._measured or self._trials.fits(place, block=block)
            if self._may_leave_out(block) and not fits:
                self._progress.skip(place)
                self.left_out += self._count_measured([place])
                continue
            ran = True
            self._run_trial(place, block)
            if self._trials.needs_repetition(place, block):
                disturbed.append(place)
        # Repeated at the end of the block, when the disturbance may be over.
        for place in disturbed:
            if self._progress.fits(place) or self._trials.is_on_file(place, block, attempt=1):
                self._progress.add([place])
                self._run_trial(place, block, attempt=1)
        return ran

    def _run_trial(self, place: int, block: int, attempt: int = 0) -> None:
        """Run one trial to its end. A failure leaves out the run's trials in later blocks."""
        self._measured.add(place)
        self._run_in.add((place, block))
        for _ in self._trials.run_trial(place, block, attempt):
            pass
        if place in self._trials.failed:
            self._progress.skip_rest(place, block)
