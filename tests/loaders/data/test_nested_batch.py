"""Batches of any form: their leaves, their samples, and their way to a device."""

from __future__ import annotations

from collections import OrderedDict, UserDict, defaultdict, namedtuple
from dataclasses import InitVar, dataclass, field

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from loaders.data.nested_batch import (
    count_bytes,
    count_samples,
    describe_samples,
    iterate_leaves,
    map_leaves,
    map_tensors,
    move,
)
from loaders.device.nested_transfer import NestedTransfer

Pair = namedtuple("Pair", ("x", "y"))


@dataclass(frozen=True)
class Record:
    """A frozen dataclass with a field that its constructor doesn't take."""

    x: torch.Tensor
    scale: InitVar[int]
    word: str = "word"
    double: torch.Tensor = field(init=False)

    def __post_init__(self, scale: int) -> None:
        object.__setattr__(self, "double", self.x * scale)


@dataclass(slots=True)
class Slotted:
    """A dataclass without a __dict__."""

    x: torch.Tensor


class Graph:
    """Like a batch of PyTorch Geometric: it moves itself, and knows the number of its graphs."""

    num_graphs = 7

    def __init__(self, x: torch.Tensor) -> None:
        self.x = x

    def to(self, device: str, non_blocking: bool = False) -> Graph:
        return Graph(self.x.to(device, non_blocking=non_blocking))


class Encoding(UserDict):
    """Like a BatchEncoding of transformers, whose older `.to()` takes a device only."""

    def to(self, device: str) -> Encoding:
        return Encoding({key: value.to(device) for key, value in self.items()})


class InPlace:
    """An object whose `.to()` returns nothing."""

    def __init__(self) -> None:
        self.x = rows(3)

    def to(self, device: str, non_blocking: bool = False) -> None:
        self.x = self.x.to(device)


class Told:
    batch_size = 12


class Sized:
    def __len__(self) -> int:
        return 9


class Fixed(tuple):
    """A tuple that can't be made from its parts."""

    def __new__(cls, x: torch.Tensor, y: torch.Tensor) -> Fixed:
        return super().__new__(cls, (x, y))


