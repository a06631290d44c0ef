"""The changes worth making, and those that would gain nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.evidence import Evidence, PilotChange
from bench.analysis.explanation.advice import find_advice
from bench.analysis.explanation.cautions import caution_of_unclear
from bench.analysis.explanation.diagnosis import diagnose
from bench.analysis.explanation.explanation import Advice, Cause
from tests.bench.analysis.explanation.planted import BASE, gather
from tests.bench.analysis.replay.traces import MadeUpLoader, add_pilot, hide_inside, scale

MS = 1e-3
WAITING = {"fetch": 0.0, "collate": 0.0}


def advise(evidence: Evidence) -> tuple[tuple[Advice, ...], tuple[Advice, ...]]:
    facts = gather(evidence)
    found = find_advice(facts, diagnose(facts))
    return found.worth, found.useless


def advise_loader(loader: MadeUpLoader, **changes) -> dict[str, Advice]:
    """Return the changes worth making, by their kinds."""
    return {one.kind: one for one in advise(loader.make_evidence(**changes))[0]}


def test_more_workers_gain_what_the_changed_loader_does() -> None:
    """Sixteen cores, and loading that waits."""
    loader = replace(BASE, fetch_s=30 * MS, cores=16, cpu=WAITING, batches=200)
    advice = advise_loader(loader)["workers"]
    workers = advice.knobs["num_workers"]
    starts = {"start_s": loader.start_s * workers / 2, "end_s": loader.end_s * workers / 2}
    changed = replace(loader, num_workers=workers, **starts)
    gain = loader.make_trace().wall_s / changed.make_trace().wall_s
    assert advice.gain.median == pytest.approx(gain, rel=0.05)
    assert 8 <= workers <= 20
    assert advice.change == f"{workers} workers instead of 2"
    assert advice.basis.startswith("replay of")


@pytest.mark.parametrize(("map_style", "num_workers"), [(True, 1), (False, 1), (False, 2)])
def test_an_iterable_dataset_has_to_divide_its_samples(map_style, num_workers) -> None:
    """With one worker nobody knows whether it does. With two the audit of the samples has seen it."""
    loader = replace(BASE, num_workers=num_workers, fetch_s=30 * MS, cores=16, cpu=WAITING)
    advice = advise_loader(loader, map_style=map_style)["workers"]
    assert advice.knobs["num_workers"] > num_workers
    assert ("get_worker_info" in advice.note) == (not map_style and num_workers == 1)


def test_fewer_workers_are_searched_too() -> None:
    """Sixteen start one after another, where two would do."""
    loader = replace(BASE, num_workers=16, start_s=0.2, end_s=0.05)
    advice = advise_loader(loader)["workers"]
    assert advice.knobs["num_workers"] < 8
    assert advice.gain.median > 1.3


def test_a_step_that_bounds_leaves_nothing_to_gain() -> None:
    """All changes are useless, and both more and fewer workers are among them."""
    worth, useless = advise(replace(BASE, step_s=50 * MS).make_evidence())
    assert worth == ()
    assert {"3 workers instead of 2", "1 worker instead of 2"} <= {one.change for one in useless}


def test_workers_that_live_on_save_their_start() -> None:
    """The note says from which epoch on it pays."""
    advice = advise_loader(replace(BASE, start_s=0.3))["persistent"]
    assert advice.knobs == {"persistent_workers": True}
    assert "second epoch" in advice.note


def test_stragglers_may_come_late() -> None:
    """Out of order, others go on meanwhile; that is among the advice, whatever else gains."""
    loader = replace(BASE, num_workers=4, cores=16, fetch_s=12 * MS, slow={20: 0.2, 41: 0.2, 55: 0.2})
    facts = gather(loader.make_evidence())
    diagnosis = diagnose(facts)
    assert diagnosis.cause is Cause.STRAGGLERS
    kinds = [one.kind for one in find_advice(facts, diagnosis).worth]
    assert "in order" in kinds


def test_memory_is_advised_where_samples_can_be_kept() -> None:
    """Its bytes are said, and it is another family."""
    loader = replace(BASE, fetch_s=30 * MS)
    advice = advise_loader(loader, in_memory_bytes=3 * 2**30)["in memory"]
    assert (advice.family, dict(advice.knobs)) == ("in_memory", {})
    assert "3 GiB" in advice.note
    # The step of 3 ms is left, of some 16 ms.
    assert advice.gain.median == pytest.approx(loader.make_trace().wall_s / (64 * 3 * MS), rel=0.05)
    assert "the most" in advice.note
    assert "in memory" not in advise_loader(loader, no_in_memory="random transforms")


def test_memory_gains_what_a_pilot_has_shown() -> None:
    """Its note says nothing of a bound then, and its basis is the trial."""
    loader = replace(BASE, fetch_s=30 * MS)
    kept = replace(loader, num_workers=0, fetch_s=0.2 * MS, collate_s=0.2 * MS)
    evidence = loader.make_evidence(in_memory_bytes=1000)
    worth, _ = advise(add_pilot(evidence, PilotChange("in_memory"), kept, is_inside_known=False))
    advice = next(one for one in worth if one.kind == "in memory")
    assert advice.gain.median == pytest.approx(
        loader.make_trace().wall_s / kept.make_trace().wall_s, rel=0.02
    )
    assert advice.basis.startswith("a trial of")
    assert "the most" not in advice.note


def test_threads_are_advised_as_a_pilot_has_shown() -> None:
    """Two threads of the step and two workers want four cores, and there are two."""
    slowed = replace(BASE, step_s=12 * MS, cores=2)
    quick = replace(BASE, step_s=6 * MS, cores=2)
    change = PilotChange("own", (("num_threads", 1),))
    evidence = add_pilot(slowed.make_evidence(num_threads=2), change, quick, num_threads=1)
    worth, _ = advise(evidence)
    advice = next(one for one in worth if one.kind == "threads")
    assert advice.change == "1 torch thread instead of 2"
    assert dict(advice.knobs) == {"num_threads": 1}
    assert advice.gain.median == pytest.approx(
        slowed.make_trace().wall_s / quick.make_trace().wall_s, rel=0.02
    )


def test_a_faster_transform_gains_no_more_than_it_takes() -> None:
    """What it would bring at most is predicted, and stands below what an option does."""
    loader = replace(BASE, transforms={"Crop": 30 * MS}, num_workers=0, cpu={"Crop": 0})
    worth, _ = advise(loader.make_evidence())
    advice = next(one for one in worth if one.kind == "transform")
    assert advice.change == "a Crop that takes no time"
    assert advice.gain.median == pytest.approx(36 / 6, rel=0.05)
    assert "the most" in advice.note
    assert not advice.knobs
    assert [one.kind for one in worth] == ["workers", "transform"]


def test_workers_are_advised_where_there_are_none() -> None:
    """Loading takes 38% of such an epoch, and a worker hides it."""
    worth, _ = advise(
        replace(BASE, num_workers=0, fetch_s=5 * MS, step_s=10 * MS, batches=200).make_evidence()
    )
    assert worth[0].kind == "workers"
    assert worth[0].gain.median == pytest.approx(1.55, rel=0.05)


def test_a_batched_fetch_is_for_datasets_that_have_none() -> None:
    """A dataset with `__getitems__` needs a faster one."""
    loader = replace(BASE, fetch_s=30 * MS, num_workers=0, batches=200)
    worth, useless = advise(loader.make_evidence())
    assert "batched fetch" in {one.kind for one in (*worth, *useless)}
    worth, useless = advise(loader.make_evidence(fetches_batches=True))
    assert "batched fetch" not in {one.kind for one in (*worth, *useless)}


def test_advice_is_sorted_and_short() -> None:
    """At most three, the largest gain of an option first, and each interval above 1."""
    loader = replace(
        BASE, fetch_s=30 * MS, start_s=0.4, cores=8, transforms={"Crop": 20 * MS}, cpu={"fetch": 0}
    )
    worth, useless = advise(loader.make_evidence())
    gains = [one.gain.median for one in worth if one.knobs]
    assert len(worth) == 3
    assert len(gains) >= 2
    assert gains == sorted(gains, reverse=True)
    assert all(one.gain.low > 1 for one in worth)
    assert all(one.gain.median <= 1.03 for one in useless)


def test_nothing_is_predicted_by_a_replay_that_misses() -> None:
    """The advice that mends the cause stands without a gain, and says why."""
    loader = replace(BASE, fetch_s=9 * MS, step_s=8 * MS, num_workers=1, cpu=WAITING)
    evidence = loader.make_evidence()
    blocks = tuple(
        replace(block, traces=tuple(scale(trace, 1.5) for trace in block.traces)) for block in evidence.blocks
    )
    worth, useless = advise(replace(evidence, blocks=blocks))
    assert [(one.change, one.gain) for one in worth] == [("2 workers instead of 1", None)]
    assert "misses the measured speed" in worth[0].note
    assert useless == ()


def test_a_loader_that_has_no_knobs_gets_no_advice_on_them() -> None:
    """Some other library's iterable."""
    assert advise(hide_inside(replace(BASE, fetch_s=30 * MS).make_evidence())) == ((), ())


