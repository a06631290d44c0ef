"""RowCopier: rows of every size, alone, with torch's threads, and by numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from loaders.native import Native, native
from loaders.native.torch_team import has_team
from loaders.ring import row_copier
from loaders.ring.row_copier import RowCopier

SAMPLES = 300


@pytest.fixture(params=["native", "numpy"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two ways to copy in turn."""
    if request.param == "numpy":
        monkeypatch.setattr(row_copier, "native", lambda: Native(None, "not for this test"))
    elif native().library is None:
        pytest.skip(f"ring.c isn't compiled here: {native().problem}")
    return request.param


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("dtype", "words"), [(np.uint8, 1), (np.int64, 1), (np.uint8, 63), (np.uint32, 33)])
@pytest.mark.parametrize("rows", [1, 7, 200])
def test_rows_of_every_size(kind: str, together: bool, dtype: type, words: int, rows: int) -> None:
    """Each row arrives whole, and rows beyond the batch are left alone."""
    random = np.random.default_rng(0)
    columns = [
        random.integers(0, 256, (SAMPLES, words)).astype(dtype),
        random.integers(0, 256, SAMPLES).astype(dtype),
        random.integers(0, 256, (SAMPLES, 5000), np.uint8),
    ]
    indices = random.integers(0, SAMPLES, rows)
    written = [np.full((rows + 1, *column.shape[1:]), 7, column.dtype) for column in columns]
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        RowCopier(columns).copy(indices, written, together=together and has_team())
    finally:
        torch.set_num_threads(before)
    for column, got in zip(columns, written, strict=True):
        assert np.array_equal(got[:rows], column[indices])
        assert (got[rows] == 7).all()


def test_columns_that_lie_apart(kind: str) -> None:
    """Rows that are not one after another in memory are copied by numpy."""
    column = np.arange(60).reshape(20, 3)[::2]
    written = np.empty((4, 3), column.dtype)
    indices = np.array([9, 0, 3, 3])
    RowCopier([column]).copy(indices, [written], together=has_team())
    assert np.array_equal(written, column[indices])
