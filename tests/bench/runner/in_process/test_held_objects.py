"""What an object holds is found wherever it keeps it, and nothing of it is called."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableMapping
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from bench.runner.in_process.held_objects import LONGEST, list_held


class Slotted:
    __slots__ = ("empty", "value")

    def __init__(self, value: object) -> None:
        self.value = value


class Items(list):
    """A list that loads when it is iterated."""

    def __iter__(self):
        raise OSError("no such file")


class Pools(MutableMapping):
    """A mapping that can't be iterated, as HTTP clients have."""

    def __init__(self, value: object) -> None:
        self.kept = {"a": value}

    def __getitem__(self, name):
        return self.kept[name]

    def __setitem__(self, name, value):
        self.kept[name] = value

    def __delitem__(self, name):
        del self.kept[name]

    def __iter__(self):
        raise NotImplementedError

    def __len__(self):
        return 1


class Odd:
    """An object that answers a question with an error."""

    def __getattribute__(self, name):
        if name == "__dict__":
            raise RuntimeError(name)
        return super().__getattribute__(name)


def enclose(value):
    unset = value
    del unset

    def use(one, other=None):
        return one, other, value, unset  # noqa: F821

    return use


class Transform:
    def __init__(self, value: object) -> None:
        self.value = value

    def apply(self, sample):
        return sample


@pytest.mark.parametrize(
    "hold",
    [
        lambda value: SimpleNamespace(a=[{"b": (value,)}]),
        lambda value: SimpleNamespace(a=partial(print, value)),
        lambda value: SimpleNamespace(a=partial(print, one=value)),
        lambda value: SimpleNamespace(a=Transform(value).apply),
        lambda value: SimpleNamespace(a=enclose(value)),
        lambda value: SimpleNamespace(a=lambda sample, kept=value: sample),
        lambda value: SimpleNamespace(a=Slotted(value)),
        lambda value: SimpleNamespace(a=deque([value])),
        lambda value: SimpleNamespace(a=Items([value])),
        lambda value: SimpleNamespace(a=Pools(value)),
        lambda value: SimpleNamespace(a=Odd(), b=value),
    ],
)
def test_a_generator_is_found_wherever_it_is_held(hold) -> None:
    value = np.random.default_rng(1)
    assert any(one is value for one in list_held(hold(value)))


def test_long_lists_are_not_looked_into() -> None:
    value = np.random.default_rng(1)
    assert not any(one is value for one in list_held([value] * (LONGEST + 1)))
