"""Data and loaders for tests, which a trial's process can import, too."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from bench.workloads.fashion_mnist import FashionMnist
from loaders.data.batch import Batch
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit
from loaders.spec.knobs import Integer, Knob, knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.testing.numbered import CLASSES, label_of, numbered_source, numbers_of

__all__ = ["CLASSES", "label_of", "numbered_source", "numbers_of"]


def read(dataset: DatasetRef, split: str) -> ImageSplit:
    """Read a `numbered_dataset`."""
    return numbered_source(int(dataset.name.partition(":")[2]))


def numbered_dataset(samples: int = 300) -> DatasetRef:
    """Return a dataset that needs no file."""
    return DatasetRef(f"numbered:{samples}", "0" * 64, Path(), CLASSES, read)


def numbered_workload(samples: int = 300) -> FashionMnist:
    """Return the workload of a `numbered_dataset`."""
    return FashionMnist(numbered_dataset(samples))


BEHAVIOUR = Knob("behaviour", Integer(0, 9), help="what goes wrong")


@dataclass(frozen=True)
class Misbehaving(LoaderSpec):
    """Loader of one batch for each sample, which misbehaves after a number of good batches.

    Attributes:
        behaviour: name of the misbehaviour; default `none`.
        good_batches: batches before it, over all epochs; default 0.
    """

    # It delivers the stored order each time.
    same_order_each_epoch: ClassVar[bool] = True

    behaviour: str = knob(BEHAVIOUR, "none")
    good_batches: int = knob(BEHAVIOUR, 0)

    def typical_samples_per_s(self) -> float:
        return 1e5

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> MisbehavingLoader:
        return MisbehavingLoader(source, self.behaviour, self.good_batches)


class MisbehavingLoader:
    def __init__(self, source: ImageSplit, behaviour: str, good_batches: int) -> None:
        self.source = source
        self.behaviour = behaviour
        self.left = good_batches

    def __iter__(self) -> Iterator[Batch]:
        for place in range(len(self.source)):
            if self.left == 0:
                self.misbehave()
            self.left -= 1
            yield self.source.images[place, None, None] / 255, self.source.labels[place, None]

    def misbehave(self) -> None:
        if self.behaviour == "raise":
            raise RuntimeError("the disk\nis on fire")
        if self.behaviour == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behaviour == "orphan":
            if os.fork() == 0:  # holds the trial's pipe open
                time.sleep(600)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.behaviour == "cuda":
            torch.empty(2**50, dtype=torch.uint8, device="cuda")  # more than any GPU has, if there is one
        if self.behaviour == "exit":
            os._exit(3)
        if self.behaviour == "hang":
            if os.fork() == 0:  # a child that must not outlive the trial
                time.sleep(600)
            time.sleep(600)
        if self.behaviour == "print":
            print("a word from the loader,", multiprocessing.get_start_method(), "workers by default,")
            print("with the command line" if {"rich", "click", "pandas"} & set(sys.modules) else "alone")
