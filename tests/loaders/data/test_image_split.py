"""Splits and datasets, which every loader starts from."""

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch

from loaders.data.dataset_ref import DatasetRef
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit, SplitName


def read(dataset: DatasetRef, split: SplitName) -> ImageSplit:
    count = {"train": 3, "test": 2}[split]
    labels = torch.arange(count)
    return ImageSplit(
        dataset.name, dataset.digest, torch.zeros(count, 28, 28, dtype=torch.uint8), labels, dataset.classes
    )


DATASET = DatasetRef("synthetic:3", "ab" * 32, Path("nowhere"), ("t-shirt", "trouser", "pullover"), read)


def test_length_is_number_of_samples():
    """A split is as long as its labels."""
    assert len(DATASET.read("train")) == 3


def test_dataset_reads_the_split_asked_for():
    """The reader gets the dataset itself and the split."""
    source = DATASET.read("test")
    assert (len(source), source.name, source.digest) == (2, DATASET.name, DATASET.digest)


def test_dataset_travels_to_another_process():
    """A dataset survives pickling whole, and is small."""
    sent = pickle.dumps(DATASET)
    assert pickle.loads(sent) == DATASET
    assert len(pickle.loads(sent).read("train")) == 3
    assert len(sent) < 1000


def test_frozen():
    """A dataset keeps its name on the way to a row."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DATASET.name = "fashion-mnist"  # type: ignore[misc]


def test_data_error_is_a_value_error():
    """Callers that don't import this package can catch it."""
    assert issubclass(DataError, ValueError)
