"""RowCopier: copies rows of samples into the memory of a batch."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.native import Gathering, native
from loaders.native.torch_team import find_team

# Bytes that one thread copies in the time that it takes to call the others.
_WORTH_SHARING = 1 << 14


class RowCopier:
    """Copies rows by ring.c on torch's threads together, or by numpy on the calling thread alone.

    One thread copies as fast by numpy. Both ways release the GIL.

    Args:
        columns: for each leaf of a batch the rows of all samples, (samples,) or (samples, words).
    """

    def __init__(self, columns: Sequence[NDArray[Any]]) -> None:
        self._columns = columns
        library = native().library if all(column.flags.c_contiguous for column in columns) else None
        self._gather = None if library is None else library.gather

    def copy(self, indices: NDArray[np.int64], words: Sequence[NDArray[Any]], *, together: bool) -> None:
        """Copy the rows of a batch.

        Args:
            indices: the samples, (batch,), contiguous and in range.
            words: for each leaf the rows to write, of which there are at least as many.
            together: whether torch's threads help, where there are any.
        """
        rows = len(indices)
        for column, to in zip(self._columns, words, strict=True):
            size = column.nbytes // len(column)
            # Rows of some bytes take less time than calling other threads.
            if self._gather is None or not together or rows * size < _WORTH_SHARING:
                # Other modes than clip would gather into memory of their own first. The indices were checked.
                np.take(column, indices, axis=0, out=to[:rows], mode="clip")
                continue
            team = ctypes.pointer(find_team())
            self._gather(Gathering(column.ctypes.data, size, rows, indices.ctypes.data, to.ctypes.data, team))
