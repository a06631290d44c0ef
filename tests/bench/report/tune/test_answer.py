"""The answer of a tuning, and the findings beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Fate
from bench.report.tune.answer import answer_in_a_sentence, is_optimistic
from bench.report.tune.findings import describe_tie_set, list_cautions, list_findings
from bench.report.tune.words import name_setting
from tests.bench.report.tune import tunings

ANSWERS = {
    "gain": "num_workers=1 prefetch_factor=2: 1.52 times the samples a second of what you have (95% interval "
    "1.47–1.58), in 8 fresh blocks.",
    "unconfirmed": "Undecided: the fastest so far is num_workers=2 prefetch_factor=2, about 1.69 times the "
    "samples a second of what you have, selected and optimistic, since the figure is that of the race that "
    "chose it; --budget 4m may decide it.",
    "selected": "num_workers=1 prefetch_factor=2: about 1.53 times the samples a second of what you have, "
    "selected and optimistic, since the figure is that of the race that chose it; all its blocks together, "
    "those of the race too, show that it is faster.",
    "nothing": "Nothing to gain: none of the 23 others raced is faster than what you have by more than 3%; "
    "with 95% confidence by at most 2.1%, after 12 blocks of a race.",
    "nothing_confirmed": "Nothing to gain: the fastest of 24 raced, num_workers=2 prefetch_factor=2, has "
    "1.00 times the samples a second of what you have (95% interval 0.98–1.02), in 8 fresh blocks, and so is "
    "not faster by more than 3%.",
    "undecided": "Undecided: num_workers=2 prefetch_factor=2 has 1.05 times the samples a second of what you "
    "have (95% interval 0.94–1.18), in 6 fresh blocks, which neither shows a gain nor rules out one of more "
    "than 3%; --budget 17m may decide it.",
    "alone": "Nothing to gain: there is no other setting to try than what you have.",
}


def find(tuning, title: str) -> str:
    """Return the texts of the remarks with a title."""
    remarks = [*list_findings(tuning), *list_cautions(tuning)]
    return " ".join(remark.text for remark in remarks if remark.title == title)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_one_sentence(name) -> None:
    """Gain with its interval, nothing to gain with its bound, or undecided with what it needs."""
    assert answer_in_a_sentence(tunings.ALL[name]()) == ANSWERS[name]


def test_an_undecided_race_that_the_present_one_leads_has_a_bound() -> None:
    """Without one the sentence names none."""
    found = tunings.make_nothing()
    undecided = replace(found.outcome, verdict="undecided", regret_bound=0.07)
    told = answer_in_a_sentence(replace(found, outcome=undecided))
    assert told.endswith("and a gain of up to 7% is not ruled out; --budget 16m may decide it.")
    far = replace(undecided, regret_bound=0.7)
    assert answer_in_a_sentence(replace(found, outcome=far)).endswith("; a longer --budget may decide it.")
    unknown = replace(undecided, regret_bound=None)
    assert "a gain of more than 3% is not ruled out;" in answer_in_a_sentence(replace(found, outcome=unknown))


def test_settings_that_failed_are_not_said_to_be_slower() -> None:
    """They left outside of the guarantee, as those did that were ended early."""
    found = tunings.make_nothing()
    fates = {number: Fate("failed", "boom", None, None, 0) for number in range(1, 24)}
    fates[0] = Fate("tied", "", None, 1.0, 1)
    alone = replace(found.outcome, tied=(0,), fates=fates, regret_bound=0.0, race_blocks=1)
    told = answer_in_a_sentence(replace(found, outcome=alone))
    assert told == (
        "Nothing to gain: no setting beside what you have got through the race: others failed or were far "
        "slower."
    )
    fates[3] = Fate("slower", "", None, 0.9, 4)
    told = answer_in_a_sentence(replace(found, outcome=replace(alone, fates=fates)))
    assert told.startswith("Nothing to gain: the other setting that was raced is not faster")
    guarantee = find(replace(found, outcome=replace(alone, fates=fates)), "Guarantee")
    assert guarantee.endswith("nor anything about the 22 that failed or were ended early.")


def test_an_interrupted_tuning_needs_no_longer_budget() -> None:
    """It says that it was interrupted, in the answer and in the cautions."""
    found = tunings.make_interrupted()
    assert answer_in_a_sentence(found).endswith("; it was interrupted too early.")
    assert find(found, "Interrupted") == "only what was measured until then is judged."
    assert "The race ended after 1 block, since it was interrupted." in find(found, "Time")


@pytest.mark.parametrize(
    ("stop", "why"),
    [
        ("data", "the data changed or couldn't be read"),
        ("storage", "the results couldn't be written"),
        ("regret", "the bound on the regret was small enough"),
    ],
)
def test_an_error_that_ended_it_is_said(stop, why) -> None:
    """A longer budget would not help. The race may have been over by then."""
    found = tunings.make_interrupted()
    outcome = replace(found.outcome, stop=stop)
    found = replace(found, interrupted=False, problem="the images are gone", outcome=outcome)
    assert answer_in_a_sentence(found).endswith("; it ended too early.")
    told = find(found, "Ended early")
    assert told == "the images are gone. Only what was measured until then is judged."
    assert f"The race ended after 1 block, since {why}." in find(found, "Time")
    assert find(found, "Optimistic").endswith("; there was no time for fresh blocks.")
    assert find(found, "Not tried")
    assert "--budget" not in " ".join(one.text for one in [*list_findings(found), *list_cautions(found)])


def test_a_setting_is_named_by_what_is_changed() -> None:
    """Settings that follow from others, and those that the present one has too, aren't in its name."""
    names = (
        "torch_dataloader num_workers=2 prefetch_factor=4",
        "tensor_slice num_workers=2",
        "torch_dataloader",
    )
    found = tunings.make_small()
    candidates = tuple(replace(one, name=name) for one, name in zip(found.candidates, names, strict=True))
    found = replace(found, candidates=candidates)
    # A candidate whose name has nothing of its own has its whole name.
    named = [name_setting(found, number) for number in range(3)]
    assert named == ["what you have", "tensor_slice", "torch_dataloader"]


