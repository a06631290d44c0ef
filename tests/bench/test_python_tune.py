"""`Tune` in Python: the same options as the command line, checked before anything is measured."""

from __future__ import annotations

import shlex
from types import SimpleNamespace

import pytest

import bench
from bench import Tune, tune
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuning import Candidate, Tuning
from bench.cli.tune_command import make_tune_command
from bench.records.errors import ResultsError
from bench.report.tune.conclusion import TuneConclusion


def test_options_have_the_names_of_the_command() -> None:
    """Lists, times, sizes and shares as in Python."""
    made = Tune(
        "train.py:train_loader",
        num_workers=[0, 2],
        budget=180,
        regret=0.05,
        shm_limit="1G",
        memory_limit="8G",
    )
    words = shlex.split(made.command)
    assert words[:4] == ["python", "-m", "bench.tune", "train.py:train_loader"]
    options = make_tune_command(lambda options: options).main(words[3:], standalone_mode=False)
    assert options == made._options
    assert (options.regret, options.shm_limit, options.order.budget_s) == (0.05, 1 << 30, 180.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_worker": 2}, TypeError, "did you mean num_workers?"),
        ({"apply": True}, TypeError, "apply: it is for the command line alone"),
        ({"blocks": 3}, TypeError, "no option of a tuning has this name"),
        ({"regret": 2.0}, ValueError, "is not a percentage"),
        ({"step": ["analytic", "none"]}, ValueError, "a tuning compares loaders of the same work"),
    ],
)
def test_what_is_wrong_is_refused_at_once(options, error, message) -> None:
    """In one line, before anything is measured."""
    with pytest.raises(error, match=message.replace("?", r"\?")) as refused:
        Tune(**options)
    assert "\n" not in str(refused.value)


def test_names_of_the_package() -> None:
    """A function's module doesn't take the function's place."""
    assert callable(bench.tune_loader)
    from bench import loader_tuning

    assert bench.tune_loader is loader_tuning.tune_loader
    with pytest.raises(AttributeError):
        _ = bench.tune_loaders


@pytest.fixture
def conclude(monkeypatch):
    """Return a function that lets a tuning conclude without measuring."""

    def replace(conclusion: TuneConclusion) -> None:
        choice = SimpleNamespace(offer=SimpleNamespace(loader_call=None))
        monkeypatch.setattr(tune, "choose_workload", lambda order, **_: choice)
        monkeypatch.setattr(tune, "measure_tuning", lambda *_: conclusion)

    return replace


def test_results_are_those_of_the_tuning(conclude, tmp_path) -> None:
    """With the failure that ended it among the notices."""
    one = Candidate("one", {"family": "dataloader", "num_workers": "0"}, {}, 1)
    outcome = Outcome(0, 0, 0, (0,), {}, "nothing", "none", None, 0, 0)
    found = Tuning("train.py", "cpu", "none", 2.0, (one,), (), outcome, 0.03, 0.95, ())
    conclude(TuneConclusion(tmp_path, found, failure="it fell asleep"))
    results = Tune(out=tmp_path / "out").run(verbose=False)
    assert (results.best(), results.folder, results.notices) == (one, tmp_path, ("it fell asleep",))


@pytest.mark.parametrize(
    ("conclusion", "error"),
    [
        ({"failure": "the loader is empty"}, ResultsError),
        ({"interrupted": True}, KeyboardInterrupt),
        ({"problems": (OSError("disk full"),)}, OSError),
    ],
)
def test_a_tuning_without_an_end_raises(conclude, tmp_path, conclusion, error) -> None:
    """The folder is named where it holds something."""
    conclude(TuneConclusion(tmp_path, None, **conclusion))
    with pytest.raises(error):
        Tune(out=tmp_path / "out").run(verbose=False)


def test_apply_without_a_call_ends_before_anything_is_measured(conclude, tmp_path, capsys) -> None:
    """In one line, with exit code 2."""
    conclude(TuneConclusion(tmp_path, None, failure="it was measured"))
    (tmp_path / "train.py").write_text("print('no loader')\n", encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        tune.main([str(tmp_path / "train.py"), "--apply", "--yes"])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no call of DataLoader" in line
