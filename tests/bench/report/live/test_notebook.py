"""The display of progress in a notebook."""

from __future__ import annotations

from bench.analysis.leaders import Leader, Leaders
from bench.analysis.statistics import Estimate
from bench.report.live.notebook import NotebookDisplay, make_bundle
from bench.report.live.state import ProgressState

LEADERS = Leaders((Leader("size=<b>1</b>", Estimate(3000.0, None, None, 1), None),), 1, 1)
STATE = ProgressState(1, 3, "about 2 s left", "block 1/1", "size=<script>", lambda: LEADERS)


def test_names_are_no_html() -> None:
    """A user's parameter may hold any text."""
    bundle = make_bundle(STATE, LEADERS)
    assert "size=&lt;script&gt;" in bundle["text/html"]
    assert "size=&lt;b&gt;1&lt;/b&gt;" in bundle["text/html"]
    assert '<progress value="1" max="3">' in bundle["text/html"]
    assert bundle["text/plain"].splitlines() == [
        "1/3 about 2 s left, block 1/1, size=<script>", "size=<b>1</b> at 3,000 samples/s",
    ]  # fmt: skip


def test_one_output_is_replaced(monkeypatch) -> None:
    """It is made once; the last state is one line."""
    shown, handle = [], type("Handle", (), {"update": lambda self, bundle, raw: shown.append(bundle)})()

    def display(bundle, raw, display_id):
        assert (raw, display_id) == (True, True)
        shown.append(bundle)
        return handle

    monkeypatch.setattr("IPython.display.display", display)
    progress = NotebookDisplay()
    progress.start(STATE)
    progress.begin_trial(STATE)
    progress.end_trial(STATE)
    progress.stop(ProgressState(3, 3))
    assert len(shown) == 4
    assert shown[-1] == {"text/plain": "3 trials measured", "text/html": "<p>3 trials measured</p>"}
