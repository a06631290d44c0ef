"""The answer of an explanation in one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.explanation.explanation import Cause, Diagnosis
from bench.analysis.statistics import Estimate
from bench.report.explain.answer import answer_in_a_sentence, explain_small_rest, has_nothing_to_gain
from tests.bench.report.explain import explanations
from tests.bench.report.explain.explanations import about


def test_it_names_the_cause_and_the_first_change() -> None:
    """With the predicted gain and its interval, or the actual one where it was measured."""
    assert answer_in_a_sentence(explanations.fetch_bound()) == (
        "This training is fetch bound; 4 workers instead of 2 would make it 1.94 times as fast (95% interval "
        "1.90–1.98)."
    )
    assert "4 workers instead of 2 made it 1.87 times as fast" in answer_in_a_sentence(
        explanations.verified()
    )


def test_nothing_to_gain_is_said() -> None:
    """Where an infinitely fast loader would gain nothing."""
    assert answer_in_a_sentence(explanations.nothing_to_gain()) == (
        "This training is step bound; there is nothing to gain: an infinitely fast loader would gain nothing."
    )


def test_an_undecided_cause_is_no_claim() -> None:
    """Nor is a loader a training."""
    assert answer_in_a_sentence(explanations.undecided()) == (
        "What bounds this training is undecided; no change is known that gains."
    )
    assert answer_in_a_sentence(explanations.no_inside()).startswith("This loader is probably fetch bound; ")


@pytest.mark.parametrize("sure", [True, False])
@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_makes_one_sentence(cause, sure) -> None:
    """In one line, with one full stop, and a likely cause isn't claimed."""
    diagnosis = Diagnosis(cause, "ToTensor" if cause is Cause.TRANSFORM else "", sure, "Evidence.")
    found = answer_in_a_sentence(replace(explanations.fetch_bound(), diagnosis=diagnosis))
    assert found.startswith(("This training ", "What bounds this training "))
    assert found.endswith(".")
    assert ". " not in found.replace("1.94 ", "")
    assert ("probably" in found) == (not sure and cause is not Cause.UNDECIDED)
    assert ("(ToTensor)" in found) == (cause is Cause.TRANSFORM)


def test_a_gap_is_told_from_nothing_to_gain() -> None:
    """5% is worth a change."""
    bare = replace(explanations.fetch_bound(), advice=())
    assert not has_nothing_to_gain(replace(bare, possible=about(1.07)))
    assert has_nothing_to_gain(replace(bare, possible=about(1.03)))
    assert has_nothing_to_gain(replace(bare, possible=about(0.99)))
    assert not has_nothing_to_gain(replace(bare, possible=None))
    assert not has_nothing_to_gain(replace(explanations.fetch_bound(), possible=about(1.0)))
    assert "1.07 times as fast" in answer_in_a_sentence(replace(bare, possible=about(1.07)))


def test_a_step_that_surely_bounds_leaves_nothing_to_gain() -> None:
    """The first batch of a short epoch isn't hidden by any step, and no change hides it."""
    step = Diagnosis(Cause.STEP, "", True, "Evidence.")
    bare = replace(explanations.fetch_bound(), advice=(), possible=about(1.07), diagnosis=step)
    assert has_nothing_to_gain(bare)
    answer = answer_in_a_sentence(bare)
    assert "there is nothing to gain: an infinitely fast loader would make it 1.07 times as fast" in answer
    assert answer.endswith(f"{explain_small_rest(bare)}.")
    assert explain_small_rest(bare)
    assert not explain_small_rest(replace(bare, possible=about(1.03)))
    likely = replace(bare, diagnosis=replace(step, is_sure=False))
    assert not has_nothing_to_gain(likely)


def test_a_gain_that_is_not_predicted_is_no_figure() -> None:
    """The change is named all the same."""
    found = explanations.fetch_bound()
    unknown = replace(found, advice=(replace(found.advice[0], gain=None),))
    assert answer_in_a_sentence(unknown).endswith(
        "4 workers instead of 2 may help, by an amount that can't be predicted."
    )


def test_a_step_alone_that_is_too_slow_says_nothing_of_the_loader() -> None:
    """It was disturbed, so it is no sign that there is nothing to gain."""
    bare = replace(explanations.fetch_bound(), advice=(), possible=about(0.44))
    assert not has_nothing_to_gain(bare)
    assert answer_in_a_sentence(bare).endswith("it doesn't tell what a faster loader would gain.")


def test_a_gain_of_too_few_blocks_says_so() -> None:
    """That of a change, and that of an infinitely fast loader."""
    found = explanations.fetch_bound()
    few = Estimate(1.94, None, None, 1)
    one = replace(found, advice=(replace(found.advice[0], gain=few),))
    assert answer_in_a_sentence(one).endswith("would make it 1.94 times as fast (1 block: no interval).")
    two = replace(found, advice=(), possible=replace(few, blocks=2))
    assert "1.94 times as fast (2 blocks: no interval), but" in answer_in_a_sentence(two)
