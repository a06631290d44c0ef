"""Small image sets in IDX files, under any names."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from loaders.data.idx import make_header
from loaders.data.idx_files import FILE_NAMES


def idx_bytes(values: np.ndarray) -> bytes:
    """Return an IDX file of uint8 values."""
    return make_header(values.shape) + values.tobytes()


def qmnist_label_bytes(labels: np.ndarray) -> bytes:
    """Return an IDX file of int32 (N, 8) with the labels in the first column, as QMNIST has it."""
    columns = np.full((len(labels), 8), 77, ">i4")
    columns[:, 0] = labels
    return struct.pack(">4B2I", 0, 0, 0x0C, 2, len(labels), 8) + columns.tobytes()


def write_set(
    folder: Path, names=FILE_NAMES, *, labels=range(10), seed: int = 0, packed: bool = False
) -> Path:
    """Write 20 training and 5 test samples; return the folder.

    names: of the four files, in the order of FILE_NAMES. labels: the labels, repeated in this order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(seed)
    for (images_name, labels_name), count in ((names[:2], 20), (names[2:], 5)):
        images = random.randint(0, 256, (count, 28, 28)).astype(np.uint8)
        values = np.resize(np.array(labels), count)
        if "idx2" in labels_name:
            label_bytes = qmnist_label_bytes(values)
        else:
            label_bytes = idx_bytes(values.astype(np.uint8))
        for name, content in ((images_name, idx_bytes(images)), (labels_name, label_bytes)):
            (folder / name).write_bytes(gzip.compress(content, mtime=0) if packed else content)
    return folder


def emnist_names(split: str) -> tuple[str, ...]:
    """Return the names that torchvision gives the files of an EMNIST split."""
    return tuple(f"emnist-{split}-{name.replace('t10k', 'test')}" for name in FILE_NAMES)


QMNIST_NAMES = tuple(
    f"qmnist-{name.replace('t10k', 'test').replace('idx1-ubyte', 'idx2-int')}" for name in FILE_NAMES
)
DOTTED_NAMES = tuple(name.replace("-idx", ".idx") for name in FILE_NAMES)
