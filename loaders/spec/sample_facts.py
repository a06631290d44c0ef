"""SampleFacts: what is known of the samples of a user's own map-style dataset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleFacts:
    """Facts of the samples of a map-style dataset, by fetching some of them several times.

    Attributes:
        count: samples of the dataset, of which a sampler may leave some out; None where it doesn't tell.
        sample_bytes: bytes of a sample; 0 where it isn't known.
        sample_s: seconds that a sample takes without workers.
        repeats: number of times that a sample was fetched again.
    """

    count: int | None = None
    sample_bytes: int = 0
    sample_s: float = 0.0
    repeats: int = 0
