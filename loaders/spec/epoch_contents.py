"""EpochContents: what an epoch of a user's own loader delivers without workers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochContents:
    """Contents of an epoch of a DataLoader over an iterable dataset, without workers.

    Attributes:
        samples: number of samples, the same in two epochs; None where an epoch takes too long, or where two
            epochs have different numbers.
        batch_size: samples in a batch; None where the dataset makes the batches.
        drop_last: whether samples that fill no batch are left out.
        digest: sum of the samples' hashes in hex, the same in two epochs; empty where they differ or can't be
            told apart.
        repeated_share: share of the samples, as far as they were seen, that are equal to an earlier one; None
            where they can't be told apart.
        params: arguments of the target's function, each with its value.
    """

    samples: int | None
    batch_size: int | None = None
    drop_last: bool = False
    digest: str = ""
    repeated_share: float | None = None
    params: tuple[tuple[str, object], ...] = ()