def test_pinning_is_advised_on_a_gpu_alone() -> None:
    """How much it saves isn't known before it is tried."""
    loader = replace(BASE, transfer_s=12 * MS)
    advice = advise_loader(loader)["pinning"]
    assert (advice.gain, advice.knobs) == (None, {"pin_memory": True})
    assert "pinning" not in advise_loader(loader, device="cpu")
    assert "pinning" not in advise_loader(loader, pin_memory=True)


def test_gains_on_which_blocks_disagree_are_neither_worth_nor_useless() -> None:
    """Workers start slowly in two blocks of three: living on gains a lot there, and nothing in the third."""
    slow, fast = (replace(BASE, start_s=seconds, noise=0).make_evidence(3) for seconds in (0.4, 0.001))
    facts = gather(replace(slow, blocks=(*slow.blocks[:2], fast.blocks[2])))
    found = find_advice(facts, diagnose(facts))
    assert "persistent" in {one.kind for one in found.unclear}
    assert "persistent" not in {one.kind for one in (*found.worth, *found.useless)}
    (caution,) = caution_of_unclear(found.unclear)
    assert "persistent_workers=True (×" in caution
    assert [*caution_of_unclear(())] == []


def test_nothing_is_advised_while_others_take_the_cores() -> None:
    """What they leave decides what a change gains."""
    loader = replace(BASE, fetch_s=20 * MS, delayed_s=20 * MS, other_cpu_share=0.5)
    facts = gather(loader.make_evidence())
    diagnosis = diagnose(facts)
    assert diagnosis.cause is Cause.STARVED
    found = find_advice(facts, diagnosis)
    assert (found.worth, found.useless, found.unclear) == ((), (), ())
