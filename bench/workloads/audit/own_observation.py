"""OwnObservation: what was seen of an epoch of a user's own loader."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.records.delivered_pictures import DeliveredPictures


@dataclass(frozen=True)
class AskedIndices:
    """The indices that a map-style DataLoader asked its dataset for in an epoch.

    Attributes:
        batches: number of batches that were asked for.
        samples: number of samples in them.
        repeated: samples that were asked for more than once; None where the sampler may do so.
        missing: samples of the dataset that were not asked for; None where the sampler may leave some out.
    """

    batches: int
    samples: int
    repeated: int | None = None
    missing: int | None = None


@dataclass(frozen=True)
class SampleHashes:
    """The samples of an epoch in any order, by hashes of what they hold.

    Attributes:
        samples: number of samples.
        digest: sum of the samples' hashes, in hex. The order of the samples doesn't change it. Empty where
            some can't be told apart.
        repeated: samples that are equal to an earlier one; None where there were too many to tell.
    """

    samples: int
    digest: str
    repeated: int | None


@dataclass(frozen=True)
class OwnObservation:
    """Observation of an epoch of a user's own loader.

    Attributes:
        batches: number of batches that were delivered.
        samples: number of samples that were delivered.
        asked: the indices that were asked for; None for a loader that asks for none.
        compared: number of batches that were compared with what the dataset holds; None where none was to be.
        fault: the first fault that an inspection found, in one line; empty for none.
        hashes: the samples by their content; None where they were not hashed.
        ended_ns: reading of `time.perf_counter_ns()` at the end of the epoch, after which the inspection may
            have started processes of its own; None where it has started none.
        pictures: a few of the samples as pictures; default None for none.
    """

    batches: int
    samples: int
    asked: AskedIndices | None = None
    compared: int | None = None
    fault: str = ""
    hashes: SampleHashes | None = None
    ended_ns: int | None = field(default=None, compare=False)
    pictures: DeliveredPictures | None = field(default=None, compare=False, repr=False)
