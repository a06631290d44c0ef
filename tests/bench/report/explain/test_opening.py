"""The first lines of an explanation."""

from __future__ import annotations

import pytest

from bench.report.explain.opening import print_cut, print_explain_start, print_overrun
from tests.bench.report.explain.explanations import SETUP
from tests.bench.report.printing import capture


@pytest.mark.parametrize(
    ("bound_s", "end"),
    [
        (None, "in 5 blocks: about 1 min 40 s"),
        (200, "in 5 blocks: about 1 min 40 s"),
        (38, "in as many of 5 blocks as fit into 38 s"),
    ],
)
def test_a_budget_says_how_many_blocks_there_are(bound_s, end) -> None:
    """Where it has time for all of them, it is no matter."""
    text = capture(lambda console: print_explain_start(console, SETUP, 5, 100, bound_s))
    assert " ".join(text.split()).endswith(f"a trace and a ladder of its stages, {end}")


@pytest.mark.parametrize(
    ("is_asked", "end"),
    [(False, "and it can't be shorter"), (True, "and a smaller --batches makes it shorter")],
)
def test_a_budget_that_is_too_small_is_said(is_asked, end) -> None:
    """Before the first block, which runs in any case."""
    text = " ".join(capture(lambda console: print_overrun(console, 55, 38, is_asked=is_asked)).split())
    assert text == f"The budget is too small: the first block takes about 55 s, 38 s are left, {end}"


@pytest.mark.parametrize(
    ("batches", "whole", "counted"),
    [(16, 40, "16 of 40 batches"), (1, None, "1 batch"), (6, None, "6 batches")],
)
def test_an_epoch_that_is_cut_has_its_number_of_batches(batches, whole, counted) -> None:
    """Of a stream nobody knows the whole number."""
    text = capture(lambda console: print_cut(console, batches, whole, None))
    assert text.startswith(f"An epoch ends after {counted}; --batches N")


@pytest.mark.parametrize(("epoch_s", "lasting"), [(0.24, "240 ms"), (0.004, "4 ms"), (2.9, "3 s")])
def test_a_short_epoch_lasts_longer_than_0_s(epoch_s, lasting) -> None:
    """A time below a second is in smaller units."""
    text = capture(lambda console: print_cut(console, 16, 94, epoch_s))
    assert f"batches, about {lasting}; --batches N" in " ".join(text.split())
