"""Random states are put back."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bench.runner.in_process.random_states import keep_random_states


def make_holder() -> SimpleNamespace:
    return SimpleNamespace(
        a=torch.Generator().manual_seed(1),
        parts=[SimpleNamespace(b=np.random.default_rng(2))],
        named={"c": (np.random.RandomState(3),)},
        d=random.Random(4),
        system=random.SystemRandom(),
        data=torch.zeros(3),
        many=list(range(1000)),
    )


def draw(holder) -> list[float]:
    return [
        float(torch.rand(1)),
        float(np.random.rand()),
        random.random(),
        float(torch.rand(1, generator=holder.a)),
        float(holder.parts[0].b.random()),
        float(holder.named["c"][0].rand()),
        holder.d.random(),
    ]


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_all_generators_get_their_states_back(error) -> None:
    """However the block ends, the next numbers are those that would have come."""
    holder = make_holder()
    holder.itself = holder
    expected: list[float] = []
    try:
        with keep_random_states(holder):
            expected = draw(holder)
            draw(holder)
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert draw(holder) == expected
