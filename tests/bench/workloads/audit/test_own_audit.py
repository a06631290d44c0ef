"""The judgement of an epoch of a user's own loader."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.trial import Trial
from bench.workloads.audit.own_audit import OwnAudit
from bench.workloads.audit.own_observation import AskedIndices, OwnObservation, SampleHashes
from loaders.families.dataloader import OwnDataLoader
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.fakes import numbered_workload

INDEXED = AskedIndices(5, 20, repeated=0, missing=0)


def facts(**known: Any) -> SourceFacts:
    return SourceFacts("dataloader", DataLoaderSettings(4), **known)


def judge(
    known: SourceFacts, seen: OwnObservation, *, workers: int = 0, batches: int | None = None, **params: Any
) -> AuditResult:
    """Return the result of an epoch of a DataLoader with so many workers."""
    spec = OwnDataLoader(facts=known, params=tuple(params.items()), num_workers=workers)
    trial = Trial(Configuration(spec, "cpu", "none", None, 1), 0, 0, 0, 0, numbered_workload(), 2, seed=0)
    return OwnAudit(known, batches).audit(trial, seen)


def test_samples_that_are_always_the_same_are_compared() -> None:
    """The timed epoch is audited by index, and its repetition by content."""
    same = facts(same_samples=True)
    timed = judge(same, OwnObservation(5, 20, INDEXED))
    assert timed == AuditResult(None, 1.0, kind="index", needs_repetition=True)
    repeated = judge(same, OwnObservation(5, 20, INDEXED, compared=4))
    assert repeated == AuditResult(None, 0.8, kind="content")
    assert timed.merge(repeated) == AuditResult(None, 0.8, kind="content")
    # They vary after all.
    vary = judge(same, OwnObservation(5, 20, INDEXED, compared=0))
    assert timed.merge(vary) == AuditResult(None, 1.0, kind="index")


@pytest.mark.parametrize("same_samples", [False, None])
def test_other_samples_are_known_by_their_index(same_samples) -> None:
    """No repetition could tell more."""
    expected = AuditResult(None, 1.0, kind="index")
    assert judge(facts(same_samples=same_samples), OwnObservation(5, 20, INDEXED)) == expected


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (OwnObservation(0, 0, AskedIndices(0, 0)), "no batch was delivered"),
        (OwnObservation(0, 0), "no batch was delivered"),
        (OwnObservation(4, 16, INDEXED), "4 batches were delivered of 5"),
        (OwnObservation(6, 24, INDEXED), "6 batches were delivered of 5"),
        (OwnObservation(5, 20, AskedIndices(5, 20, repeated=1)), "1 sample came more than once"),
        (OwnObservation(5, 20, AskedIndices(5, 20, 0, missing=3)), "3 samples of the dataset did not come"),
        (OwnObservation(5, 20, INDEXED, fault="batch 3 is wrong"), "batch 3 is wrong"),
    ],
)
def test_an_epoch_that_lacks_something_fails(seen, says) -> None:
    """The error is one line."""
    with pytest.raises(AuditError) as error:
        judge(facts(), seen)
    assert str(error.value) == f"audit: {says}"


ALONE = EpochContents(40, batch_size=4, digest="ab", repeated_share=0.0)


def stream(samples: int, hashes: SampleHashes | None = None) -> OwnObservation:
    return OwnObservation(max(1, samples // 4), samples, hashes=hashes)


def test_an_iterable_dataset_is_counted() -> None:
    """Where its samples are known too, those of workers are compared in the repetition."""
    known = facts(alone=ALONE)
    counted = AuditResult(None, 1.0, kind="count")
    assert judge(facts(), stream(7)) == counted
    assert judge(known, stream(40)) == counted
    assert judge(known, stream(40), workers=2).needs_repetition
    assert judge(known, stream(40, SampleHashes(40, "ab", 0)), workers=2) == counted
    # Some samples of the repetition can't be told apart.
    assert judge(known, stream(40, SampleHashes(0, "", None)), workers=2) == counted


@pytest.mark.parametrize(
    ("workers", "seen", "says"),
    [
        (2, stream(80), "80 samples come from 2 workers, 40 without workers: the dataset isn't split"),
        (4, stream(160), "give each its own part in __iter__, by torch.utils.data.get_worker_info()"),
        (2, stream(39), "39 samples come from 2 workers, 40 without workers: check how __iter__ chooses"),
        (1, stream(39), "39 samples come from 1 worker, 40 without workers"),
        (1, stream(41), "41 samples come from 1 worker, 40 without workers"),
        (0, stream(41), "41 samples were delivered, in other epochs there are 40"),
        (0, stream(39), "39 samples were delivered, in other epochs there are 40"),
        (2, stream(40, SampleHashes(40, "cd", 20)), "50% of the samples come from several workers"),
        (2, stream(40, SampleHashes(40, "cd", 1)), "other samples come from 2 workers than without workers"),
        (1, stream(40, SampleHashes(40, "cd", 0)), "other samples come from 1 worker than without workers"),
    ],
)  # fmt: skip
def test_workers_that_deliver_something_else_fail(workers, seen, says) -> None:
    """The error says how to mend it."""
    with pytest.raises(AuditError) as error:
        judge(facts(alone=ALONE), seen, workers=workers)
    assert str(error.value).startswith("audit: ")
    assert says in str(error.value)


def test_workers_may_leave_out_samples_that_fill_no_batch() -> None:
    """With `drop_last` each leaves out some of its own."""
    known = facts(alone=EpochContents(40, batch_size=4, drop_last=True))
    assert judge(known, stream(32), workers=2).kind == "count"
    with pytest.raises(AuditError, match="28 samples come from 2 workers"):
        judge(known, stream(28), workers=2)
    with pytest.raises(AuditError, match="isn't split"):
        judge(known, stream(80), workers=2)


def test_the_first_batches_are_not_all_samples() -> None:
    """Their number says nothing, but samples that several workers deliver do."""
    known = facts(alone=EpochContents(None, batch_size=4, repeated_share=0.0))
    assert judge(known, stream(16), workers=2, batches=4).needs_repetition
    assert not judge(known, stream(16), workers=1, batches=4).needs_repetition
    assert judge(known, stream(16, SampleHashes(16, "x", 1)), workers=2, batches=4).kind == "count"
    with pytest.raises(AuditError, match="50% of the samples come from several workers"):
        judge(known, stream(16, SampleHashes(16, "x", 8)), workers=2, batches=4)


def test_a_dataset_may_repeat_itself() -> None:
    """Half of its samples are the same; workers that split it deliver no more of them."""
    known = facts(alone=EpochContents(None, repeated_share=0.5))
    for workers, usual, too_many in ((2, 0.6, 0.75), (4, 0.6, 0.87)):
        hashes = SampleHashes(1000, "x", int(usual * 1000))
        assert judge(known, stream(1000, hashes), workers=workers).kind == "count"
        with pytest.raises(AuditError, match="come from several workers"):
            judge(known, stream(1000, replace(hashes, repeated=int(too_many * 1000))), workers=workers)


def test_a_long_epoch_is_held_against_its_length() -> None:
    """Which is an estimate, so only far more samples are a fault."""
    known = facts(alone=EpochContents(None), samples=1000)
    assert judge(known, stream(1400), workers=2) == AuditResult(None, 1.0, kind="count")
    assert judge(known, stream(2000), workers=1).kind == "count"
    assert judge(known, stream(2000), workers=2, batches=9).kind == "count"
    assert judge(facts(alone=EpochContents(None)), stream(2000), workers=2).kind == "count"
    with pytest.raises(
        AuditError, match=r"2,000 samples come from 2 workers, 1,000 by the loader's length: the"
    ):
        judge(known, stream(2000), workers=2)


def test_what_is_known_of_the_trials_own_loader_counts() -> None:
    """It may vary its samples where another one of the sweep doesn't."""
    spec = OwnDataLoader(facts=facts(same_samples=False))
    trial = Trial(Configuration(spec, "cpu", "none", None, 1), 0, 0, 0, 0, numbered_workload(), 2, seed=0)
    result = OwnAudit(facts(same_samples=True)).audit(trial, OwnObservation(5, 20, INDEXED))
    assert result == AuditResult(None, 1.0, kind="index")


def test_a_loader_with_other_parameters_is_another_one() -> None:
    """What was found for one says nothing of the other."""
    known = facts(alone=EpochContents(40, params=(("size", 1),)))
    assert judge(known, stream(99), size=2).kind == "count"
    with pytest.raises(AuditError, match="in other epochs there are 40"):
        judge(known, stream(99), size=1)