def rows(number: int, width: int = 3, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.zeros((number, width), dtype=dtype)


def boxes(number: int) -> dict[str, torch.Tensor]:
    return {"boxes": rows(number, 4), "labels": torch.zeros(number)}


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        # Tensors and arrays, of any type.
        (rows(8), 8),
        (np.zeros((8, 2), np.uint16), 8),
        (torch.zeros(8, dtype=torch.bool), 8),
        (torch.tensor(1.0), 0),
        (torch.eye(8).to_sparse(), 8),
        (torch.nested.nested_tensor([rows(2), rows(5), rows(3)], layout=torch.jagged), 3),
        # Containers.
        ((rows(8), torch.zeros(8)), 8),
        ([rows(8), torch.zeros(8)], 8),
        ({"image": rows(8), "label": torch.zeros(8)}, 8),
        ({"x": {"y": (rows(8), [rows(8)])}}, 8),
        (Pair(rows(8), torch.zeros(8)), 8),
        (Record(rows(8), 2), 8),
        (Slotted(rows(8)), 8),
        (OrderedDict(x=rows(8)), 8),
        (((rows(8), rows(8)), torch.zeros(8)), 8),
        ([[rows(8), rows(8)], ("a",) * 8], 8),
        # What else lies in them.
        ({"x": rows(8), "epoch": 3, "file": "shard.tar", "scale": torch.tensor(2.0)}, 8),
        ((rows(8), ["one", "two", "three", "four", "five", "six", "seven", "eight"]), 8),
        ({"input_ids": rows(8, 128), "attention_mask": rows(8, 128), "labels": rows(8, 128)}, 8),
        ({"x": rows(8), "weights": torch.zeros(10)}, 8),
        # The first of equals: pictures before the boxes of all of them.
        ((rows(8), rows(31, 6)), 8),
        # A list with an element a sample.
        ((rows(4), [boxes(2), boxes(2), boxes(1), boxes(2)]), 4),
        (([rows(3), rows(3), rows(3), rows(3), rows(3)], [boxes(2)] * 5), 5),
        (tuple(zip(*[(rows(3), 1)] * 5, strict=True)), 5),
        ([*zip(*[(rows(3), 1)] * 5, strict=True)], 5),
        ({"pixels": [rows(3, 5)] * 6, "ids": ["a"] * 6}, 6),
        (["a", "b", "c"], 3),
        ([[1, 2], [3, 4, 5], [6]], 3),
        # Samples that no collate function has joined.
        ([(rows(3), 1), (rows(3), 2), (rows(3), 3), (rows(3), 4)], 4),
        ([{"image": rows(3), "label": 1}, {"image": rows(3), "label": 1}], 2),
        ([rows(5), rows(6), rows(9)], 3),
        ([(rows(5), rows(1)), (rows(6), rows(1)), (rows(7), rows(1))], 3),
        # Two views of each sample are no two samples.
        ([{"x": rows(8), "y": rows(8)}, {"x": rows(8), "y": rows(8)}], 8),
        # The batch's own word.
        (Graph(rows(31)), 7),
        ((Graph(rows(31)), torch.zeros(7)), 7),
        (Encoding(input_ids=rows(8)), 8),
        (Told(), 12),
        (pack_sequence([rows(5), rows(2), rows(1)]), 3),
        ((pack_sequence([rows(5), rows(2), rows(1)]), torch.zeros(3)), 3),
        (Sized(), 9),
        # Nothing that can be counted.
        ({}, 0),
        ((), 0),
        (None, 0),
        ("text", 0),
        (5, 0),
        ({"x": 1}, 0),
    ],
)
def test_samples_are_counted_by_the_form_of_the_batch(batch, samples):
    assert count_samples(batch) == samples


@pytest.mark.parametrize(
    "batch",
    [
        (rows(2), [rows(3)], {"x": rows(4), "y": (np.zeros(5), "text", 1, None)}),
        Pair(rows(2), Pair(rows(3), {"x": [rows(4), np.zeros(5)]})),
        [Slotted(rows(2)), rows(3), Graph(rows(4)), UserDict(x=np.zeros(5))],
    ],
)
def test_leaves_come_in_the_order_of_the_structure(batch):
    assert [leaf.shape[0] for leaf in iterate_leaves(batch)] == [2, 3, 4, 5]
    assert count_bytes(batch) == (2 + 3 + 4) * 3 * 4 + 5 * 8


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(
    ("form", "stored"),
    [
        (lambda eye: eye, 8 * 8 * 4),
        (lambda eye: eye.to_sparse(), 2 * 8 * 8 + 8 * 4),
        (lambda eye: eye.to_sparse_csr(), 9 * 8 + 8 * 8 + 8 * 4),
        (lambda eye: eye.to_sparse_csc(), 9 * 8 + 8 * 8 + 8 * 4),
        (lambda eye: eye.to_sparse_bsr((2, 2)), 5 * 8 + 4 * 8 + 4 * 4 * 4),
        (lambda eye: eye.numpy(), 8 * 8 * 4),
    ],
)
def test_bytes_are_those_that_are_stored(form, stored):
    """A sparse tensor stores its values and their places."""
    batch = {"x": form(torch.eye(8)), "y": [torch.ones(3, dtype=torch.int64)]}
    assert count_bytes(batch) == stored + 24
    assert describe_samples(batch) == ((8,), "float32")


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_of_any_layout_has_its_length():
    """The shape of the older layout can't be asked for."""
    strided = torch.nested.nested_tensor([rows(2), rows(5), rows(3)])
    assert count_samples(strided) == count_samples((strided, torch.zeros(3))) == 3
    assert describe_samples(strided) == ((), "float32")


