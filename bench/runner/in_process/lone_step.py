"""A step that one rank runs alone: models that wait for other ranks are refused before they hang."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed, nn
from torch.nn.modules.module import register_module_forward_pre_hook

# Modules whose forward or backward pass waits for all ranks, by their classes' names: imports take long.
WAITING = ("DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine")
# It waits in its forward pass while it trains.
WAITING_IN_TRAINING = ("SyncBatchNorm",)


class WaitingStepError(RuntimeError):
    """A step that waits for ranks which don't run it."""


@contextmanager
def refuse_waiting_models() -> Iterator[None]:
    """Let a model that waits for other ranks raise an error when it is called inside a `with` block.

    The first rank alone runs trials. Its pass would hang, or pair up with one of another rank's training.

    Raises:
        WaitingStepError: such a model was called.
    """
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        yield
        return
    hook = register_module_forward_pre_hook(_check)
    try:
        yield
    finally:
        hook.remove()


def _check(module: nn.Module, args: object) -> None:
    del args
    waiting = (*WAITING, *WAITING_IN_TRAINING) if module.training else WAITING
    names = [kind.__name__ for kind in type(module).__mro__]
    found = next((name for name in waiting if name in names), None)
    if found is not None:
        raise WaitingStepError(
            f"its step runs a {found}, which waits for the other ranks: let it run a plain copy of the "
            "model, such as copy.deepcopy(model.module)"
        )
