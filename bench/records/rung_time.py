"""RungTime: one epoch that was cut short at a stage, a rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass

# Rungs from the lowest to the highest. `transform` stands for one rung after each transform.
ORDER, FETCH, TRANSFORM, COLLATE = "order", "fetch", "transform", "collate"
# The DataLoader itself, with its workers, and no step; and the same workers with batches that are there.
LOADER, TRANSPORT = "loader", "transport"
PINNED, TRANSFER = "pinned", "transfer"


@dataclass(frozen=True)
class RungTime:
    """One epoch that was cut short at a stage.

    Rungs up to `collate` run in one process without workers, one torch thread, as each worker does. Each
    holds all that the rungs below it hold. `transport` stands beside them: workers deliver a batch that they
    have already, so it holds only the way of batches from the workers to the training process.

    Attributes:
        rung: the last stage that was run, one of the names above.
        stage: name of the transform for the rung `transform`, such as `ToTensor`; else empty.
        place: place of the rung on the ladder, from 0.
        block: block of the measurement, from 0.
        batches: number of batches.
        samples: number of samples.
        wall_s: length of the epoch in seconds.
        cpu_s: CPU seconds of the process and its workers.
        epoch: number of the pass over this rung in its process, from 0.
    """

    rung: str
    stage: str
    place: int
    block: int
    batches: int
    samples: int
    wall_s: float
    cpu_s: float
    epoch: int = 0

    @property
    def batch_s(self) -> float:
        """Seconds a batch."""
        return self.wall_s / self.batches
