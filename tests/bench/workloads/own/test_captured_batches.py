"""Captured batches: copies of a loader's batches, in turn, within a bound of memory."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from bench.workloads.own import captured_batches
from bench.workloads.own.captured_batches import capture
from loaders.data.nested_batch import count_bytes

# Ten batches of 4 int64 numbers, 32 bytes each.
SIZE, COUNT = 32, 10


def loader() -> DataLoader:
    return DataLoader(torch.arange(4 * COUNT), batch_size=4)


@dataclass
class Sentence:
    """A batch of an own class, with a name that no argument sets."""

    words: torch.Tensor
    seen: list[int] = field(default_factory=list, init=False)


class Graph:
    """An object that moves itself, as those of PyTorch Geometric do. Its lock can't be copied."""

    def __init__(self, *, locked: bool) -> None:
        self.x = torch.arange(6.0)
        self.lock = threading.Lock() if locked else None

    def to(self, device: str) -> Graph:
        """Return itself."""
        del device
        return self


@pytest.mark.parametrize(
    ("most_bytes", "held"),
    [(1, 1), (SIZE, 1), (2 * SIZE, 2), (7 * SIZE + 1, 7), (COUNT * SIZE, COUNT), (10**9, COUNT)],
)
def test_as_many_as_fit(most_bytes, held) -> None:
    """At least one, at most an epoch; an epoch has them in turn, in its own number."""
    captured = capture(loader(), None, most_bytes)
    assert (len(captured.batches), captured.nbytes, len(captured)) == (held, held * SIZE, COUNT)
    for _ in range(2):
        assert [batch[0].item() // 4 for batch in captured] == [n % held for n in range(COUNT)]


@pytest.mark.parametrize(
    ("source", "count", "batches", "delivered"),
    [(loader, 3, 3, 3), (loader, 30, 10, 30), (lambda: iter(loader()), None, 10, 10)],
)
def test_the_number_of_batches_of_an_epoch(source, count, batches, delivered) -> None:
    """The one that is given, else the loader's length, else the captured ones."""
    captured = capture(source(), count, 10**9)
    assert (len(captured.batches), len(list(captured))) == (batches, delivered)


@pytest.mark.parametrize(("batch_s", "held"), [(0.0, COUNT), (0.45, 5), (1.5, 4), (9.0, 3), (30.0, 1)])
def test_a_slow_loader_is_asked_for_fewer(monkeypatch, batch_s, held) -> None:
    """Four where two seconds have passed, fewer only where twenty have. A trial must not wait for long."""
    clock = itertools.count(step=batch_s)
    monkeypatch.setattr(captured_batches.time, "perf_counter", lambda: next(clock))
    captured = capture(loader(), None, 10**9)
    assert (len(captured.batches), len(captured)) == (held, COUNT)


def test_objects_of_unknown_size_are_few() -> None:
    """Pictures of PIL would fill the memory, as nobody knows how large they are."""
    pictures = [[Image.new("RGB", (32, 32), (n, 0, 0))] for n in range(COUNT)]
    captured = capture(pictures, None, 10**9)
    assert (len(captured.batches), len(captured)) == (4, COUNT)
    assert [batch[0].getpixel((0, 0))[0] for batch in captured] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    # An object with tensors is as large as they are.
    assert len(capture([Graph(locked=False)] * COUNT, None, 10**9).batches) == COUNT


def test_text_takes_memory() -> None:
    """A batch of raw text for a tokenizer has no tensor."""
    captured = capture([["a" * 1000, "b" * 1000]] * COUNT, None, 5000)
    assert len(captured.batches) == 2
    assert 4000 < captured.nbytes < 5000


def test_an_empty_loader_has_none() -> None:
    """There is nothing to hand to the step."""
    with pytest.raises(ValueError, match="delivers no batch to capture"):
        capture([], 3, 10**9)


def test_a_reused_buffer_is_copied() -> None:
    """Each batch keeps its values, in tensors and arrays, however deep."""
    buffer, array = torch.zeros(4), np.zeros(4)

    def reuse():
        for number in range(3):
            buffer.fill_(number)
            array.fill(number)
            yield {"x": [buffer], "y": (array, "name")}

    batches = list(capture(reuse(), 3, 10**9))
    assert [batch["x"][0].tolist() for batch in batches] == [[float(n)] * 4 for n in range(3)]
    assert [batch["y"][0].tolist() for batch in batches] == [[float(n)] * 4 for n in range(3)]
    assert batches[0]["y"][1] == "name"


def test_a_view_takes_only_what_it_shows() -> None:
    """A slice of a large tensor would otherwise copy all of it."""
    captured = capture([torch.zeros(10**6)[:4]], 1, 10**9)
    (batch,) = captured
    assert batch.untyped_storage().nbytes() == captured.nbytes == 16


@pytest.mark.parametrize("locked", [False, True])
def test_objects_of_any_class_are_delivered(locked) -> None:
    """One that can't be copied is delivered as it is."""
    sentence, graph = Sentence(torch.arange(3)), Graph(locked=locked)
    (batch,) = capture([(sentence, graph)], 1, 10**9)
    assert type(batch[0]) is Sentence
    assert batch[0].words.tolist() == [0, 1, 2]
    assert batch[0].words.data_ptr() != sentence.words.data_ptr()
    assert batch[1].x.tolist() == graph.x.tolist()
    assert (batch[1].x.data_ptr() == graph.x.data_ptr()) == locked


def test_a_loop_may_empty_its_batches() -> None:
    """Scripts take the labels out of a dict; the next delivery of the same batch has them again."""
    captured = capture([{"x": torch.ones(2), "labels": {"y": torch.ones(2)}}], 6, 10**9)
    for batch in captured:
        assert batch.pop("labels").popitem()[0] == "y"
        assert list(batch) == ["x"]


def test_a_loop_may_write_to_its_batches() -> None:
    """A script scales its pictures in place: each turn has them as they were captured."""
    batches = [{"x": torch.full((2,), 8.0), "sizes": [torch.ones(2)], "y": torch.ones(2)} for _ in range(2)]
    captured = capture(batches, 6, 10**9)
    for _ in range(2):
        for batch in captured:
            assert batch["x"].tolist() == [8, 8]
            assert batch["sizes"][0].tolist() == [1, 1]
            batch["x"].div_(255)
            batch["sizes"][0][:1].zero_()
    assert captured.written == {0, 1}
    # What isn't written to is never copied.
    assert len({batch["y"].data_ptr() for batch in list(captured)}) == 2
    assert len({batch["x"].data_ptr() for batch in list(captured)}) == 6


def test_what_a_loop_only_reads_is_delivered_itself() -> None:
    """A copy takes time that an infinitely fast loader doesn't. The first delivery is one, to find out."""
    captured = capture([(torch.ones(2), torch.ones(2)), (torch.zeros(2), torch.zeros(2))], 6, 10**9)
    assert captured.written is None
    list(captured)
    assert captured.written == frozenset()
    assert [a is b for a, b in zip(captured, captured.batches * 3, strict=True)] == [True] * 6


def test_a_loop_that_breaks_off_says_nothing() -> None:
    """It may have broken off before it wrote to the batch."""
    captured = capture(loader(), None, 10**9)
    for _ in captured:
        break
    assert captured.written is None
    with torch.inference_mode():
        assert len(list(captured)) == COUNT
    assert captured.written == frozenset()


def test_a_gradient_is_wanted_as_before() -> None:
    """Physics-informed networks differentiate by their batch."""
    wanted = (torch.ones(2, requires_grad=True) * 2, torch.ones(2))
    (batch,) = capture([wanted], 1, 10**9)
    assert [part.requires_grad for part in batch] == [True, False]
    assert all(part.is_leaf for part in batch)


@pytest.mark.parametrize("uses_gpu", [False, True])
def test_memory_is_pinned_beside_a_gpu(monkeypatch, uses_gpu) -> None:
    """The script's copies to the GPU are then as fast as with any loader; others start no GPU."""
    pinned = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: uses_gpu)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor) or tensor)
    capture([(torch.ones(2), np.ones(2), torch.ones(2).to_sparse())], 1, 10**9)
    assert len(pinned) == uses_gpu


def test_a_function_of_each_captured_batch() -> None:
    """It runs once a captured batch, not once a delivery."""
    calls = []
    captured = capture(loader(), 7, 2 * SIZE).map(lambda batch: calls.append(1) or batch + 100)
    assert [batch[0].item() for batch in captured] == [100, 104] * 3 + [100]
    assert (len(calls), captured.nbytes) == (2, 2 * SIZE)


def test_bytes_are_those_of_the_tensors() -> None:
    """The bound counts what is held."""
    captured = capture(loader(), None, 10**9)
    assert captured.nbytes == sum(map(count_bytes, captured.batches)) == COUNT * SIZE