def test_a_sample_is_described_by_the_largest_tensor():
    batch = {"label": torch.zeros(8, dtype=torch.int64), "image": torch.zeros(8, 3, 5, 7, dtype=torch.uint8)}
    assert describe_samples(batch) == ((3, 5, 7), "uint8")
    assert describe_samples((np.zeros((8, 2), np.float16), "text")) == ((2,), "float16")
    assert describe_samples(["text"]) == ((), "")
    jagged = torch.nested.nested_tensor([rows(2), rows(5)], layout=torch.jagged)
    assert describe_samples(jagged) == ((), "float32")


def test_tensors_are_mapped_in_a_batch_of_the_same_structure():
    batch = {"a": (rows(2), [rows(3), "text"]), "b": Pair(rows(4), 5), "c": np.zeros(2), "d": None}
    mapped = map_tensors(batch, lambda tensor: tensor + 1)
    assert type(mapped["b"]) is Pair
    assert mapped["a"][1][1] == "text"
    assert mapped["c"] is batch["c"]
    assert [int(leaf.max()) for leaf in iterate_leaves(mapped)] == [1, 1, 1, 0]
    assert not any(leaf.any() for leaf in iterate_leaves(batch))


def test_containers_keep_their_class():
    for container in (OrderedDict(x=rows(2)), UserDict(x=rows(2)), Slotted(rows(2)), Pair(rows(2), 1)):
        assert type(map_tensors(container, torch.clone)) is type(container)
    assert map_tensors(defaultdict(list, x=rows(2)), torch.clone).keys() == {"x"}
    assert type(map_tensors(Fixed(rows(2), rows(2)), torch.clone)) is tuple


def test_a_dataclass_keeps_fields_that_its_constructor_does_not_take():
    record = Record(rows(2) + 1, 3)
    mapped = map_tensors(record, lambda tensor: tensor + 1)
    assert (int(mapped.x.max()), int(mapped.double.max()), mapped.word) == (2, 4, "word")
    assert (int(record.x.max()), int(record.double.max())) == (1, 3)


def test_arrays_and_other_values_have_functions_of_their_own():
    batch = (rows(2), np.zeros(3), "text")
    assert map_leaves(batch, lambda leaf: leaf.shape[0], str.upper) == (2, 3, "TEXT")


@pytest.mark.parametrize("non_blocking", [False, True])
def test_a_batch_is_moved_part_by_part(non_blocking):
    array = np.zeros(3)
    batch = {
        "pair": Pair(rows(2), [Record(rows(2), 2), Slotted(rows(2))]),
        "graph": Graph(rows(2)),
        "encoding": Encoding(ids=rows(2)),
        "packed": pack_sequence([rows(2), rows(1)]),
        "array": array,
        "text": "text",
        "class": Graph,
    }
    # The device meta stands for a GPU: what is moved there is told apart from what isn't.
    moved = NestedTransfer("meta", non_blocking=non_blocking)(batch)
    assert moved.keys() == batch.keys()
    tensors = [leaf for leaf in iterate_leaves(moved) if isinstance(leaf, torch.Tensor)]
    packed = moved["packed"]
    assert {leaf.device.type for leaf in tensors if leaf is not packed.batch_sizes} == {"meta"}
    assert type(moved["pair"]) is Pair
    assert type(moved["graph"]) is Graph
    assert type(moved["encoding"]) is Encoding
    assert moved["array"] is array
    assert (moved["text"], moved["class"]) == ("text", Graph)
    assert all(leaf.device.type == "cpu" for leaf in iterate_leaves(batch) if isinstance(leaf, torch.Tensor))


def test_an_object_that_moves_in_place_stays_the_batch():
    batch = InPlace()
    assert move(batch, "meta") is batch
    assert batch.x.device.type == "meta"


def test_a_transfer_has_nothing_to_wait_for():
    assert NestedTransfer("meta").wait() is None
