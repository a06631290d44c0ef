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
        look: times of its last epoch, or of the present configuration's where it has none.
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
            first: short epoch of the present configuration, which stands for all that have none.
            waiting: most batches that wait in the queue of each configuration.
        """
        self._first = first
        self._waiting = waiting
        self._looks: dict[int, FirstLook] = {}
        self._speeds: dict[int, float] = {}

    def add(self, number: int, look: FirstLook, samples_per_s: float | None) -> None:
        """Take in a trial.

        Args:
            number: the configuration or ceiling.
            look: times of its last epoch.
            samples_per_s: its throughput; None for none.
        """
        # The start of a process varies more by chance than by the configuration.
        self._looks[number] = replace(look, process_s=self._first.process_s)
        if samples_per_s is not None and number < len(self._waiting):
            self._speeds[number] = samples_per_s

    def find(self, number: int, unseen: FirstLook | None = None) -> Pace:
        """Return what is known of a configuration.

        Args:
            number: the configuration or ceiling.
            unseen: times to go by where it has no trial; default None for those of the present one.
        """
        waiting = self._waiting[number] if number < len(self._waiting) else 0
        return Pace(self._looks.get(number, unseen or self._first), waiting, self._is_far(number))

    def _is_far(self, number: int) -> bool:
        speed = self._speeds.get(number)
        return speed is not None and FAR * speed < max(self._speeds.values())
