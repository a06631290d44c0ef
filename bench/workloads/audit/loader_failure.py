"""Failures of a user's own loader: the index that raises, and batches that can't be stacked."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from bench.text import describe_error

# The search for the index may take this long.
LONGEST_S = 20.0
RAGGED = re.compile(
    r"stack expects each tensor to be equal size, but got (\[.*?\]) at entry 0 and (\[.*?\]) at entry"
    r"|each element in list of batch should be of equal size"
    r"|Trying to resize storage that is not resizable"
)
# A file that is in the traceback of each failure of a DataLoader, and of no failure of a step.
LOADER = "dataloader.py"
# A sample that ended a worker would end this process too, or keep it.
LOST_WORKER = re.compile(r"DataLoader worker \(pid|DataLoader timed out")
# The file of PyTorch's default collate function.
COLLATE = "collate.py"


def explain_failure(
    error: Exception,
    dataset: Any,
    due: Iterable[Any],
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Return the cause of a loader's failure in one line; None where it isn't known.

    A worker's traceback doesn't tell the index. So the dataset is asked for each index of the batch that was
    due, until one raises.

    Args:
        error: the exception that the loader raised.
        dataset: the user's dataset.
        due: indices of the samples that were due; none where they aren't known.
        clock: tells the time in seconds.
    """
    text = "".join(traceback.format_exception(error))
    if LOADER not in text or LOST_WORKER.search(text):
        return None
    ends_s = clock() + LONGEST_S
    for index in due:
        if clock() > ends_s:
            break
        raised = _ask(dataset, index)
        # Another exception may come of the asking itself.
        if raised is not None and type(raised).__name__ in text:
            return f"dataset[{index!r}] raises {describe_error(raised)}"
    return find_ragged(text)


def find_ragged(text: str) -> str | None:
    """Return what is wrong with batches that PyTorch's default collate function can't stack.

    Args:
        text: an exception with its traceback.

    Returns:
        One line; None for another exception.
    """
    found = RAGGED.search(text)
    if found is None or COLLATE not in text:
        return None
    shapes = f" ({found[1]} and {found[2]})" if found[1] else ""
    return (
        f"the samples of a batch differ in shape{shapes}, which PyTorch's default collate function can't "
        "stack: give the DataLoader a collate_fn that pads them"
    )


def _ask(dataset: Any, index: Any) -> Exception | None:
    try:
        dataset[index]
    # A user's dataset may raise anything.
    except Exception as error:
        return error
    return None
