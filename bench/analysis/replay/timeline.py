"""Timeline: when each batch of a replayed epoch was loaded, handed out and used."""

from __future__ import annotations


class Timeline:
    """Times of the batches of one epoch, in seconds since its clock started.

    Attributes:
        order: numbers of the batches in the order of delivery.
        asked: the training asks for the batch; in the order of delivery, as the next two.
        arrived: it arrives.
        done: its step is done.
        begun: its loading begins; by the number of the batch, as the next one.
        ended: its loading ends.
    """

    def __init__(self, batches: int) -> None:
        """Prepare an empty timeline.

        Args:
            batches: number of batches.
        """
        self.order: list[int] = []
        self.asked: list[float] = []
        self.arrived: list[float] = []
        self.done: list[float] = []
        self.begun = [0.0] * batches
        self.ended = [0.0] * batches

    def deliver(self, batch: int, asked: float, arrived: float) -> None:
        """Note the delivery of a batch."""
        self.order.append(batch)
        self.asked.append(asked)
        self.arrived.append(arrived)
