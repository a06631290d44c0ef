"""FirstLook: a short epoch that is measured first, which tells how long longer ones take."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import Self

from bench.machine.cpu_checks import count_usable_cores
from bench.records.row import Row

# A step that waits for less of the epoch says nothing of how the data are loaded.
WAITED = 0.2
# All waits of a short epoch may fall into its second half, as a queue is filled at the start.
LATE_WAITS = 2.0


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
        wait_s: time for which the loop waits for a batch after the first one; None where it isn't known.
        late_batch_s: time of a batch of the second half of the epoch, with its step, in which first steps
            that take longer are over; None where it isn't known.
    """

    process_s: float
    ends_s: float
    batch_s: float
    step_s: float
    waiting: float | None = None
    wait_s: float | None = None
    late_batch_s: float | None = None

    @classmethod
    def read(cls, row: Row, elapsed_s: float) -> Self:
        """Read the look from its row.

        Args:
            row: row of an epoch of status `ok`.
            elapsed_s: seconds from the start of the epoch's process to the arrival of the row.
        """
        batches, wall_s = row.batches or 1, row.wall_s or 0.0
        ends_s = (row.time_to_first_batch_s or 0.0) + (row.teardown_s or 0.0)
        later_s = _find_later_waits_s(row)
        return cls(
            process_s=max(0.0, elapsed_s - wall_s),
            ends_s=ends_s,
            # Nanoseconds, where there was one batch alone.
            batch_s=max((wall_s - ends_s) / max(1, batches - 1), 1e-9),
            step_s=(row.step_s or 0.0) / batches,
            waiting=_find_waiting(row),
            wait_s=None if later_s is None else max(0.0, later_s) / max(1, batches - 1),
            late_batch_s=None if row.late_s is None else row.late_s / (batches - batches // 2),
        )

    def estimate_epoch_s(self, batches: int) -> float:
        """Return about how long an epoch of some batches takes."""
        return self.ends_s + batches * self.batch_s

    def find_start_share(self, batches: int | None) -> float:
        """Return the share of an epoch that its start and its end take; 0 where its length isn't known.

        Args:
            batches: number of batches of the epoch.
        """
        return self.ends_s / self.estimate_epoch_s(batches) if batches else 0.0

    def find_wait_share(self) -> float | None:
        """Return the share of the loop's time in which it waits for a batch; None where it isn't known."""
        if self.wait_s is None or not self.late_batch_s:
            return None
        return min(1.0, self.wait_s / self.late_batch_s)

    def estimate_loading_gain(self, batches: int | None) -> float | None:
        """Return by how much faster loading could raise the throughput at most, while the step takes as long.

        Args:
            batches: number of batches of an epoch; None where it isn't known, for one that is far longer than
                its start.

        Returns:
            A share; None where it isn't known, or where there is next to no step.
        """
        if self.wait_s is None or self.late_batch_s is None:
            return None
        waits_s = LATE_WAITS * self.wait_s
        start_s = self.ends_s / batches if batches else 0.0
        step_s = self.late_batch_s - waits_s
        return (start_s + waits_s) / step_s if step_s > 0 else None


def _find_later_waits_s(row: Row) -> float | None:
    """Return the seconds for which the loop waits for all batches after the first one; None for unknown."""
    workers, factor = (row.knobs.get(name, "") for name in ("num_workers", "prefetch_factor"))
    queued = int(workers) * int(factor) if workers.isdigit() and factor.isdigit() else 0
    if row.data_wait_s is None or queued > (row.batches or 1) // 2:
        # A long first step lets so many batches be loaded that no other one waits.
        return None
    # The time to the first batch is that in `iter()` and its own wait.
    return (row.startup_s or 0.0) + row.data_wait_s - (row.time_to_first_batch_s or 0.0)


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
