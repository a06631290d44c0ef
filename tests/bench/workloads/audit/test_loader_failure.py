"""The cause of a loader's failure, in one line."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from bench.workloads.audit.asked_batches import watch_batches
from bench.workloads.audit.loader_failure import explain_failure
from bench.workloads.audit.loader_watch import LoaderWatch
from loaders.spec.source_facts import SourceFacts
from tests.bench.workloads.own.own_datasets import Numbers, Stream, loader_of


class Broken(Numbers):
    """The sample 13 can't be read, nor can those without a name."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == 13:
            raise ValueError("13.jpg is no picture")
        return super().__getitem__(index)


class Ragged(Numbers):
    """Some samples are longer."""

    def __getitem__(self, index: int) -> Any:
        return torch.zeros(3 if index < 10 else 4)


def run_watched(loader: DataLoader[Any]) -> str | None:
    """Run epochs until the loader fails, and return the cause that is told."""
    watch = LoaderWatch(loader, loader, SourceFacts("dataloader", None))
    try:
        for _ in range(3):
            for batch in loader:
                watch.count(batch)
    except Exception as error:
        cause = watch.explain(error)
        # Workers that are garbage in a cycle are waited for in vain, five seconds each.
        traceback.clear_frames(error.__traceback__)
        return cause
    raise AssertionError("the loader didn't fail")


@pytest.mark.parametrize("arguments", [{}, {"shuffle": True}, {"num_workers": 2}, {"batch_size": None}])
def test_the_index_that_raises_is_named(arguments) -> None:
    """A worker's traceback doesn't tell it."""
    cause = run_watched(loader_of(Broken(), **arguments))
    assert cause is not None
    assert cause.startswith("dataset[13] raises ValueError: 13.jpg is no picture (test_loader_failure.py:")


def test_without_an_order_all_batches_are_searched() -> None:
    """Those that were delivered aren't known."""
    cause = run_watched(loader_of(Broken(), num_workers=2, in_order=False))
    assert cause is not None
    assert cause.startswith("dataset[13] raises ValueError")


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_of_several_shapes_are_named(workers) -> None:
    """With the cure."""
    assert run_watched(loader_of(Ragged(), num_workers=workers)) == (
        "the samples of a batch differ in shape ([3] and [4]), which PyTorch's default collate function "
        "can't stack: give the DataLoader a collate_fn that pads them"
    )


def test_lists_of_several_lengths_are_ragged_too() -> None:
    """PyTorch has another error for them."""
    cause = run_watched(loader_of([[1], [2], [3, 4], [5]]))
    assert cause is not None
    assert cause.startswith("the samples of a batch differ in shape, which PyTorch's default")


def fail(samples: Any) -> None:
    raise RuntimeError(
        "stack expects each tensor to be equal size, but got [1] at entry 0 and [2] at entry 1"
    )


def test_other_failures_are_left_as_they_are() -> None:
    """A collate function of the user's own, an iterable dataset, an index that doesn't raise again."""
    assert run_watched(loader_of(Numbers(), collate_fn=fail)) is None

    class Ends(Stream):
        def __iter__(self):
            yield torch.zeros(2), 0
            raise ValueError("the shard is torn")

    assert run_watched(loader_of(Ends())) is None

    class Once(Numbers):
        failed = False

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            if index == 6 and not self.failed:
                self.failed = True
                raise OSError("the network is gone")
            return super().__getitem__(index)

    assert run_watched(loader_of(Once())) is None


def test_the_search_has_an_end() -> None:
    """Reading each sample may take long."""
    loader = loader_of(Broken())
    asked = watch_batches(loader)
    assert asked is not None
    list(asked.record)  # type: ignore[call-overload]
    now_s = iter(range(0, 1000, 15))
    error = catch(list, loader)
    assert explain_failure(error, loader.dataset, range(20), lambda: next(now_s)) is None
    assert explain_failure(error, loader.dataset, range(20)) is not None


def catch(call: Any, *arguments: Any) -> Exception:
    """Return the exception that a call raises."""
    with pytest.raises(Exception) as error:  # noqa: PT011 - users' code raises anything
        call(*arguments)
    assert isinstance(error.value, Exception)
    return error.value


class Asked:
    """A dataset that must not be asked."""

    def __getitem__(self, index: int) -> None:
        raise AssertionError("asked")


def test_the_dataset_is_not_asked_for_what_others_did() -> None:
    """A step that raises; a worker that a sample has ended or keeps, as it would this process."""
    step = catch(int, "no number")
    assert explain_failure(step, Asked(), range(2)) is None
    for text in ("DataLoader worker (pid(s) 7) exited unexpectedly", "DataLoader timed out after 5 seconds"):
        lost = RuntimeError(f'File ".../dataloader.py", line 1: AssertionError {text}')
        assert explain_failure(lost, Asked(), range(2)) is None
    raised = RuntimeError('File ".../dataloader.py", line 1: AssertionError')
    assert "dataset[0] raises AssertionError: asked" in str(explain_failure(raised, Asked(), range(2)))
