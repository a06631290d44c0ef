"""Paces: how fast each configuration of a tuning runs, as far as its trials have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from bench.runner.first_look import FirstLook

# A configuration at less than one part in so many of the fastest one's throughput is no rival of it.
FAR = 4.0


class Pace(NamedTuple):
    """Speed of a configuration, as far as it is known.

    Attributes:
        look: times of its last epoch. Where it has none, those of another configuration that is neither fast
            nor slow; before there are any, those of the present one.
        waiting: most batches that wait in its queue.
        is_far: whether it is far slower than the fastest, so that a rough figure of it will do.
    """

    look: FirstLook
    waiting: int = 0
    is_far: bool = False


class Paces:
    """Speeds of the configurations of a tuning, which go by their numbers. Ceilings come after them."""

    def __init__(self, first: FirstLook, waiting: Sequence[int]) -> None:
        """Begin with what is known of the present configuration.

        Args:
            first: short epoch of the present configuration, which stands for all until others have run.
            waiting: most batches that wait in the queue of each configuration.
        """
        self._first = first
        self._waiting = waiting
        self._looks: dict[int, FirstLook] = {}
        self._speeds: dict[int, float] = {}
        self._fastest = 0.0

    def add(self, number: int, look: FirstLook, samples_per_s: float | None) -> None:
        """Take in a trial.

        Args:
            number: the configuration or ceiling.
            look: times of its last epoch, and all other time of the trial.
            samples_per_s: its throughput; None for none.
        """
        # The start of a process takes longer by chance, but also where a loader is made slowly.
        seen = self._looks.get(number)
        process_s = look.process_s if seen is None else min(look.process_s, seen.process_s)
        self._looks[number] = replace(look, process_s=max(process_s, self._first.process_s))
        if samples_per_s is not None and number < len(self._waiting):
            self._speeds[number] = samples_per_s
            self._fastest = max(self._speeds.values())

    def is_seen(self, number: int) -> bool:
        """Return True if it is known how fast a configuration or ceiling runs."""
        return number == 0 or number in self._looks

    def find(self, number: int) -> Pace:
        """Return what is known of a configuration or ceiling."""
        waiting = self._waiting[number] if number < len(self._waiting) else 0
        return Pace(self._looks.get(number) or self._guess(number), waiting, self._is_far(number))

    def _guess(self, number: int) -> FirstLook:
        """Return the times that stand for a configuration without a trial."""
        others = [look for other, look in self._looks.items() if 0 < other < len(self._waiting)]
        if number == 0 or not others:
            return self._first
        return sorted(others, key=lambda look: look.batch_s)[len(others) // 2]

    def _is_far(self, number: int) -> bool:
        speed = self._speeds.get(number)
        return speed is not None and FAR * speed < self._fastest
