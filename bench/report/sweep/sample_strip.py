"""SampleStrip: a few samples of a sweep as a page shows them."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from bench.records.delivered_pictures import DeliveredPictures
from bench.report.labels import Labels


@dataclass(frozen=True)
class SampleStrip:
    """A few samples as they were delivered.

    Attributes:
        pictures: address of each picture, which holds all of it, and its label.
        text: one or two sentences on what they are.
    """

    pictures: tuple[tuple[str, str], ...]
    text: str


def make_sample_strip(delivered: DeliveredPictures | None, labels: Labels) -> SampleStrip | None:
    """Return the strip of some samples; None for none.

    Args:
        delivered: the samples.
        labels: names of the configurations.
    """
    if delivered is None or not delivered.pictures:
        return None
    number = delivered.configuration
    by = f" by {labels.full[number]}" if number in labels.full else " in the first run"
    scaled = f"{delivered.low:.3g} is drawn as black, {delivered.high:.3g} as white"
    text = f"The first samples that were delivered{by}: {delivered.shape}, {delivered.dtype}; {scaled}."
    pictures = tuple(
        (f"data:image/png;base64,{base64.b64encode(one.png).decode()}", one.label)
        for one in delivered.pictures
    )
    return SampleStrip(pictures, text)
