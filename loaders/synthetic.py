"""The synthetic set: drawn garments in the format, the size and about the statistics of Fashion-MNIST.

Integers throughout, and no random numbers but the words of MT19937, whose stream numpy has frozen: every
machine and every numpy draws the same bytes.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loaders import idx
from loaders.source import DataError, Split

_Array = npt.NDArray[np.int32]

CHUNK = 1000  # samples
_VERSION = 1  # of the bytes drawn: a change to them needs a new number
_SEED = 2017
_SIDE = 28
_UNIT = 16  # units in a pixel: edges lie between pixels
_VARIANTS = 192
_CLOTHS = 256


class _Patch(NamedTuple):
    """A patch of cloth with straight edges between its knots.

    tone: 0..255, 0 cuts out. knots: (y, left, right) in pixels.
    """

    tone: int
    knots: tuple[tuple[float, float, float], ...]


_TORSO = _Patch(255, ((3, 10, 18), (5, 7, 21), (12, 7, 21), (26, 7, 21)))
_LONG_TORSO = _Patch(255, ((1, 10, 18), (4, 7, 21), (14, 8, 20), (27, 6, 22)))
_SHORT_SLEEVES = (
    _Patch(240, ((4, 7, 10), (6, 4, 9), (12, 2, 7))),
    _Patch(240, ((4, 18, 21), (6, 19, 24), (12, 21, 26))),
)
_LONG_SLEEVES = (
    _Patch(240, ((4, 7, 10), (7, 3, 9), (24, 2, 6))),
    _Patch(240, ((4, 18, 21), (7, 19, 25), (24, 22, 26))),
)
_NECK = _Patch(0, ((2, 11, 17), (5, 13, 15)))
_COLLAR = _Patch(120, ((2, 11, 17), (4, 12, 16), (8, 14, 14)))
_BUTTONS = _Patch(180, ((7, 13.5, 14.5), (25, 13.5, 14.5)))
_ZIP = _Patch(60, ((3, 13.5, 14.5), (27, 13, 15)))
_T_SHIRT = (*_SHORT_SLEEVES, _TORSO, _NECK)
_HEM = _Patch(170, ((24, 7, 21), (26, 7, 21)))
_PULLOVER = (*_LONG_SLEEVES, _TORSO, _NECK, _HEM)

# In the order of the classes; a class with several templates draws one of them for each variant.
_GARMENTS: tuple[tuple[tuple[_Patch, ...], ...], ...] = (
    (_T_SHIRT,),
    (
        (
            _Patch(250, ((1, 9, 19), (7, 8, 20))),
            _Patch(250, ((7, 8, 14), (27, 7, 12))),
            _Patch(250, ((7, 14, 20), (27, 16, 21))),
        ),
    ),
    (_PULLOVER,),
    (
        (_Patch(255, ((1, 10, 18), (5, 9, 19), (11, 10, 18), (27, 7, 21))), _NECK),
        (_Patch(255, ((1, 10, 18), (11, 9, 19), (27, 8, 20))), *_SHORT_SLEEVES, _NECK),
    ),
    (
        (*_LONG_SLEEVES, _LONG_TORSO, _COLLAR, _ZIP),
        (*_LONG_SLEEVES, _LONG_TORSO, _NECK),
    ),
    (
        (
            _Patch(220, ((20, 1, 26), (23, 1, 27))),
            _Patch(200, ((12, 16, 19), (21, 6, 10))),
            _Patch(200, ((13, 22, 24), (21, 23, 26))),
        ),
        (
            _Patch(220, ((17, 18, 27), (20, 8, 27), (23, 1, 27))),
            _Patch(0, ((20, 12, 20), (23, 10, 22))),
            _Patch(200, ((9, 20, 25), (17, 17, 27))),
        ),
    ),
    (
        (*_T_SHIRT, _COLLAR, _BUTTONS),
        (*_LONG_SLEEVES, _TORSO, _COLLAR, _BUTTONS),
        (*_LONG_SLEEVES, _LONG_TORSO, _NECK, _BUTTONS),
    ),
    (
        (
            _Patch(235, ((10, 17, 25), (14, 13, 26), (18, 3, 27), (22, 1, 27))),
            _Patch(255, ((21, 1, 27), (23, 1, 27))),
        ),
    ),
    (
        (
            _Patch(235, ((3, 9, 19), (11, 6, 22))),
            _Patch(0, ((5, 11, 17), (11, 8, 20))),
            _Patch(255, ((10, 3, 25), (25, 2, 26))),
        ),
        (_Patch(255, ((7, 3, 25), (23, 2, 26))), _Patch(150, ((7, 4, 24), (13, 10, 18)))),
    ),
    (
        (
            _Patch(240, ((3, 14, 26), (13, 13, 26), (18, 3, 27), (24, 2, 27))),
            _Patch(160, ((24, 2, 11), (26, 2, 10))),
            _Patch(160, ((24, 18, 27), (26, 20, 27))),
        ),
    ),
)
_CLASSES = len(_GARMENTS)


class Wardrobe(NamedTuple):
    """What pictures are put together from.

    shapes: uint8 (class, variant, H, W). cloths: uint8 (cloth, H, W), factors in 255ths.
    """

    shapes: npt.NDArray[np.uint8]
    cloths: npt.NDArray[np.uint8]


def locate(data_dir: Path, count: int) -> tuple[Path, str]:
    """Find the set of `count` training samples under a folder, or write it there.

    It has max(1, count // 6) test samples. Returns the folder of its IDX files and their digest.
    Raises DataError where the files are no longer what was written, or can't be written.
    """
    root = data_dir / f"synthetic-{count}"
    if not os.path.exists(root):  # noqa: PTH110 - False, not an error, where this user may not look
        _write(root, count)
    folder, record = root / "FashionMNIST" / "raw", root / "digest.txt"
    try:
        digest, written = idx.check(folder, _CLASSES).whole, record.read_text()
    except (DataError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{error}; delete the folder {root}, and it is written anew") from error
    if written != _record(digest):
        raise DataError(
            f"{folder}: found {_record(digest)!r}, expected {written!r} as {record.name} says; "
            f"delete the folder {root}, and it is written anew"
        )
    return folder, digest


def wardrobe() -> Wardrobe:
    """Draw all shapes and cloths: the same ones at every call."""
    random = np.random.RandomState([_SEED, 2])
    shapes = np.stack([_shapes(random, templates) for templates in _GARMENTS])
    return Wardrobe(shapes.astype(np.uint8), _cloths(random))


def draw(wardrobe: Wardrobe, split: Split, chunk: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw one chunk: images uint8 (CHUNK, H, W) and labels uint8 (CHUNK,).

    It depends on the split and the chunk's number only, so a smaller set is the start of a larger one.
    """
    random = np.random.RandomState([_SEED, 0 if split == "train" else 1, chunk])
    order = np.argsort(_integers(random, 0, 1 << 30, (CHUNK,)), kind="stable")
    labels = (np.arange(CHUNK) % _CLASSES)[order]
    shapes = wardrobe.shapes[labels, _integers(random, 0, _VARIANTS, (CHUNK,))]
    cloths = wardrobe.cloths[_integers(random, 0, _CLOTHS, (CHUNK,))]
    light = _integers(random, 40, 256, (CHUNK, 1, 1)).astype(np.uint16)
    grain = np.frombuffer(random.bytes(shapes.size), np.uint8).reshape(shapes.shape)
    images = shapes.astype(np.uint16)
    images *= cloths
    images >>= 8
    images *= light
    images >>= 7
    np.minimum(images, 255, out=images)
    images *= 256 - (grain >> 2).astype(np.uint16)
    images >>= 8
    return images.astype(np.uint8), labels.astype(np.uint8)


def _write(root: Path, count: int) -> None:
    needed, parent = (count + count // 6) * (_SIDE * _SIDE + 1), root.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if needed > free:
            raise DataError(
                f"{root}: found {free / 1e9:.1f} GB free on the disk, expected {needed / 1e9:.1f} GB"
            )
        # One level down: only its owner may enter the temporary folder itself.
        with tempfile.TemporaryDirectory(prefix=".synthetic-", dir=parent) as temporary:
            staged = Path(temporary) / root.name
            folder = staged / "FashionMNIST" / "raw"
            folder.mkdir(parents=True)
            clothes = wardrobe()
            _write_split(folder, clothes, "train", count)
            _write_split(folder, clothes, "test", max(1, count // 6))
            (staged / "digest.txt").write_text(_record(idx.check(folder, _CLASSES).whole))
            try:
                staged.rename(root)
            except OSError:
                # Another process may have been faster; whatever is there now gets checked by its digest.
                if not root.exists():
                    raise
    except OSError as error:
        raise DataError(
            f"{root}: can't be written ({error.strerror or error}), expected a folder that can be written"
        ) from error


def _write_split(folder: Path, clothes: Wardrobe, split: Split, count: int) -> None:
    images_name, labels_name = idx.names(split)
    with (folder / images_name).open("wb") as images_file, (folder / labels_name).open("wb") as labels_file:
        images_file.write(idx.header((count, _SIDE, _SIDE)))
        labels_file.write(idx.header((count,)))
        for chunk in range(math.ceil(count / CHUNK)):
            images, labels = draw(clothes, split, chunk)
            rest = count - chunk * CHUNK
            images_file.write(images[:rest].tobytes())
            labels_file.write(labels[:rest].tobytes())


def _record(digest: str) -> str:
    return f"{digest} version {_VERSION}"


def _shapes(random: np.random.RandomState, templates: tuple[tuple[_Patch, ...], ...]) -> _Array:
    """Draw every variant of a class: a template, stretched, moved, its edges and tones shaken."""
    template = _integers(random, 0, len(templates), (_VARIANTS,))
    scale = _integers(random, 58, 72, (2, _VARIANTS, 1))
    move = _integers(random, -_UNIT * 2, _UNIT * 2 + 1, (2, _VARIANTS, 1))
    shapes = np.zeros((_VARIANTS, _SIDE, _SIDE), np.int32)
    rows = np.arange(_SIDE, dtype=np.int32) * _UNIT + _UNIT // 2
    middle = _SIDE * _UNIT // 2
    for number, patches in enumerate(templates):
        mine = template == number
        for patch in patches:
            knots = (np.array(patch.knots) * _UNIT).astype(np.int32)
            shake = _integers(random, -_UNIT // 2, _UNIT // 2 + 1, (2, _VARIANTS, len(knots)))
            y = middle + (knots[:, 0] - middle) * scale[0] // 64 + move[0]
            left = middle + (knots[:, 1] - middle) * scale[1] // 64 + move[1] + shake[0]
            right = middle + (knots[:, 2] - middle) * scale[1] // 64 + move[1] + shake[1]
            cover = _cover(rows, y, left, right)
            tone = patch.tone * _integers(random, 224, 257, (_VARIANTS, 1, 1)) // 256
            painted = (shapes * (_UNIT - cover) + tone * cover) // _UNIT
            shapes = np.where(mine[:, None, None], painted, shapes)
    return shapes


def _cover(rows: _Array, y: _Array, left: _Array, right: _Array) -> _Array:
    """How much of each pixel lies between two broken lines through knots (variants, knots): 0.._UNIT."""
    cover = np.zeros((len(y), _SIDE, _SIDE), np.int32)
    columns = np.arange(_SIDE, dtype=np.int32) * _UNIT
    for k in range(y.shape[1] - 1):
        top, bottom = y[:, k, None], y[:, k + 1, None]
        along = (rows - top).clip(0, bottom - top)
        height = np.maximum(bottom - top, 1)
        start = left[:, k, None] + (left[:, k + 1] - left[:, k])[:, None] * along // height
        end = right[:, k, None] + (right[:, k + 1] - right[:, k])[:, None] * along // height
        inside = (rows >= top) & (rows < bottom)
        width = (end[..., None] - columns).clip(0, _UNIT) - (start[..., None] - columns).clip(0, _UNIT)
        cover += np.where(inside[..., None], width.clip(0), 0)
    return cover


def _cloths(random: np.random.RandomState) -> npt.NDArray[np.uint8]:
    """Draw cloths as factors 0..255: plain, striped across and along, checked, blotched, shaded."""
    y, x = np.mgrid[:_SIDE, :_SIDE].astype(np.int32)
    period = _integers(random, 2, 9, (_CLOTHS, 1, 1))
    depth = _integers(random, 0, 200, (_CLOTHS, 1, 1))
    across, along = (y // period) % 2, (x // period) % 2
    blotches = np.frombuffer(random.bytes(_CLOTHS * 49), np.uint8).reshape(_CLOTHS, 7, 7)
    patterns = np.stack(
        (
            np.zeros((_CLOTHS, _SIDE, _SIDE), np.int32),
            across * 255,
            along * 255,
            (across ^ along) * 255,
            blotches.repeat(4, axis=1).repeat(4, axis=2).astype(np.int32),
            np.broadcast_to(y * 9, (_CLOTHS, _SIDE, _SIDE)),
        )
    )
    kind = _integers(random, 0, len(patterns), (_CLOTHS,))
    pattern = patterns[kind, np.arange(_CLOTHS)]
    return (255 - pattern * depth // 256).astype(np.uint8)


def _integers(random: np.random.RandomState, low: int, high: int, shape: tuple[int, ...]) -> _Array:
    """Draw integers in low..high - 1."""
    words = np.frombuffer(random.bytes(4 * math.prod(shape)), "<u4").astype(np.uint64)
    scaled: _Array = (words * np.uint64(high - low) >> np.uint64(32)).astype(np.int32)
    return low + scaled.reshape(shape)
