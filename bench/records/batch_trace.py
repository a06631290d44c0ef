"""BatchTrace: the timeline of one epoch, batch by batch, in the training process and in its workers.

Reading, analysing and drawing traces needs numpy and no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# The worker of a batch that the training process loads itself.
IN_TRAINING_PROCESS = -1


@dataclass(frozen=True)
class WorkerStart:
    """The start of one worker, in seconds since the epoch's clock started.

    Attributes:
        worker: number of the worker, from 0.
        created_s: creation of its process; None where the system doesn't tell.
        ready_s: end of its imports and of the unpickling of its arguments, where its loop begins.
        pid: its process.
    """

    worker: int
    created_s: float | None
    ready_s: float
    pid: int


@dataclass(frozen=True, eq=False)
class BatchTrace:
    """The timeline of one epoch. All times are seconds since its clock started, before `iter(loader)`.

    Arrays have one float64 a batch, in the order of delivery. A cell is NaN where it isn't known.

    Attributes:
        epoch: number of the epoch in its process, from 0; the first one is cold.
        wall_s: length of the epoch.
        startup_s: time in `iter(loader)`.
        teardown_s: time from the last step until the iterator is gone.
        samples: number of samples delivered.
        worker: number of the worker that loaded the batch (int64), or IN_TRAINING_PROCESS.
        asked_s: the training loop asks for the batch.
        arrived_s: the batch has arrived, before any transfer.
        moved_s: the transfer to the device is done; equal to `arrived_s` without one.
        done_s: the step is done.
        begun_s: its worker begins to load it.
        fetched_s: its samples are there, transformed, and their collation begins.
        ended_s: it is collated; its worker hands it on.
        cpu_s: CPU seconds of the loading thread from `begun_s` to `ended_s`.
        delayed_s: seconds between them in which that thread was ready and had no core.
        transform_s: seconds in each transform, shape (batches, len(transforms)).
        transforms: names of the transforms in the order in which they run, such as `ToTensor`. Each is there
            once: the second one of a name is `ToTensor 2`.
        indices: indices of the samples of each batch; empty where they aren't known.
        num_bytes: bytes of each batch.
        starts: starts of workers in this epoch; empty where workers live on or there are none.
    """

    epoch: int
    wall_s: float
    startup_s: float
    teardown_s: float
    samples: int
    worker: np.ndarray
    asked_s: Floats
    arrived_s: Floats
    moved_s: Floats
    done_s: Floats
    begun_s: Floats
    fetched_s: Floats
    ended_s: Floats
    cpu_s: Floats
    delayed_s: Floats
    transform_s: Floats
    transforms: tuple[str, ...] = ()
    indices: tuple[tuple[int | str, ...], ...] = ()
    num_bytes: Floats = field(default_factory=lambda: np.empty(0))
    starts: tuple[WorkerStart, ...] = ()

    @property
    def batches(self) -> int:
        """Number of batches."""
        return len(self.asked_s)

    @property
    def is_inside_known(self) -> bool:
        """True if the loading of batches was seen from the inside, which any DataLoader allows."""
        return bool(self.batches) and not bool(np.isnan(self.ended_s).all())

    @property
    def wait_s(self) -> Floats:
        """Seconds in `next()` of each batch."""
        return self.arrived_s - self.asked_s

    @property
    def transfer_s(self) -> Floats:
        """Seconds in the transfer of each batch to the device."""
        return self.moved_s - self.arrived_s

    @property
    def step_s(self) -> Floats:
        """Seconds in the step of each batch."""
        return self.done_s - self.moved_s

    @property
    def load_s(self) -> Floats:
        """Seconds from the begin of each batch's loading to its end."""
        return self.ended_s - self.begun_s

    @property
    def fetch_s(self) -> Floats:
        """Seconds of each batch in the dataset, without its known transforms."""
        in_transforms_s: Floats = self.transform_s.sum(axis=1)
        return self.fetched_s - self.begun_s - in_transforms_s

    @property
    def collate_s(self) -> Floats:
        """Seconds in the collation of each batch."""
        return self.ended_s - self.fetched_s
