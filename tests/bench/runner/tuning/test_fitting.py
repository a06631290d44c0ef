"""Tests of what a tuning leaves out beforehand."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.plan.search_space import SearchSpace
from bench.runner.tuning.fitting import leave_out_long_prepared
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.spec.sample_facts import SampleFacts
from loaders.spec.source_facts import SourceFacts
from tests.bench.workloads.own.test_in_memory_trial import FACTS


def make_space(decoding_s: float, monkeypatch: pytest.MonkeyPatch) -> SearchSpace:
    """Return a DataLoader and in_memory, whose decoding takes some seconds."""
    monkeypatch.setattr("loaders.families.in_memory.usable_cores", lambda: 1)
    sample: SampleFacts | None = FACTS.sample
    assert sample is not None
    assert sample.count
    facts: SourceFacts = replace(FACTS, sample=replace(sample, sample_s=decoding_s / sample.count))
    specs = (OwnDataLoader(facts), OwnDataLoader(facts, num_workers=2), InMemory(facts), InMemory(facts))
    found = tuple(Configuration(spec.resolve(), "cpu", "none", None, 1) for spec in specs)
    return SearchSpace(found, (), {}, {"stream": "shuffles less"})


def list_families(space: SearchSpace) -> list[str]:
    return [one.spec.family for one in space.configurations]


def make_options(family: tuple[str, ...] | None = None) -> Any:
    return SimpleNamespace(order=SimpleNamespace(request=SimpleNamespace(family=family)))


def test_family_whose_decoding_takes_much_of_the_budget_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(100.0, monkeypatch)
    left = leave_out_long_prepared(space, make_options(), 60.0)
    assert list_families(left) == ["dataloader", "dataloader"]
    assert left.left_out == {
        "stream": "shuffles less",
        "in_memory": "making its data ready takes about 1 min 40 s, more than 25% of the budget; "
        "--family dataloader,in_memory tunes it",
    }


@pytest.mark.parametrize(
    ("decoding_s", "left_s", "family"),
    [
        (10.0, 60.0, None),
        (100.0, 500.0, None),
        (100.0, math.inf, None),
        (100.0, 60.0, ("dataloader", "in_memory")),
    ],
)
def test_others_stay(
    monkeypatch: pytest.MonkeyPatch, decoding_s: float, left_s: float, family: tuple[str, ...] | None
) -> None:
    space = make_space(decoding_s, monkeypatch)
    assert leave_out_long_prepared(space, make_options(family), left_s) == space
