"""Stragglers: which batches are told apart from the others."""

from __future__ import annotations

import numpy as np

from bench.analysis.replay.stragglers import find_stragglers


def test_a_slow_batch_is_found() -> None:
    """One batch that takes three times as long as the others."""
    load_s = np.random.default_rng(0).normal(1.0, 0.05, 100)
    load_s[17] = 3.0
    assert np.flatnonzero(find_stragglers(load_s)).tolist() == [17]


def test_a_little_more_is_none() -> None:
    """A batch that takes 1.9 times as long is none, however even the others are."""
    assert not find_stragglers(np.array([1.0] * 50 + [1.9])).any()


def test_where_all_vary_none_is_special() -> None:
    """Times that spread as widely by nature: hardly any lies outside."""
    assert find_stragglers(np.random.default_rng(0).uniform(0, 1, 1000)).sum() == 0
    assert find_stragglers(np.array([1.0, 3.0] * 50)).sum() == 0


def test_no_batch_no_straggler() -> None:
    """An epoch may be empty."""
    assert find_stragglers(np.empty(0)).tolist() == []
