"""DeliveredPictures: a few samples of a sweep as they were delivered. Needs no library: trials import it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SamplePicture:
    """A sample as a picture.

    Attributes:
        png: a PNG file.
        label: its label; empty where none is known.
    """

    png: bytes
    label: str


@dataclass(frozen=True)
class DeliveredPictures:
    """A few samples of a batch, as they were delivered.

    Attributes:
        pictures: the samples.
        shape: shape of a sample, such as `1x28x28`.
        dtype: type of its values, such as `float32`.
        low: value that is drawn as black.
        high: value that is drawn as white.
        configuration: number of the configuration that delivered them; default None, where it isn't known.
    """

    pictures: tuple[SamplePicture, ...]
    shape: str
    dtype: str
    low: float
    high: float
    configuration: int | None = None
