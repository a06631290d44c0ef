"""Random states: what a tuning inside a training gives back, so that the training's numbers stay the same."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from bench.runner.in_process.held_objects import list_held


@contextlib.contextmanager
def keep_random_states(*holders: object) -> Iterator[None]:
    """Give random number generators their states back at the end of a `with` block.

    The global ones of Python, numpy and torch, CUDA's where it is in use, and those that are found in some
    objects.

    Args:
        *holders: objects that may hold generators, such as a dataset.
    """
    restorers = [
        *_save_global_states(),
        *(_save(found) for holder in holders for found in find_generators(holder)),
    ]
    try:
        yield
    finally:
        for restore in restorers:
            restore()


def clone_generator(generator: torch.Generator) -> torch.Generator:
    """Return a generator of the same device with the same state."""
    clone = torch.Generator(device=generator.device)
    clone.set_state(generator.get_state())
    return clone


def find_generators(holder: object) -> list[Any]:
    """Return the generators that an object holds in its attributes, lists and dicts."""
    kinds = torch.Generator | np.random.Generator | np.random.RandomState | random.Random
    return [one for one in list_held(holder) if isinstance(one, kinds)]


def _save_global_states() -> list[Callable[[], None]]:
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()
    restorers: list[Callable[[], None]] = [
        lambda: random.setstate(python),
        lambda: np.random.set_state(numpy),
        lambda: torch.set_rng_state(cpu),
    ]
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        cuda = torch.cuda.get_rng_state_all()
        restorers.append(lambda: torch.cuda.set_rng_state_all(cuda))
    return restorers


def _save(generator: Any) -> Callable[[], None]:
    """Return a function that gives a generator the state back that it has now."""
    if isinstance(generator, torch.Generator):
        tensor = generator.get_state()
        return partial(_set_state, generator, tensor)
    if isinstance(generator, np.random.Generator):
        state = generator.bit_generator.state
        return lambda: setattr(generator.bit_generator, "state", state)
    if isinstance(generator, np.random.RandomState):
        old = generator.get_state()
        return lambda: generator.set_state(old)
    return _save_python(generator)


def _save_python(generator: random.Random) -> Callable[[], None]:
    try:
        state = generator.getstate()
    except NotImplementedError:
        # The system's own numbers have no state.
        return lambda: None
    return lambda: generator.setstate(state)


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)
