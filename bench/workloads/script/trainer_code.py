"""Code for loaders that the Hugging Face Trainer makes: the user changes its TrainingArguments."""

from __future__ import annotations

from collections.abc import Iterable
from types import FrameType

TRAINER = "transformers.trainer"
# They make the loader on the Trainer's behalf.
BETWEEN = ("accelerate", "torch")
# The arguments of DataLoader have this prefix among the TrainingArguments, but for the batch size.
PREFIX = "dataloader_"
OTHERWISE = {"batch_size": "per_device_train_"}


def is_by_trainer(frame: FrameType) -> bool:
    """Return whether the Trainer makes a DataLoader by itself.

    Args:
        frame: the frame that has called its `__init__`. A `get_train_dataloader` of the user's own is no part
            of the Trainer.
    """
    found: FrameType | None = frame
    while found is not None and _find_module(found).partition(".")[0] in BETWEEN:
        found = found.f_back
    return found is not None and _find_module(found) == TRAINER


def write_trainer_call(changes: Iterable[str]) -> str:
    """Return the call that makes changes of a loader.

    Args:
        changes: arguments of DataLoader as source text, such as `num_workers=2`.
    """
    named = [OTHERWISE.get(change.partition("=")[0], PREFIX) + change for change in changes]
    return f"TrainingArguments(..., {', '.join(named)})"


def _find_module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
