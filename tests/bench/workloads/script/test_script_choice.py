"""Which DataLoader of a script is varied."""

from __future__ import annotations

import pytest

from bench.workloads.script.script_choice import pick_loader
from bench.workloads.script.script_loaders import LoaderKey
from bench.workloads.script.script_tally import FoundLoader
from bench.workloads.target.target import TargetError
from loaders.spec.source_facts import SourceFacts


def make_loader(name: str, weight: int, sampler: str) -> FoundLoader:
    key = LoaderKey(name, weight, 32, sampler)
    return FoundLoader(name, key, SourceFacts("script", None), weight, epochs=1)


VALIDATION = make_loader("Val", 1_000, "SequentialSampler")


@pytest.mark.parametrize(("samples", "picked"), [(10_000, "Train"), (900, "Train"), (700, "Val")])
def test_most_samples_decide_and_a_shuffle_where_they_are_about_as_many(samples, picked) -> None:
    """Validation comes in the stored order."""
    train = make_loader("Train", samples, "RandomSampler")
    assert pick_loader("train.py", [VALIDATION, train], None).name == picked


def test_a_number_or_a_name_picks_another() -> None:
    """An unknown one lists those that there are."""
    loaders = [make_loader("Train", 9_000, "RandomSampler"), VALIDATION]
    assert pick_loader("train.py", loaders, "2") is pick_loader("train.py", loaders, "Val") is VALIDATION
    with pytest.raises(TargetError, match=r"has no DataLoader '3'; it has 1 Train \(9,000 samples.*; 2 Val"):
        pick_loader("train.py", loaders, "3")
