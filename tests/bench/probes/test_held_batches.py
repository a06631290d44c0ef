"""Held batches: copies in new shared memory, found by workers without any module of ours."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import numpy as np
import torch

from bench.probes.held_batches import HeldBatches, QuietInit

Pair = namedtuple("Pair", "x y")


@dataclass
class Record:
    """A batch of a class of its own."""

    x: torch.Tensor


def test_each_delivery_is_a_new_copy_in_shared_memory() -> None:
    """Also inside of containers, for any dtype and layout; what is sent by value stays."""
    tensor = torch.arange(6.0).reshape(2, 3).t()
    words, array = ["a", "b"], np.arange(3)
    batch = {"pair": Pair(tensor, [torch.tensor(True)]), "words": words, "array": array}
    held = HeldBatches([batch])
    first, second = held[0], held[1]
    assert list(first) == list(batch)
    assert type(first["pair"]) is Pair
    assert torch.equal(first["pair"].x, tensor)
    assert first["pair"].x.is_shared()
    assert first["pair"].y[0].is_shared()
    assert first["pair"].x.data_ptr() != second["pair"].x.data_ptr()
    assert first["words"] is words
    assert first["array"] is array


def test_batches_that_are_no_plain_tensors() -> None:
    """Empty and sparse tensors, objects and dicts of other classes with tensors, and batches without any."""
    sparse = torch.eye(3).to_sparse()
    record = Record(torch.ones(2))
    held = HeldBatches([torch.empty(0, 4), sparse, record, ["only", "words"], 7])
    assert held[0].shape == (0, 4)
    assert torch.equal(held[1].to_dense(), torch.eye(3))
    assert held[2] is not record
    assert torch.equal(held[2].x, record.x)
    assert held[3] == ["only", "words"]
    assert held[4] == 7
    assert len(held) == 5
    ordered = HeldBatches([OrderedDict(x=record.x)])
    assert ordered[0]["x"] is not record.x
    assert torch.equal(held[5], held[0])


def fail(worker: int) -> None:
    raise AttributeError(worker)


def test_nothing_is_pickled_by_the_name_of_our_modules() -> None:
    """A worker that isn't forked may find a user's bench.py under that name."""
    file = io.BytesIO()
    pickle.dump((HeldBatches([torch.arange(3)]), QuietInit(print)), file, protocol=2)
    names = [arg for op, arg, _ in pickletools.genops(file.getvalue()) if op.name == "GLOBAL"]
    assert names
    assert not [name for name in names if name.split(".")[0] in ("bench", "loaders", "model")]
    held, init = pickle.loads(file.getvalue())
    assert held[0].tolist() == [0, 1, 2]
    assert type(held).__name__ == "HeldBatches"
    assert type(held) is not HeldBatches
    init(3)


def test_a_users_init_may_fail(capsys) -> None:
    """It may look for its dataset in vain."""
    QuietInit(fail)(2)
    assert "worker_init_fn failed without its dataset: AttributeError(2)" in capsys.readouterr().out
