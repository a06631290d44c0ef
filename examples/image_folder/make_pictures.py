"""Make a folder of JPEG pictures, so that the example needs no download."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("brick", "cloud", "grass", "sand")
# Pictures as cameras and ImageNet have them.
HEIGHT, WIDTH = 375, 500


def find_pictures(root: Path, count: int) -> Path:
    """Return a folder of pictures, one subfolder a class. It is made at the first use.

    Args:
        root: folder in which it lies.
        count: number of pictures.
    """
    folder = root / f"loaderbench-examples-{count}-pictures"
    if not folder.is_dir():
        made = Path(tempfile.mkdtemp(dir=root))
        make_pictures(made, count)
        try:
            # Another process may have made them meanwhile.
            os.rename(made, folder)  # noqa: PTH104
        except OSError:
            shutil.rmtree(made)
    return folder


def make_pictures(folder: Path, count: int) -> None:
    """Write pictures of random texture. The same pictures come each time."""
    random = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir()
    for number in range(count):
        grain = 4 * 2 ** (number % len(CLASSES))
        coarse = random.integers(256, size=(HEIGHT // grain, WIDTH // grain, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        picture.save(folder / CLASSES[number % len(CLASSES)] / f"{number:05}.jpg", quality=90)
