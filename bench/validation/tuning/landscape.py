"""Landscape: the true times of every configuration of a simulated search space."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

# A choice whose true regret is at most so large is as good as the best.
TIE = 0.03


@dataclass(frozen=True)
class TrueTimes:
    """The true times of one configuration, without noise.

    Attributes:
        batch_s: seconds of a batch, once everything is warm.
        start_s: seconds from the start of an epoch to its first batch.
        cold_batches: number of batches of a process's life that take longer, as until a cache is filled.
        cold_factor: time of such a batch over that of a warm one.
        process_s: seconds that a trial takes besides its epochs.
        waiting: number of batches that wait in its queues.
        cost: what the configuration takes of the machine, the most important first.
        settings: its settings, by their names.
    """

    batch_s: float
    start_s: float = 0.0
    cold_batches: int = 0
    cold_factor: float = 1.0
    process_s: float = 1.0
    waiting: int = 0
    cost: tuple[float, ...] = (1.0,)
    settings: Mapping[str, str] = field(default_factory=dict)

    def sum_batches_s(self, first: int, last: int) -> float:
        """Return the seconds of the batches of a process's life from one number up to before another."""
        cold = max(0, min(last, self.cold_batches) - first)
        return self.batch_s * (last - first + cold * (self.cold_factor - 1))


@dataclass(frozen=True)
class Landscape:
    """A simulated search space with a known best.

    Attributes:
        name: its name.
        times: the true times of each configuration; the present one comes first.
        batches: number of batches of an epoch of the training.
        batch_size: number of samples of a batch.
    """

    name: str
    times: tuple[TrueTimes, ...]
    batches: int = 600
    batch_size: int = 32

    @cached_property
    def speeds(self) -> tuple[float, ...]:
        """True throughput of the training's later epochs, in samples a second, by configuration."""
        return tuple(
            self.batches * self.batch_size / (times.start_s + self.batches * times.batch_s)
            for times in self.times
        )

    @property
    def costs(self) -> tuple[tuple[float, ...], ...]:
        """Costs of each configuration beside its time."""
        return tuple(times.cost for times in self.times)

    @property
    def settings(self) -> tuple[Mapping[str, str], ...]:
        """The settings of each configuration."""
        return tuple(times.settings for times in self.times)

    def find_regret(self, number: int, among: Iterable[int] | None = None) -> float:
        """Return by how much of its throughput the fastest exceeds a configuration, as a share.

        Args:
            number: the configuration.
            among: those that the fastest is one of; default None for all.
        """
        others = self.speeds if among is None else [self.speeds[other] for other in among]
        return max(*others, self.speeds[number]) / self.speeds[number] - 1

    def find_gain(self, number: int) -> float:
        """Return the throughput of a configuration over the present one's."""
        return self.speeds[number] / self.speeds[0]

    def find_grid_s(self, blocks: int, epochs: int) -> float:
        """Return the seconds that a sweep of the whole grid takes.

        Args:
            blocks: number of blocks.
            epochs: number of epochs of a trial.
        """
        return blocks * sum(_find_trial_s(times, self.batches, epochs) for times in self.times)


def _find_trial_s(times: TrueTimes, batches: int, epochs: int) -> float:
    return times.process_s + epochs * times.start_s + times.sum_batches_s(0, epochs * batches)


def put_first(times: Sequence[TrueTimes], present: int) -> tuple[TrueTimes, ...]:
    """Return the configurations with the present one at the front."""
    return (times[present], *times[:present], *times[present + 1 :])
