"""The bytes of a dataset's Python objects."""

from __future__ import annotations

import sys

import numpy
import pytest
import torch

from bench.workloads.inspection.object_bytes import estimate_object_bytes


class Holding:
    """A dataset that holds something."""

    def __init__(self, held: object) -> None:
        self.held = held


def size_of(held: object) -> int:
    """Return the bytes of what is held, without its holder's."""
    found, empty = estimate_object_bytes(Holding(held)), estimate_object_bytes(Holding(None))
    assert found is not None
    assert empty is not None
    return found - empty


@pytest.mark.parametrize("count", [10, 50_000])
def test_each_text_of_a_list_counts(count) -> None:
    """Of a long list some stand for all."""
    texts = [f"{'x' * 100}{number:08d}" for number in range(count)]
    expected = sys.getsizeof(texts) + sum(map(sys.getsizeof, texts))
    assert size_of(texts) == pytest.approx(expected, rel=0.02)


def test_keys_and_values_of_a_dict_count() -> None:
    """Also where only some are looked at."""
    table = {f"key {number}": [number + 1e6, "x" * 50] for number in range(20_000)}
    expected = sys.getsizeof(table)
    for key, value in table.items():
        expected += sys.getsizeof(key) + sys.getsizeof(value) + sys.getsizeof(value[0])
    # The text is one object.
    assert size_of(table) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("held", [numpy.zeros(1_000_000), torch.zeros(1_000_000), sys, print, Holding])
def test_content_of_arrays_and_the_program_itself_do_not_count(held) -> None:
    """Reading an array writes nothing to its pages."""
    assert size_of(held) < 2_000


def test_an_object_counts_once() -> None:
    """A list that holds itself ends, and so does a chain deeper than Python's stack."""
    text = "x" * 1_000
    loop: list[object] = [text, text]
    loop.append(loop)
    assert size_of(loop) < 2 * sys.getsizeof(text)
    chain: object = None
    for _ in range(20_000):
        chain = [chain]
    assert size_of(chain) > 20_000 * sys.getsizeof([])


def test_arrays_of_objects_hold_objects() -> None:
    """Each element is a Python object."""
    assert size_of(numpy.array([f"{'x' * 100}{n}" for n in range(100)], dtype=object)) > 100 * 100


def test_an_object_that_refuses_is_unknown() -> None:
    """The error is none of ours."""

    class Refusing:
        def __sizeof__(self) -> int:
            raise RuntimeError("look elsewhere")

    assert estimate_object_bytes(Holding(Refusing())) is None
