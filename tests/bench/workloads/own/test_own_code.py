"""The code to paste for a user's own loader."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from bench.plan.configuration import Configuration
from bench.plan.grid import Machine
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.workloads.own.own_code import make_own_code
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.families.iterable import OwnIterable
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.report.sweeps import parse

TARGET = Target(text="train.py:make_loader", folder=Path(), start=Path(), module="train", name="make_loader")
FACTS = SourceFacts("dataloader", DataLoaderSettings(batch_size=4))
SIZE = (("size", 128), ("mode", "fast"))
IN_MEMORY = [
    "# your_loader is the DataLoader of train.py:make_loader",
    "from loaders.ring import InMemoryLoader",
    "",
    "# Batch n is valid until batch n+2 is requested, or the next epoch begins.",
    "loader = InMemoryLoader(your_loader, threads=1, pin_memory=True)",
]


@pytest.mark.parametrize(
    ("spec", "lines"),
    [
        (OwnDataLoader(FACTS), ["# keep train.py:make_loader as it is"]),
        (
            OwnDataLoader(FACTS, num_workers=2),
            ["# train.py:make_loader with:", "DataLoader(..., num_workers=2)"],
        ),
        (
            OwnDataLoader(FACTS, SIZE, num_workers=2, batch_size=8),
            ["# train.py:make_loader with:", "make_loader(size=128, mode='fast')",
             "DataLoader(..., batch_size=8, num_workers=2)"],
        ),
        (OwnDataLoader(FACTS, SIZE), ["# train.py:make_loader with:", "make_loader(size=128, mode='fast')"]),
        (OwnIterable(SourceFacts("iterable", None)), ["# keep train.py:make_loader as it is"]),
        (
            OwnIterable(SourceFacts("iterable", None), SIZE),
            ["# train.py:make_loader with:", "make_loader(size=128, mode='fast')"],
        ),
        (
            OwnDataLoader(FACTS, pin_memory=True).resolve(cuda=True),
            ["# train.py:make_loader with:", "DataLoader(..., pin_memory=True)",
             "# in the loop: .to(device, non_blocking=True)"],
        ),
        (
            OwnDataLoader(FACTS, transfer="prefetch").resolve(cuda=True),
            ["# keep train.py:make_loader as it is",
             "from loaders.device.nested_prefetcher import NestedPrefetcher",
             "loader = NestedPrefetcher(loader)  # its batches arrive on the GPU"],
        ),
        (
            InMemory(FACTS, loader_threads=1).resolve(cuda=True),
            [*IN_MEMORY, "from loaders.device.pipeline import move_to_device",
             'loader = move_to_device(loader, "cuda", "non_blocking")  # its batches arrive on the GPU'],
        ),
        (
            InMemory(FACTS, loader_threads=1, transfer="prefetch").resolve(cuda=True),
            [*IN_MEMORY, "from loaders.device.nested_prefetcher import NestedPrefetcher",
             "loader = NestedPrefetcher(loader)  # its batches arrive on the GPU"],
        ),
        (
            OwnDataLoader(replace(FACTS, kind="dataset"), num_workers=2),
            ["# dataset is train.py:make_loader", "DataLoader(dataset, num_workers=2)"],
        ),
        (
            OwnDataLoader(replace(FACTS, kind="dataset")),
            ["# dataset is train.py:make_loader", "DataLoader(dataset)"],
        ),
        (
            OwnDataLoader(replace(FACTS, kind="dataset"), SIZE, num_workers=2),
            ["# dataset is train.py:make_loader", "dataset = make_loader(size=128, mode='fast')",
             "DataLoader(dataset, num_workers=2)"],
        ),
    ],
)  # fmt: skip
def test_the_code_of_a_configuration(spec, lines) -> None:
    """What differs from the user's own, which stays where nothing differs."""
    code = make_own_code(TARGET, spec.facts.kind, spec)
    assert code == lines
    assert OwnLoader(TARGET, spec.facts, "0" * 64).make_code(spec) == lines
    ast.parse("\n".join(code))


@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_number_of_threads_comes_first(num_threads) -> None:
    """Only where it isn't torch's own."""
    spec = OwnDataLoader(FACTS, num_workers=2)
    plan = Plan((Configuration(spec, "cpu", "none", None, num_threads),), (0,), (), {})
    sweep = PreparedSweep(parse(), Machine(cuda=False, num_threads=2), plan, ("mine",), (), Path("out"))
    code = make_own_code(TARGET, "dataloader", spec)
    threads = ["import torch", "", "torch.set_num_threads(1)", ""] if num_threads == 1 else []
    assert sweep.add_threads(0, code) == [*threads, *code]
