"""Writing the setting that a tuning has found into the user's file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuning import Candidate, Tuning
from bench.cli import apply_setting as module
from bench.cli.apply_setting import apply_setting, check_call, list_arguments
from bench.editing.errors import EditError
from bench.report.console import make_console
from loaders.spec.loader_call import LoaderCall

SCRIPT = """\
from torch.utils.data import DataLoader


def make(data):
    return DataLoader(data, batch_size=8)
"""
PRESENT = Candidate("present", {"num_workers": "0", "prefetch_factor": "none", "family": "dataloader"}, {}, 1)
CHANGES = {
    "num_workers": "2",
    "prefetch_factor": "2",
    "multiprocessing_context": module.default_start_method(),
    "persistent_workers": "on",
    "num_threads": "1",
}
CHOSEN = Candidate("chosen", {**PRESENT.cells, **CHANGES}, CHANGES, 3)
WRITTEN = "DataLoader(data, batch_size=8, num_workers=2, persistent_workers=True)"


def make_tuning(chosen: Candidate = CHOSEN, number: int = 1) -> Tuning:
    outcome = Outcome(number, number, number, (number,), {}, "gain", "one left", None, 5, 8)
    candidates = (PRESENT, chosen)
    return Tuning("train.py", "cpu", "none", 2.0, candidates, (), outcome, 0.03, 0.95, ())


@pytest.fixture
def script(tmp_path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_arguments_that_follow_from_workers_are_left_out() -> None:
    """PyTorch's own values need no argument; threads are none of a DataLoader, and noted."""
    assert list_arguments(CHOSEN, PRESENT) == {
        "num_workers": 2,
        "persistent_workers": True,
        "num_threads": 1,
    }
    more = replace(CHOSEN, changes={**CHANGES, "prefetch_factor": "4"})
    assert list_arguments(more, PRESENT)["prefetch_factor"] == 4
    fewer = replace(PRESENT, changes={"num_workers": "0", "prefetch_factor": "none"})
    assert list_arguments(fewer, CHOSEN) == {"num_workers": 0}


def test_the_copy_to_a_gpu_is_noted() -> None:
    """Page-locked memory changes it, and must not keep the setting from being written."""
    changes = {"pin_memory": "on", "transfer": "non_blocking"}
    chosen = replace(CHOSEN, cells={**PRESENT.cells, **changes}, changes=changes)
    assert list_arguments(chosen, PRESENT) == {"pin_memory": True, "transfer": "non_blocking"}


@pytest.mark.parametrize("name", ["", ":make"])
def test_it_is_shown_and_written(script, capsys, name) -> None:
    """With --yes, without a question."""
    assert apply_setting(make_console(), make_tuning(), f"{script}{name}", assume_yes=True)
    assert WRITTEN in script.read_text(encoding="utf-8")
    shown = capsys.readouterr().out
    assert "-    return DataLoader(data, batch_size=8)\n" in shown
    assert f"+    return {WRITTEN}\n" in shown
    assert "torch.set_num_threads(1)" in shown.replace("\n", "")
    assert apply_setting(make_console(), make_tuning(), f"{script}{name}", assume_yes=True)
    assert "has these arguments already" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("answer", "is_written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_it_asks_first(script, monkeypatch, answer, is_written) -> None:
    """Without an answer nothing is written."""
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer.strip())
    assert apply_setting(make_console(), make_tuning(), str(script), assume_yes=False)
    assert (WRITTEN in script.read_text(encoding="utf-8")) == is_written


