"""Steps for a user's own batches: their own, one that only takes time, or none."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.plan.step_length import LENGTH
from bench.process.errors import ExplainedError
from bench.text import describe_error, join_words
from bench.workloads.target.target import Target, TargetError, name_kind, refuse_exit

# Sleeping may end this much late, so the rest is waited for by looking at the clock.
LATE_NS = 200_000


class StepError(ExplainedError):
    """An exception of a user's own step, in one line that names the step."""


class OwnStep:
    """A step that hands each batch to a callable of the user's."""

    def __init__(self, call: Callable[[Any], object], name: str = "none") -> None:
        """Wrap a callable.

        Args:
            call: takes each batch, on the step's device.
            name: the step, for an error to name it.
        """
        self.call = call
        self._name = name

    def __call__(self, batch: Any) -> object:
        """Train on one batch.

        Raises:
            StepError: the callable raised an exception.
        """
        try:
            return self.call(batch)
        except Exception as error:
            raise StepError(f"step {self._name}: {describe_error(error)}") from error

    def mean_loss(self) -> None:
        """Return None: the step keeps its loss to itself."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


def name_length(step_ms: float) -> str:
    """Return the name of a step of planned length, such as `12ms`."""
    return f"{f'{step_ms:.9f}'.rstrip('0').rstrip('.')}ms"


def make_own_step(name: str, device: str) -> OwnStep:
    """Return a step by its name.

    Args:
        name: `none`; a length such as `12ms`; or a target whose function returns the callable that takes each
            batch. The function may take the argument `device`.
        device: `cpu` or `cuda`.

    Raises:
        TargetError: the target is no such function.
    """
    if name == "none":
        return OwnStep(_do_nothing)
    if (length := LENGTH.fullmatch(name)) is not None:
        return OwnStep(Waiting(float(length[1]) * 1e-3))
    target = Target.parse(name)
    make = target.load()
    if not callable(make):
        raise TargetError(f"{name} is {name_kind(make)}, expected a function that returns the step")
    parameters = _list_parameters(make)
    takes_device = "device" in parameters
    if needed := [one.name for one in parameters.values() if _is_needed(one) and one.name != "device"]:
        raise TargetError(f"{name} needs {join_words(needed)}: a step's function takes device, or nothing")
    with refuse_exit(f"{name}: the function"):
        call = make(device=device) if takes_device else make()
    if not callable(call):
        raise TargetError(f"{name} returned {name_kind(call)}, expected a callable that takes a batch")
    return OwnStep(call, name)


def _list_parameters(make: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(make).parameters
    except (TypeError, ValueError):
        # A function of a C extension doesn't tell its arguments.
        return {}


def _is_needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


class Waiting:
    """A wait of planned length, as a training loop waits for a GPU; the cores are free meanwhile."""

    def __init__(self, seconds: float) -> None:
        """Plan the wait."""
        self._ns = round(seconds * 1e9)

    def __call__(self, batch: Any) -> None:
        """Wait, counted from the entry."""
        del batch
        end = time.perf_counter_ns() + self._ns
        if self._ns > LATE_NS:
            time.sleep((self._ns - LATE_NS) * 1e-9)
        while time.perf_counter_ns() < end:
            pass


def _do_nothing(batch: Any) -> None:
    """Take a batch and do nothing."""