def test_few_blocks_have_no_interval() -> None:
    """The sentence says how many there were."""
    found = tunings.make_gain()
    two = Confirmation(Estimate(1500.0, None, None, 2), Estimate(1.5, None, None, 2))
    outcome = replace(found.outcome, confirmed={**found.outcome.confirmed, 1: two})
    told = answer_in_a_sentence(replace(found, outcome=outcome))
    assert "1.50 times the samples a second of what you have (2 blocks: no interval), in 2 fresh" in told


def test_a_gain_that_fresh_blocks_alone_do_not_show() -> None:
    """All blocks together may show it. The gain is still that of the fresh ones."""
    found = tunings.make_gain()
    wide = Confirmation(Estimate(1100.0, 950.0, 1250.0, 8), Estimate(1.1, 0.97, 1.25, 8))
    outcome = replace(found.outcome, confirmed={**found.outcome.confirmed, 1: wide})
    told = answer_in_a_sentence(replace(found, outcome=outcome))
    assert "1.10 times the samples a second of what you have (95% interval 0.97–1.25), in 8 fresh" in told
    assert told.endswith(
        "; all its blocks together, those of the race too, show that it is faster, these alone don't."
    )


def test_only_a_leader_without_fresh_blocks_is_optimistic() -> None:
    """The present one is no selection."""
    optimistic = {name for name, make in tunings.ALL.items() if is_optimistic(make())}
    assert optimistic == {"unconfirmed", "selected", "interrupted"}
    told = find(tunings.make_selected(), "Optimistic")
    assert told.startswith("the race's figures chose")
    assert "fresh blocks need a longer --budget" in told
    # Without a race it was the screen that chose.
    assert find(tunings.make_screened(), "Optimistic").startswith("the screen's figures chose")


def test_the_tie_set_names_the_cheapest() -> None:
    """With its processes, where they are fewer."""
    assert "2 of 24 raced can't be told from the fastest" in find(tunings.make_gain(), "Tie set")
    assert "it needs 2 processes instead of 3 for num_workers=2" in find(tunings.make_gain(), "Tie set")
    assert "No cheaper one is as fast as the leader." in find(tunings.make_undecided(), "Tie set")
    found = tunings.make_gain()
    alone = replace(found, outcome=replace(found.outcome, tied=(2,), cheapest=2))
    assert find(alone, "Tie set") == "of 24 raced, only num_workers=2 prefetch_factor=2 is left."


def test_the_guarantee_says_what_it_leaves_out() -> None:
    """Each dropped one, and the screen; no bound where none is known."""
    told = find(tunings.make_large(), "Guarantee")
    assert "with 95% confidence the fastest of the 16 raced is in the tie set" in told
    assert "exceeds num_workers=2 prefetch_factor=2 by at most 2.1%" in told
    assert "Vovk & Wang" in told
    assert "Not guaranteed: that each one that was dropped is slower" in told
    assert "nor anything about the 184 that the screen left out" in told
    assert "at most" not in find(tunings.make_interrupted(), "Guarantee")
    assert "screen" not in find(tunings.make_gain(), "Guarantee")
    assert find(tunings.make_alone(), "Guarantee") == ""


def test_what_is_left_to_the_ceiling() -> None:
    """Nothing where the step alone is no faster."""
    assert "would be 1.09 times as fast at most" in find(tunings.make_gain(), "Ceiling")
    full = replace(tunings.make_gain(), ceiling_share=Estimate(1.01, 0.98, 1.03, 8))
    assert find(full, "Ceiling").endswith("no loader would gain more.")
    assert find(tunings.make_nothing(), "Ceiling") == ""


