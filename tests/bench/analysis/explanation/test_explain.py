"""The whole explanation of one configuration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.explain import explain
from bench.analysis.explanation.explanation import Cause
from tests.bench.analysis.explanation.planted import BASE
from tests.bench.analysis.replay.traces import MadeUpLoader, hide_inside, scale

SLOW = replace(BASE, fetch_s=0.03)


def test_an_explanation_has_all_its_parts() -> None:
    """Each of them agrees with the others."""
    found = explain(SLOW.make_evidence())
    wall_s = SLOW.make_trace().wall_s
    assert found.samples_per_s.median == pytest.approx(64 * 32 / wall_s, rel=0.01)
    assert found.wall_s == pytest.approx(wall_s, rel=0.01)
    assert found.possible.median == pytest.approx(wall_s / (64 * 0.003), rel=0.01)
    assert found.diagnosis.cause is Cause.FETCH
    assert found.closure == pytest.approx(1, abs=0.02)
    assert found.replay_error == pytest.approx(0, abs=0.02)
    assert found.tracing_cost == pytest.approx(0, abs=0.01)
    assert found.ladder
    assert found.advice
    assert found.useless
    assert found.break_even
    assert found.start_up.first_s == pytest.approx(0.041, rel=0.1)
    assert found.cautions == ()


def test_a_loader_alone_has_nothing_possible() -> None:
    """Without a step there is no ceiling."""
    found = explain(replace(SLOW, step_s=0.0).make_evidence())
    assert found.possible is None
    assert found.diagnosis.cause is Cause.FETCH


def test_an_iterable_is_explained_from_outside() -> None:
    """Nothing is said of its inside, which is a caution for a DataLoader only."""
    found = explain(hide_inside(SLOW.make_evidence()))
    assert found.diagnosis.cause is Cause.UNDECIDED
    assert (found.advice, found.break_even, found.slow_batches) == ((), (), ())
    assert (found.start_up, found.replay_error, found.closure) == (None, None, pytest.approx(1, abs=0.01))


def test_evidence_without_an_epoch_cannot_be_explained() -> None:
    """The message names the workload."""
    evidence = SLOW.make_evidence(1)
    block = evidence.blocks[0]
    rows = tuple(replace(row, status="failed") for row in block.whole)
    with pytest.raises(ValueError, match=r"train\.py:train_loader: no epoch of status ok"):
        explain(replace(evidence, blocks=(replace(block, whole=rows),)))


def test_a_failed_block_leaves_the_others() -> None:
    """Its rows aren't of status ok."""
    evidence = SLOW.make_evidence()
    first = evidence.blocks[0]
    failed = replace(first, whole=tuple(replace(row, status="timeout") for row in first.whole))
    found = explain(replace(evidence, blocks=(failed, *evidence.blocks[1:])))
    assert found.samples_per_s.blocks == 4
    assert found.diagnosis.cause is Cause.FETCH


def test_a_failed_trace_or_ladder_leaves_the_rest() -> None:
    """Each is a caution, and the cause is named by the other one."""
    evidence = replace(SLOW, num_workers=0).make_evidence()
    for left_out in ("traces", "rungs"):
        blocks = tuple(replace(block, **{left_out: ()}) for block in evidence.blocks)
        failures = {"trace" if left_out == "traces" else "ladder": "it ended with 1."}
        found = explain(replace(evidence, blocks=blocks, failures=failures))
        assert found.diagnosis.cause is Cause.FETCH
        assert found.cautions[0].endswith("failed: it ended with 1.")


@pytest.mark.parametrize(
    ("loader", "changes", "words"),
    [
        (replace(SLOW, batches=12), {}, "12 batches is short for 2 workers:"),
        (replace(SLOW, batches=12), {"epoch_batches": 500}, "have 12 batches; 2 workers need 16"),
        (replace(SLOW, batches=1, num_workers=1), {}, "An epoch of 1 batch is short for 1 worker: below 8"),
        (replace(SLOW, batches=1, num_workers=1), {"epoch_batches": 9}, "have 1 batch; 1 worker needs 8"),
    ],
)
def test_short_epochs_are_a_caution(loader, changes, words) -> None:
    """Below eight batches a worker."""
    assert any(words in caution for caution in explain(loader.make_evidence(**changes)).cautions)


def test_a_step_alone_that_disagrees_is_a_caution() -> None:
    """It is twice as fast alone, and no waiting explains that."""
    evidence = replace(BASE, step_s=0.02).make_evidence()
    blocks = tuple(
        replace(block, step_alone=tuple(replace(row, wall_s=row.wall_s / 2) for row in block.step_alone))
        for block in evidence.blocks
    )
    found = explain(replace(evidence, blocks=blocks))
    assert not found.diagnosis.is_sure
    assert any("The step alone would be 2" in caution for caution in found.cautions)
    assert not any("The step alone" in caution for caution in explain(evidence).cautions)


def change_traces(loader: MadeUpLoader, factor: float):
    """Return the explanation of evidence whose traces were slowed down."""
    evidence = loader.make_evidence()
    blocks = tuple(
        replace(block, traces=tuple(scale(trace, factor) for trace in block.traces))
        for block in evidence.blocks
    )
    return explain(replace(evidence, blocks=blocks))


def test_tracing_that_costs_is_a_caution() -> None:
    """Over 2%, shares are told only; over 10%, nothing is predicted."""
    little, much = change_traces(SLOW, 1.05), change_traces(SLOW, 1.5)
    assert little.tracing_cost == pytest.approx(0.05, abs=0.01)
    assert any("trust shares" in caution for caution in little.cautions)
    assert little.advice[0].gain is not None
    assert any("no gain is predicted" in caution for caution in much.cautions)
    assert all(advice.gain is None for advice in much.advice)


def test_a_fetch_that_a_cache_serves_on_the_ladder_is_a_caution() -> None:
    """The ladder repeats its batches. A dataset with a cache of its own, or the page cache, is fast then."""
    said = "The fetch of a batch takes 30"
    evidence = SLOW.make_evidence()
    assert not any(said in caution for caution in explain(evidence).cautions)
    # All rungs above the order hold the fetch, which is 29 ms faster there.
    blocks = [
        replace(
            block,
            rungs=tuple(
                rung
                if rung.rung in ("order", "transport")
                else replace(rung, wall_s=rung.wall_s - rung.batches * 0.029)
                for rung in block.rungs
            ),
        )
        for block in evidence.blocks
    ]
    found = explain(replace(evidence, blocks=tuple(blocks)))
    (caution,) = [one for one in found.cautions if said in one]
    assert "in the training and 1" in caution
    assert found.diagnosis.cause is Cause.FETCH


def test_disturbances_and_few_blocks_are_cautions() -> None:
    """Both limit what intervals say."""
    evidence = SLOW.make_evidence(2)
    block = evidence.blocks[1]
    rows = tuple(replace(row, disturbed="other processes used 30% of the cores") for row in block.whole)
    found = explain(replace(evidence, blocks=(evidence.blocks[0], replace(block, whole=rows))))
    assert "There are 2 blocks, too few for intervals." in found.cautions
    alone = explain(replace(evidence, blocks=(replace(block, whole=rows),)))
    assert "There is 1 block, too few for intervals." in alone.cautions
    assert "The only block was disturbed: other processes used 30% of the cores." in alone.cautions
    assert "1 of 2 blocks was disturbed: other processes used 30% of the cores." in found.cautions
