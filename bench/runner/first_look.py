"""FirstLook: a short epoch that is measured first, which tells how long longer ones take."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import Self

from bench.machine.cpu_checks import count_usable_cores
from bench.records.row import Row

# A step that waits for less of the epoch says nothing of how the data are loaded.
WAITED = 0.2


@dataclass(frozen=True)
class FirstLook:
    """A short epoch that is measured first. Times are seconds.

    Attributes:
        process_s: time of its process beside the epoch: its start, imports, and making the loader.
        ends_s: time to the first batch, and end of the epoch.
        batch_s: time of a batch in an epoch that runs already, with its step.
        step_s: time of the step of a batch.
        waiting: share of the cores that its loading could have used and left idle, while the step waited for
            data; None where the step hardly waited.
    """

    process_s: float
    ends_s: float
    batch_s: float
    step_s: float
    waiting: float | None = None

    @classmethod
    def read(cls, row: Row, elapsed_s: float) -> Self:
        """Read the look from its row.

        Args:
            row: row of an epoch of status `ok`.
            elapsed_s: seconds from the start of the epoch's process to the arrival of the row.
        """
        batches, wall_s = row.batches or 1, row.wall_s or 0.0
        ends_s = (row.time_to_first_batch_s or 0.0) + (row.teardown_s or 0.0)
        return cls(
            process_s=max(0.0, elapsed_s - wall_s),
            ends_s=ends_s,
            # Nanoseconds, where there was one batch alone.
            batch_s=max((wall_s - ends_s) / max(1, batches - 1), 1e-9),
            step_s=(row.step_s or 0.0) / batches,
            waiting=_find_waiting(row),
        )

    def estimate_epoch_s(self, batches: int) -> float:
        """Return about how long an epoch of some batches takes."""
        return self.ends_s + batches * self.batch_s


def _find_waiting(row: Row) -> float | None:
    if not row.wall_s or row.cpu_s is None or (row.data_wait_s or 0.0) < WAITED * row.wall_s:
        return None
    workers = row.knobs.get("num_workers", "")
    loading = int(workers) if workers.isdigit() else 0
    usable = count_usable_cores()
    cores = min(usable, max(1, loading))
    # Cores that others have used were not idle.
    others = (row.other_cpu_share or 0.0) * usable
    return max(0.0, 1 - (row.cpu_s / row.wall_s + others) / cores)
