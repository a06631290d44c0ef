"""Make tar files of recorded tones, so that the example needs no download."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import numpy as np

SHARDS = 8
RATE_HZ = 8_000
PITCHES_HZ = (220, 330, 440, 660)


def find_shards(root: Path, tones: int) -> list[Path]:
    """Return the paths of the shards. They are made at the first use.

    Args:
        root: folder in which their folder lies.
        tones: number of tones in all shards; a multiple of SHARDS.
    """
    folder = root / f"loaderbench-examples-{tones}-tones"
    if not folder.is_dir():
        made = Path(tempfile.mkdtemp(dir=root))
        for shard in range(SHARDS):
            make_shard(made / f"tones-{shard:03}.tar", range(shard, tones, SHARDS))
        try:
            # Another process may have made them meanwhile.
            os.rename(made, folder)  # noqa: PTH104
        except OSError:
            shutil.rmtree(made)
    return sorted(folder.iterdir())


def make_shard(path: Path, numbers: range) -> None:
    """Write one shard. Each tone is a file `NUMBER.CLASS.npy`: int16 (RATE_HZ,), one second."""
    seconds = np.arange(RATE_HZ) / RATE_HZ
    with tarfile.open(path, "w") as tar:
        for number in numbers:
            random = np.random.default_rng(number)
            label = number % len(PITCHES_HZ)
            wave = np.sin(2 * np.pi * PITCHES_HZ[label] * seconds + random.uniform(0, 6))
            noisy = wave + random.normal(scale=0.5, size=RATE_HZ)
            content = io.BytesIO()
            np.save(content, (noisy * 8_000).astype(np.int16))
            member = tarfile.TarInfo(f"{number:06}.{label}.npy")
            member.size = content.tell()
            content.seek(0)
            tar.addfile(member, content)
