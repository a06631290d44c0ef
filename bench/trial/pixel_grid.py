"""PixelGrid: the pixels by which a sample is identified."""

from __future__ import annotations

import random
from dataclasses import dataclass

GRID_ROWS, GRID_COLUMNS = 4, 8


@dataclass(frozen=True)
class PixelGrid:
    """A few rows of a picture, and in each row a few columns close to each other.

    The pixels of one cache line take as long to read as one of them, so columns are close. Neighbouring
    pixels are alike, so columns are not side by side. 32 pixels tell apart all but a few of 60,000 synthetic
    samples.

    Attributes:
        rows: rows of the grid.
        columns: columns of the grid.
    """

    rows: slice
    columns: slice

    @classmethod
    def draw(cls, height: int, width: int, seed: int | str) -> PixelGrid:
        """Return a random grid whose rows are spread over the picture.

        Args:
            height: rows of a picture.
            width: columns of a picture.
            seed: the same seed gives the same grid.
        """
        choose = random.Random(f"grid/{seed}")
        rows, columns = min(GRID_ROWS, height), min(GRID_COLUMNS, width)
        row_step, column_step = height // rows, max(1, width // 12)
        span = (columns - 1) * column_step + 1
        row = choose.randrange(height - (rows - 1) * row_step)
        column = choose.randrange(width - span + 1)
        return cls(
            slice(row, row + (rows - 1) * row_step + 1, row_step),
            slice(column, column + span, column_step),
        )
