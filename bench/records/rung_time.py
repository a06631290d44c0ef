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

    Rungs with workers, and those of iterables, are timed once they run evenly: from the arrival of each
    worker's first batch on, or of the first batch. `startup_s` is the time before that.

    Attributes:
        rung: the last stage that was run, one of the names above.
        stage: name of the transform for the rung `transform`, such as `ToTensor`; else empty.
        place: place of the rung on the ladder, from 0.
        block: block of the measurement, from 0.
        batches: number of batches that were timed, at least 1.
        samples: number of their samples.
        wall_s: time that they took, in seconds.
        cpu_s: CPU seconds of the process and its workers in this time.
        epoch: number of the pass over this rung in its process, from 0.
        startup_s: seconds from `iter(loader)` to the beginning of `wall_s`; default 0.
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
    startup_s: float = 0.0

    @property
    def batch_s(self) -> float:
        """Seconds a batch."""
        return self.wall_s / self.batches


@dataclass(frozen=True)
class MissingRung:
    """A rung that can't be measured, because the code after its stage needs what the next stage makes.

    Attributes:
        rung: the last stage that would have been run.
        stage: name of the transform for the rung `transform`; else empty.
        place: place of the rung on the ladder, from 0.
        reason: the reason in one line.
    """

    rung: str
    stage: str
    place: int
    reason: str


@dataclass(frozen=True)
class PickleCost:
    """Cost of pickling the parts of a DataLoader for one worker that isn't forked.

    Attributes:
        num_bytes: bytes of the pickle. Tensors cross in shared memory and don't count.
        wall_s: seconds of pickling.
    """

    num_bytes: int
    wall_s: float
