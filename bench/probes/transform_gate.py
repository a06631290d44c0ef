"""Transform gate: transforms of a dataset that pass their input on for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.probes.transforms import TransformSlot


@contextmanager
def pass_on(slots: Sequence[TransformSlot]) -> Iterator[None]:
    """Let transforms pass their input on, inside a `with` block."""
    with ExitStack() as gates:
        for slot in slots:
            gates.callback(slot.restore)
            slot.install(lambda _: _return_input)
        yield


def _return_input(*values: Any, **named: Any) -> Any:
    """Return the input of a transform: a value, several values, or a dict of named ones."""
    if not values:
        return named
    return values[0] if len(values) == 1 else values
