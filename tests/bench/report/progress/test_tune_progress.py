"""Progress of a tuning: the ratios that it shows are those that its answer will show."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from bench.analysis.leaders import Leaders
from bench.report.live.state import ProgressState
from bench.report.progress.tune_progress import StageProgress, TuneProgress
from tests.bench import runs

# Both take 1 s a batch, and the second one 10 s to start. Their epochs are cut to 10 batches.
EPOCHS = {0: {"wall_s": 10.0, "late_s": 5.0}, 1: {"wall_s": 20.0, "late_s": 5.0}}


@pytest.mark.parametrize("whole_samples", [10_000, None])
def test_the_leaders_have_the_ratios_of_whole_epochs(monkeypatch, whole_samples) -> None:
    """A short epoch exaggerates what a start costs."""
    shown: list[Leaders] = []

    def keep(self: TuneProgress, state: ProgressState) -> None:
        shown.append(state.find_leaders())

    tuning = TuneProgress(Console(file=io.StringIO()), ["num_workers=0", "num_workers=2"], math.inf)
    monkeypatch.setattr(type(tuning._display), "end_trial", keep)
    stage = StageProgress(tuning, "race", ["num_workers=0", "num_workers=2"], whole_samples)
    for number, times in EPOCHS.items():
        with stage.trial(number, 0):
            for epoch in (0, 1):
                stage.take(runs.row(configuration=number, epoch=epoch, samples=100, batches=10, **times))
    places = {leader.name: leader for leader in shown[-1].places}
    found = places["num_workers=2"].ratio
    assert found is not None
    assert found.median == pytest.approx(1.0 if whole_samples is None else 1000 / 1010)
