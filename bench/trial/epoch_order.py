"""EpochOrder: the order in which an epoch delivered its samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.trial.reference_samples import Codes, Indices, ReferenceSamples, add_label

# Places of an epoch that are compared, evenly spread: enough to be sure, and half a megabyte.
MOST_PLACES = 2**16
# Orders that agree at this share of the places are the same: a few exchanged samples make no shuffle.
SAME_SHARE = 0.95
# An agreement that true shuffles reach more often than this proves nothing.
CHANCE = 1e-6


@dataclass(frozen=True)
class EpochOrder:
    """The order in which an epoch delivered its samples.

    Attributes:
        codes: one number for each compared place, the same for samples that look alike, uint64 (n,).
        match_probability: probability that a true shuffle puts a look-alike of the same sample at a place.
    """

    codes: Codes
    match_probability: float

    @classmethod
    def read(cls, codes: Codes, labels: Indices, expected: ReferenceSamples) -> EpochOrder:
        """Return the order of an epoch of which every batch was seen.

        Args:
            codes: code of each delivered sample in the order of delivery, uint64 (N,).
            labels: label of each delivered sample, int64 (N,).
            expected: the samples of the dataset.
        """
        places = slice(None, None, -(-len(codes) // MOST_PLACES) or 1)
        return cls(add_label(codes[places], labels[places]), expected.match_probability)

    def find_repeat(self, later: EpochOrder) -> float | None:
        """Return the share of places at which a later epoch has the same sample, if both orders are the same.

        Returns:
            None where the orders differ, or where two true shuffles would agree as much with a probability
            over one in a million. That probability is bounded by Chernoff's bound for a Poisson variable
            (Mitzenmacher and Upfal, Probability and Computing, theorem 5.4).
        """
        places = len(self.codes)
        if places == 0 or len(later.codes) != places:
            return None
        same = int((self.codes == later.codes).sum())
        mean = places * self.match_probability
        if same < SAME_SHARE * places or same <= mean:
            return None
        log_probability = same - mean + same * math.log(mean / same)
        return same / places if log_probability <= math.log(CHANCE) else None