def test_nobody_there_to_answer(script, monkeypatch, capsys) -> None:
    """The line says what to do instead, and the command fails."""

    def hang_up(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("click.termui.visible_prompt_func", hang_up)
    assert not apply_setting(make_console(), make_tuning(), str(script), assume_yes=False)
    assert script.read_text(encoding="utf-8") == SCRIPT
    (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
    assert "--yes writes without a question" in line


def test_what_no_dataloader_takes_is_refused(script, capsys) -> None:
    """Another loader, or a parameter of the user's function."""
    for changes in ({"family": "in_memory"}, {"param.size": "64"}):
        chosen = replace(CHOSEN, cells={**CHOSEN.cells, **changes}, changes=changes)
        assert not apply_setting(make_console(), make_tuning(chosen), str(script), assume_yes=True)
        assert "aste the lines above" in capsys.readouterr().err
    assert script.read_text(encoding="utf-8") == SCRIPT


def test_another_loader_has_a_way_around_it(script, capsys) -> None:
    """The option that tries DataLoaders alone."""
    chosen = replace(CHOSEN, cells={**CHOSEN.cells, "family": "in_memory"}, changes={"family": "in_memory"})
    assert not apply_setting(make_console(), make_tuning(chosen), str(script), assume_yes=True)
    assert "or add --family dataloader" in capsys.readouterr().err


SEVERAL = """\
from torch.utils.data import DataLoader


def make(data):
    return DataLoader(data, batch_size=8)


train_loader, val_loader = make(1), DataLoader(2)
"""


@pytest.mark.parametrize("name", ["", ":train_loader"])
def test_the_call_that_made_the_loader_is_changed(script, name) -> None:
    """Of several, for a script and for a name in it."""
    script.write_text(SEVERAL, encoding="utf-8")
    tuning = replace(make_tuning(), loader_call=LoaderCall(str(script), 5))
    content = check_call(f"{script}{name}", tuning.loader_call)
    assert apply_setting(make_console(), tuning, f"{script}{name}", assume_yes=True, content=content)
    assert script.read_text(encoding="utf-8") == SEVERAL.replace("DataLoader(data, batch_size=8)", WRITTEN)


def test_a_call_elsewhere_or_of_several_loaders_is_refused(script, capsys) -> None:
    """Before anything is measured, and with what to do after it."""
    other = script.with_name("data.py")
    other.write_text(SCRIPT, encoding="utf-8")
    for call, problem in (
        (LoaderCall(str(other), 5), f"made in another file, in {other} line 5"),
        (LoaderCall(str(script), 5, loaders=2), "line 5 makes several DataLoaders, of which one is tuned"),
    ):
        with pytest.raises(
            EditError, match=f"^--apply: .*{problem}; without it the lines to paste are printed$"
        ):
            check_call(f"{script}:make", call)
        tuning = replace(make_tuning(), loader_call=call)
        assert not apply_setting(make_console(), tuning, f"{script}:make", assume_yes=True)
        (line,) = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error")]
        assert problem in line
        assert line.endswith(": set num_workers=2 and persistent_workers=True there yourself")
    assert script.read_text(encoding="utf-8") == SCRIPT


def test_a_file_that_has_changed_meanwhile_is_left_alone(script, capsys) -> None:
    """The call may stand in another line by now."""
    tuning = replace(make_tuning(), loader_call=LoaderCall(str(script), 5))
    content = check_call(str(script), tuning.loader_call)
    script.write_text(f"\n{SCRIPT}", encoding="utf-8")
    assert not apply_setting(make_console(), tuning, str(script), assume_yes=True, content=content)
    assert "has changed since it was tuned: set num_workers=2" in capsys.readouterr().err
    assert script.read_text(encoding="utf-8") == f"\n{SCRIPT}"


def test_a_file_that_is_gone_meanwhile_is_told(script, capsys) -> None:
    """It is not said to make its loader elsewhere."""
    tuning = replace(make_tuning(), loader_call=LoaderCall(str(script), 5))
    content = check_call(str(script), tuning.loader_call)
    script.unlink()
    assert not apply_setting(make_console(), tuning, str(script), assume_yes=True, content=content)
    assert f"--apply: {script} can't be read: No such file" in capsys.readouterr().err


def test_nothing_to_gain_leaves_the_file(script, capsys) -> None:
    """The present setting is the chosen one."""
    assert apply_setting(make_console(), make_tuning(number=0), str(script), assume_yes=True)
    assert "stays as it is" in capsys.readouterr().out
    assert script.read_text(encoding="utf-8") == SCRIPT


def test_the_call_is_looked_for_before_anything_is_measured(script) -> None:
    """A file with two calls, or with none, is refused at once."""
    check_call(f"{script}:make")
    script.write_text(SCRIPT + SCRIPT, encoding="utf-8")
    with pytest.raises(EditError, match="more than once"):
        check_call(str(script))
    with pytest.raises(EditError, match="can't be read"):
        check_call(str(script.with_name("other.py")))
