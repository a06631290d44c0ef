"""Rung plan: the rungs of one ladder, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.probes.stretch import Stretch
from bench.records.rung_time import MissingRung, RungTime


@dataclass(frozen=True)
class Rung:
    """A rung of one ladder.

    Attributes:
        name: the last stage that is run.
        place: place of the rung, from 0.
        block: block of the measurement, from 0.
        stage: name of the transform for the rung `transform`; else empty.
        number: number of transforms that are run; None for all.
    """

    name: str
    place: int
    block: int
    stage: str = ""
    number: int | None = None

    def make_time(self, stretch: Stretch, epoch: int) -> RungTime:
        """Return the time of an epoch.

        Args:
            stretch: what was timed of it.
            epoch: number of the pass over the rung, from 0.
        """
        return RungTime(
            self.name,
            self.stage,
            self.place,
            self.block,
            stretch.batches,
            stretch.samples,
            stretch.wall_s,
            stretch.cpu_s,
            epoch,
            stretch.startup_s,
        )

    def miss(self, reason: str) -> MissingRung:
        """Return why it can't be measured.

        Args:
            reason: the reason in one line.
        """
        return MissingRung(self.name, self.stage, self.place, reason)


def number_rungs(block: int, stages: Sequence[tuple[str, str, int | None]]) -> list[Rung]:
    """Return rungs in their order.

    Args:
        block: block of the measurement, from 0.
        stages: name, name of the transform, and number of transforms of each rung.
    """
    return [Rung(name, place, block, stage, number) for place, (name, stage, number) in enumerate(stages)]
