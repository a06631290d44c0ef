"""NativeRing: a ring that is filled by `ring.c`."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from loaders.data.rows import Rows
from loaders.device.resize import weights
from loaders.native import Plan, Side, native
from loaders.native.torch_team import find_team, has_team
from loaders.ring.slots import Slots

_BLOCK = 16  # as in ring.c
# Chunks whose rows the system is asked to read ahead: enough to keep a disk's queue full.
_ASK_AHEAD = 8


class NativeRing:
    """Ring that is filled by `ring.c`: threads fill chunks, and wait for each other, without Python.

    Args:
        rows: the pictures and labels.
        slots: the memory to fill.
        resize: side in pixels that pictures are resized to; None keeps their size.
        shuffle: whether each epoch has a random order; False is the stored order.

    Raises:
        MemoryError: memory is short.
    """

    def __init__(self, rows: Rows, slots: Slots, resize: int | None, *, shuffle: bool) -> None:
        library = native().library
        assert library is not None
        self._library = library
        height, width = rows.images.shape[1:]
        order = np.empty(len(rows.labels), np.int64) if shuffle else None
        ready = np.zeros(len(slots.owners), np.int64)
        sides, arrays = _make_sides(height, width, resize) if resize else ((Side(), Side()), [])
        # The library reads and writes all of this as long as the ring lives.
        self._keep = rows, slots, order, ready, arrays
        plan = Plan(
            samples=len(rows.labels),
            pixels=height * width,
            chunk=slots.shape.samples,
            slots=slots.shape.count,
            images=rows.images.data_ptr(),
            labels=rows.labels.data_ptr(),
            order=None if order is None else order.ctypes.data,
            out=slots.images.ctypes.data,
            out_labels=slots.labels.ctypes.data,
            ready=ready.ctypes.data,
            rows=sides[0],
            columns=sides[1],
            label_bytes=rows.labels.itemsize,
            ask=_ASK_AHEAD if rows.ask else 0,
            raw=slots.images.dtype == np.uint8,
            team=find_team(),
        )
        self._ring = library.ring_open(ctypes.byref(plan))
        self._check(0 if self._ring else -1)
        # Looked up once, since it is called for every chunk.
        self._take = library.ring_take

    def begin(self, seed: int) -> None:
        self._check(self._library.ring_begin(self._ring, seed, has_team()))

    def take(self, chunk: int) -> None:
        if self._take(self._ring, chunk):
            self._check(-1)

    def help(self) -> None:
        self._library.ring_help(self._ring)

    def stop(self) -> None:
        self._library.ring_stop(self._ring)

    def _check(self, code: int) -> None:
        if code:
            raise MemoryError("ring.c: no memory")

    def __del__(self) -> None:
        if getattr(self, "_ring", None):
            self._library.ring_close(self._ring)


def _make_sides(height: int, width: int, side: int) -> tuple[tuple[Side, Side], list[NDArray[np.generic]]]:
    """Return both sides of a resize as ring.c reads them, and the arrays that they point to."""
    rows: NDArray[np.float32] = weights(height, side).numpy()
    blocks = -(-side // _BLOCK)
    columns = np.zeros((blocks * _BLOCK, width), np.float32)
    columns[:side] = weights(width, side).numpy()
    columns = np.ascontiguousarray(columns.reshape(blocks, _BLOCK, width).transpose(0, 2, 1))
    spans = [_find_spans(rows != 0), _find_spans((columns != 0).any(axis=2))]
    arrays: list[NDArray[np.generic]] = [rows, columns, *spans[0], *spans[1]]
    sides = [
        Side(inputs, side, low.ctypes.data, high.ctypes.data, matrix.ctypes.data)
        for inputs, (low, high), matrix in zip((height, width), spans, (rows, columns), strict=True)
    ]
    return (sides[0], sides[1]), arrays


def _find_spans(used: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the first column that each row uses, and one past its last."""
    low = used.argmax(axis=1).astype(np.int32)
    return low, (used.shape[1] - used[:, ::-1].argmax(axis=1)).astype(np.int32)
