"""Wardrobe: the shapes and cloths of which synthetic pictures are composed."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_Array = npt.NDArray[np.int32]
SEED = 2017
SIDE = 28
# Units in a pixel, since edges lie between pixels.
_UNIT = 16
VARIANTS = 192
CLOTHS = 256


class _Patch(NamedTuple):
    """A patch of cloth with straight edges between its knots.

    Attributes:
        tone: brightness, 0..255; 0 cuts the patch out.
        knots: (y, left edge, right edge) of each knot, in pixels.
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

# In the order of the classes. Each variant of a class draws one of its templates.
GARMENTS: tuple[tuple[tuple[_Patch, ...], ...], ...] = (
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


class Wardrobe(NamedTuple):
    """Shapes and cloths of which pictures are composed.

    Attributes:
        shapes: uint8 (classes, VARIANTS, SIDE, SIDE).
        cloths: uint8 (CLOTHS, SIDE, SIDE), factors in 255ths.
    """

    shapes: npt.NDArray[np.uint8]
    cloths: npt.NDArray[np.uint8]


def draw_wardrobe() -> Wardrobe:
    """Draw all shapes and cloths. Every call draws the same."""
    random = np.random.RandomState([SEED, 2])
    shapes = np.stack([_shapes(random, templates) for templates in GARMENTS])
    return Wardrobe(shapes.astype(np.uint8), _cloths(random))


def _shapes(random: np.random.RandomState, templates: tuple[tuple[_Patch, ...], ...]) -> _Array:
    """Draw every variant of a class: int32 (VARIANTS, SIDE, SIDE).

    A variant is a template, stretched and moved, with random shifts of its edges and tones.
    """
    template = draw_integers(random, 0, len(templates), (VARIANTS,))
    scale = draw_integers(random, 58, 72, (2, VARIANTS, 1))
    move = draw_integers(random, -_UNIT * 2, _UNIT * 2 + 1, (2, VARIANTS, 1))
    shapes = np.zeros((VARIANTS, SIDE, SIDE), np.int32)
    rows = np.arange(SIDE, dtype=np.int32) * _UNIT + _UNIT // 2
    middle = SIDE * _UNIT // 2
    for number, patches in enumerate(templates):
        mine = template == number
        for patch in patches:
            knots = (np.array(patch.knots) * _UNIT).astype(np.int32)
            shake = draw_integers(random, -_UNIT // 2, _UNIT // 2 + 1, (2, VARIANTS, len(knots)))
            y = middle + (knots[:, 0] - middle) * scale[0] // 64 + move[0]
            left = middle + (knots[:, 1] - middle) * scale[1] // 64 + move[1] + shake[0]
            right = middle + (knots[:, 2] - middle) * scale[1] // 64 + move[1] + shake[1]
            cover = _cover(rows, y, left, right)
            tone = patch.tone * draw_integers(random, 224, 257, (VARIANTS, 1, 1)) // 256
            painted = (shapes * (_UNIT - cover) + tone * cover) // _UNIT
            shapes = np.where(mine[:, None, None], painted, shapes)
    return shapes


def _cover(rows: _Array, y: _Array, left: _Array, right: _Array) -> _Array:
    """Return the part of each pixel that lies between two broken lines, int32 (VARIANTS, SIDE, SIDE).

    Args:
        rows: middle of each pixel row, int32 (SIDE,), in units.
        y: height of each knot, int32 (VARIANTS, knots), in units.
        left: left line at each knot, int32 (VARIANTS, knots), in units.
        right: right line at each knot, int32 (VARIANTS, knots), in units.

    Returns:
        Values in 0.._UNIT.
    """
    cover = np.zeros((len(y), SIDE, SIDE), np.int32)
    columns = np.arange(SIDE, dtype=np.int32) * _UNIT
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
    """Draw cloths, uint8 (CLOTHS, SIDE, SIDE): plain, striped across or along, checked, blotched, shaded."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.int32)
    period = draw_integers(random, 2, 9, (CLOTHS, 1, 1))
    depth = draw_integers(random, 0, 200, (CLOTHS, 1, 1))
    across, along = (y // period) % 2, (x // period) % 2
    blotches = np.frombuffer(random.bytes(CLOTHS * 49), np.uint8).reshape(CLOTHS, 7, 7)
    patterns = np.stack(
        (
            np.zeros((CLOTHS, SIDE, SIDE), np.int32),
            across * 255,
            along * 255,
            (across ^ along) * 255,
            blotches.repeat(4, axis=1).repeat(4, axis=2).astype(np.int32),
            np.broadcast_to(y * 9, (CLOTHS, SIDE, SIDE)),
        )
    )
    kind = draw_integers(random, 0, len(patterns), (CLOTHS,))
    pattern = patterns[kind, np.arange(CLOTHS)]
    return (255 - pattern * depth // 256).astype(np.uint8)


def draw_integers(random: np.random.RandomState, low: int, high: int, shape: tuple[int, ...]) -> _Array:
    """Draw integers in low..high - 1, int32 of the shape."""
    words = np.frombuffer(random.bytes(4 * math.prod(shape)), "<u4").astype(np.uint64)
    scaled: _Array = (words * np.uint64(high - low) >> np.uint64(32)).astype(np.int32)
    return low + scaled.reshape(shape)
