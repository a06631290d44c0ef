"""BlockTimes: about how long the processes of an explanation's block take, by a first look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.runner.first_look import FirstLook

# Seconds after which a rung ends; the rungs with workers of a ladder, and those in one process, of which the
# lower ones are shorter; and the fewest batches of a rung.
RUNG_S, STREAMS, CUTS, RUNG_BATCHES = 2.0, 2, 3, 4
# A first look is one short epoch, so a block may take longer than it says.
MARGIN = 1.1


@dataclass(frozen=True)
class BlockTimes:
    """About how long the processes of a block take: the configuration, its ceiling, a trace and a ladder.

    Attributes:
        look: short epoch that was measured first.
        num_workers: number of workers of the configuration.
        epochs: number of epochs of each run: of the configuration, and of its ceilings.
        is_repeated: whether the first block runs the configuration once more, for its audit.
    """

    look: FirstLook
    num_workers: int
    epochs: Sequence[int]
    is_repeated: bool

    def list_s(self, batches: int) -> list[float]:
        """Return the seconds of each process: of each run, the trace and the ladder.

        Args:
            batches: number of batches of an epoch.
        """
        look, (whole, *ceilings) = self.look, self.epochs
        epoch_s = look.estimate_epoch_s(batches)
        whole_s = look.process_s + whole * epoch_s
        # A ceiling captures its batches by loading them once.
        ceilings_s = [look.process_s + epoch_s + number * batches * look.step_s for number in ceilings]
        return [whole_s, *ceilings_s, whole_s, look.process_s + self._estimate_ladder_s(whole)]

    def estimate_first_s(self, batches: int) -> float:
        """Return the seconds of the first block.

        Args:
            batches: number of batches of an epoch.
        """
        times_s = self.list_s(batches)
        return MARGIN * (math.fsum(times_s) + times_s[0] * self.is_repeated)

    def find_batches(self, budget_s: float, fewest: int, most: int) -> int | None:
        """Return the largest number of batches with which the first block fits a budget; None for none.

        Args:
            budget_s: seconds that the block may take.
            fewest: fewest batches of an epoch.
            most: most batches of an epoch.
        """
        shortest_s = self.estimate_first_s(fewest)
        if shortest_s > budget_s:
            return None
        # Its time grows with each batch by the same amount.
        batch_s = self.estimate_first_s(fewest + 1) - shortest_s
        more = (budget_s - shortest_s) / batch_s if batch_s > 0 else math.inf
        return most if more >= most - fewest else fewest + int(more)

    def _estimate_ladder_s(self, passes: int) -> float:
        look, workers = self.look, self.num_workers
        loading_s = max(0.0, look.batch_s - look.step_s)
        # In one process a batch takes as long as its workers take together.
        cut_s = max(RUNG_S, RUNG_BATCHES * max(1, workers) * loading_s)
        # An epoch of a rung is as long as half of the time that it may take, and one more warms up.
        ladder_s = cut_s / 2 * (1 + passes * (CUTS if workers else CUTS + 1))
        if workers:
            stream_s = max(RUNG_S, max(RUNG_BATCHES, 2 * workers) * loading_s)
            ladder_s += STREAMS * (look.ends_s + passes * stream_s)
        return ladder_s