def test_every_candidate_is_counted_once() -> None:
    """With those that don't fit beside them, and their reasons."""
    found = tunings.make_infeasible()
    assert find(found, "Candidates") == (
        "200: 2 in the tie set, 11 slower in the race, 174 slower in the screen, 1 far slower and ended "
        "early, 2 failed and 10 not tried. 3 more would not fit into this machine."
    )
    assert "num_workers=32 and num_workers=48: needs 3.1 GiB of /dev/shm" in find(found, "Doesn't fit")
    assert "in_memory=on: needs 12 GiB of memory" in find(found, "Doesn't fit")
    assert find(found, "Failed").count("RuntimeError") == 1
    assert "and 7 more; a longer --budget tries them" in find(found, "Not tried")
    assert find(found, "Caution") == found.cautions[0]


def test_without_a_race_nothing_is_tied() -> None:
    """The screen kept the present one and another."""
    found = tunings.make_screened()
    assert find(found, "Candidates").startswith("200: 2 not raced and 198 slower in the screen.")
    assert describe_tie_set(found) is None


def test_the_time_of_each_stage() -> None:
    """The length of its trials, why the race ended, and the noise."""
    told = find(tunings.make_large(), "Time")
    assert told.startswith("3 min 2 s: probe 12 s (3 trials), screen 1 min 0 s (220 trials of 60 batches)")
    assert "confirm 30 s (24 trials of whole epochs)" in told
    assert "The race ended after 9 blocks, since the bound on the regret was small enough." in told
    assert "Trials of one setting differ by 2.1%." in told


def test_the_epochs_of_far_slower_settings_are_told_in_batches() -> None:
    """Their number could else be taken for one of trials."""
    found = tunings.make_gain()
    stages = tuple(replace(stage, far_batches=8) if stage.is_whole else stage for stage in found.stages)
    assert "(24 trials of whole epochs, of 8 batches for far slower settings)" in find(
        replace(found, stages=stages), "Time"
    )


def test_the_whole_grid_has_its_regret() -> None:
    """One below 0 is no regret, and neither is the choice itself."""
    found = tunings.make_exhaustive()
    told = find(found, "Whole grid")
    assert "200 settings in 4 blocks took 21 min 0 s, the tuning took 14% of that" in told
    assert "exceeds num_workers=1 prefetch_factor=2 by 1.3%, the regret" in told
    lucky = replace(found, exhaustive=replace(found.exhaustive, regret=-0.01))
    assert "is no faster than num_workers=1 prefetch_factor=2 where it is judged" in find(lucky, "Whole grid")
    same = replace(found, exhaustive=replace(found.exhaustive, best=1, regret=0.0))
    assert "its fastest is num_workers=1 prefetch_factor=2, as chosen, with a regret of 0%" in find(
        same, "Whole grid"
    )


def test_waits_that_bound_the_gain_are_told_with_what_they_assume() -> None:
    """The bound is rounded up. Settings that may make the step faster are told beside it."""
    bounded = (
        "while the step takes as long, faster loading gains at most 1.1%, since your loop waits no longer "
        "for its data; "
    )
    found = tunings.make_undecided()
    outcome = replace(found.outcome, loading_gain=0.0102)
    told = answer_in_a_sentence(replace(found, outcome=outcome))
    assert told == ANSWERS["undecided"].replace("Undecided: ", f"Undecided: {bounded}")
    by_waits = replace(outcome, verdict="nothing", by_waits=True)
    assert answer_in_a_sentence(replace(found, outcome=by_waits)) == (
        f"Nothing to gain: {bounded}the fastest other setting, num_workers=2 prefetch_factor=2, has 1.05 "
        "times the samples a second of what you have (95% interval 0.94–1.18), in 6 fresh blocks."
    )
    led = replace(by_waits, leader=0, confirmed={})
    assert answer_in_a_sentence(replace(found, outcome=led)) == (
        f"Nothing to gain: {bounded}no other setting was faster where it was tried."
    )
    unconfirmed = replace(led, leader=2)
    assert ", has about 1.69 times the samples a second of what you have, selected and optimistic" in (
        answer_in_a_sentence(replace(found, outcome=unconfirmed))
    )
    # A loop that waits says nothing, nor do waits where the race has shown more.
    waiting = replace(found.outcome, loading_gain=0.3)
    assert answer_in_a_sentence(replace(found, outcome=waiting)) == ANSWERS["undecided"]
    shown = tunings.make_nothing()
    shown = replace(shown, outcome=replace(shown.outcome, loading_gain=0.01))
    assert answer_in_a_sentence(shown) == ANSWERS["nothing"]
