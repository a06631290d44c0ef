"""Inspection of targets in a process of its own: whatever a user's module does, one line says it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.request import Request
from bench.process import fresh_process
from bench.process.running_clock import read_running_s
from bench.workloads.inspection.target_inspection import Inquiry, inspect_target
from bench.workloads.target.target import Target, TargetError
from loaders.data.dataset_ref import FileStamp
from loaders.families.dataloader import OwnDataLoader
from loaders.spec.loader_call import LoaderCall

HEAD = """
import torch
from torch.utils.data import DataLoader, Dataset

class Numbers(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return torch.tensor(index)

loader = DataLoader(Numbers(), batch_size=4)
"""


@pytest.fixture
def inspect(context, tmp_path, monkeypatch):
    """Inspect `mine.py:loader` of a text, with temporary files in a folder of the test's own."""
    logs = tmp_path / "logs"
    logs.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(logs))

    def inspect_text(text: str, **inquiry: object):
        (tmp_path / "mine.py").write_text(text)
        inquiry = {"params": {}, **inquiry}
        return inspect_target(Inquiry(Target.parse("mine.py:loader", tmp_path), **inquiry), context)

    inspect_text.logs = logs
    return inspect_text


def refuse(inspect, text: str, **inquiry: object) -> tuple[str, str]:
    """Return the line of an error, and the text in the file that it names; empty if it names none."""
    with pytest.raises(TargetError) as raised:
        inspect(text, **inquiry)
    line = str(raised.value)
    assert "\n" not in line
    named = re.search(r" is in (\S+)$", line)
    left = list(inspect.logs.iterdir())
    assert [str(path) for path in left] == ([named[1]] if named else [])
    return line, left[0].read_text() if named else ""


def test_a_loader_is_found_out_about(inspect, tmp_path, capfd) -> None:
    """Its facts, the modules that it is made of; nothing is printed and nothing is left."""
    (tmp_path / "helper.py").write_text("print('hello from a helper')\n")
    found = inspect(f"import helper, os, sys\n{HEAD}\nprint('hello')\nos.system('echo hello')\n")
    assert (found.facts.kind, found.facts.batches, found.facts.samples) == ("dataloader", 2, 6)
    assert found.facts.pickle_error == ""
    assert [stamp.path.name for stamp in found.stamps] == ["helper.py", "mine.py"]
    assert all(FileStamp.of(stamp.path) == stamp for stamp in found.stamps)
    assert len(found.digest) == 64
    assert capfd.readouterr() == ("", "")
    assert list(inspect.logs.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("loader = DataLoader(Numbers())\n", ("mine.py", 13, 1)),
        ("def loader():\n    return DataLoader(Numbers())\n", ("mine.py", 14, 1)),
        (
            "def make():\n    return DataLoader(Numbers())\nother, loader = make(), make()\n",
            ("mine.py", 14, 2),
        ),
        ("import helper\nloader = helper.make(Numbers())\n", ("helper.py", 3, 1)),
        ("loader = Numbers()\n", None),
        ("loader = [torch.zeros(2)]\n", None),
    ],
)
def test_the_call_that_made_a_loader(inspect, tmp_path, text, call) -> None:
    """It may lie in another file. Of a dataset it is none of the user's."""
    (tmp_path / "helper.py").write_text(
        "from torch.utils.data import DataLoader\ndef make(data):\n    return DataLoader(data)\n"
    )
    found = inspect(f"{HEAD}{text}").facts.loader_call
    assert found == (call and LoaderCall(str(tmp_path / call[0]), *call[1:]))


def test_another_module_makes_another_digest(inspect, tmp_path) -> None:
    """Also one that is only imported, or holds a step. The folder's name makes none."""
    (tmp_path / "step.py").write_text("def make_step(): return print\n")
    digests = [inspect(HEAD).digest, inspect(HEAD).digest]
    digests += [inspect(HEAD, steps=["step.py:make_step"]).digest, inspect(f"{HEAD}\n# changed\n").digest]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("print('before')\n1 / 0", "ZeroDivisionError: division by zero (mine.py:2 in <module>)"),
        ("print('before')\ndef loader():\n    raise KeyError('split')", "'split' (mine.py:3 in loader)"),
        ("loader = (", "SyntaxError: '(' was never closed"),
        ("import nothing_here", "No module named 'nothing_here' (mine.py:1 in <module>)"),
        ("input('split? ')", "EOFError: EOF when reading a line (mine.py:1 in <module>); there is no input"),
        ("import sys\nsys.exit('needs a GPU')", "its module calls sys.exit('needs a GPU')"),
        ("class loader:\n    def __iter__(self):\n        raise OSError('no disk')", "OSError: no disk"),
    ],
)
def test_an_error_of_the_users_is_shown_with_its_traceback_in_a_file(inspect, text, line) -> None:
    """The last line of it stands in the terminal, and names the file."""
    shown, log = refuse(inspect, text)
    assert shown.startswith("mine.py:loader: ")
    assert line in shown
    assert "its traceback is in " in shown
    assert "Traceback (most recent call last)" in log
    assert ("before" in log) == ("before" in text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("loader = 3", "mine.py:loader is an int, expected a DataLoader"),
        ("loader = []", "mine.py:loader is empty: it delivers no batch"),
        ("def loader():\n    return\n    yield", "mine.py:loader is empty: it delivers no batch"),
        (f"{HEAD}\nloader = DataLoader([])", "mine.py:loader is empty: it delivers no batch"),
        ("", "mine.py:loader: mine has no loader"),
    ],
)
def test_a_target_that_is_no_loader_needs_no_file(inspect, text, line) -> None:
    """The line says all."""
    shown, _ = refuse(inspect, text)
    assert shown.startswith(line)


def test_a_module_that_outlasts_the_budget(context, tmp_path, monkeypatch) -> None:
    """It is given up, and the line names the option."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "mine.py").write_text("import time\ntime.sleep(600)\n")
    target = Target.parse("mine.py:loader", tmp_path)
    with pytest.raises(TargetError, match=r"^mine.py:loader gave no batch within .* \(--budget\); "):
        inspect_target(Inquiry(target, {}), context, within_s=0.2)


def test_a_module_that_hangs(inspect, monkeypatch, tmp_path) -> None:
    """It is given up."""
    hangs = tmp_path / "hangs"
    # The time is over once the module hangs, however long the start of its process takes.
    monkeypatch.setattr(fresh_process, "read_running_s", lambda: read_running_s() + 1e6 * hangs.exists())
    text = f"import pathlib, time\nprint('waiting')\npathlib.Path({str(hangs)!r}).touch()\ntime.sleep(600)"
    shown, log = refuse(inspect, text)
    assert shown.startswith("mine.py:loader gave no batch within 2 min 0 s; its output is in ")
    assert "waiting" in log


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("import os; os._exit(3)", "3"),
    ],
)
def test_a_module_that_ends_the_process(inspect, text, line) -> None:
    """As a fault in a library's C code does."""
    shown, _ = refuse(inspect, text)
    assert shown.startswith("mine.py:loader: the trial's process ")
    assert line in shown


def test_workers_without_a_guard_at_import(inspect) -> None:
    """They import the module again, which would start workers again."""
    text = f"{HEAD}\nfor _ in DataLoader(Numbers(), num_workers=1, multiprocessing_context='spawn'): pass\n"
    shown, log = refuse(inspect, text)
    assert shown.startswith("mine.py:loader: RuntimeError: DataLoader worker")
    assert "if __name__ == '__main__'" in log


def test_a_dataset_that_cannot_be_pickled(inspect) -> None:
    """Only workers that aren't forked are unavailable. If nothing else was asked for, nothing is measured."""
    found = inspect(f"{HEAD}\nloader = DataLoader(Numbers(), collate_fn=lambda samples: samples)\n")
    assert "collate_fn: " in found.facts.pickle_error
    offer = Offer({"dataloader": OwnDataLoader(facts=found.facts)}, "dataloader", {})
    machine = Machine(cuda=False, num_threads=1)

    def plan(*methods: str):
        knobs = {"num_workers": (2,), "multiprocessing_context": methods}
        return make_plan(Request(knobs=knobs, step=("none",), loss=("cross_entropy",)), machine, offer)

    assert list(plan("fork", "spawn").unavailable) == [1]
    with pytest.raises(PlanError, match=r"nothing to measure: workers by spawn get .* pickled: collate_fn: "):
        plan("spawn")


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("mine.py:make_step", "mine.py:make_step: mine has no make_step"),
        ("gone.py:make_step", "gone.py:make_step: there is no file "),
        ("mine.py:number", "mine.py:number is an int, expected a function that returns the step"),
        (
            "mine.py:make_nothing",
            "mine.py:make_nothing returned None, expected a callable that takes a batch",
        ),
        ("mine.py:needs_lr", "mine.py:needs_lr needs lr: a step's function takes device, or nothing"),
        ("mine.py:fails", "mine.py:fails: OSError: no checkpoint (mine.py:"),
        ("mine.py:leaves", "mine.py:leaves: the function calls sys.exit(2)"),
    ],
)
def test_a_step_that_cannot_be_made(inspect, step, line) -> None:
    """It is told before anything is measured."""
    text = (
        f"{HEAD}\nnumber = 3\ndef make_nothing(): pass\ndef needs_lr(lr): return print\n"
        "def fails(): raise OSError('no checkpoint')\ndef leaves(): raise SystemExit(2)\n"
    )
    shown, _ = refuse(inspect, text, steps=["none", "5ms", step])
    assert shown.startswith(line)


def test_two_sweeps_have_two_logs(inspect) -> None:
    """A second user's file is another one."""
    with pytest.raises(TargetError):
        inspect("1 / 0")
    with pytest.raises(TargetError):
        inspect("1 / 0")
    assert len(list(inspect.logs.iterdir())) == 2
    assert all(path.stat().st_mode & 0o77 == 0 for path in inspect.logs.iterdir())


def test_a_relative_step_begins_where_the_sweep_was_started(inspect, tmp_path) -> None:
    """As the target does, whatever the current folder is now."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "step.py").write_text("def make_step(device): return {'cpu': print}[device]\n")
    assert Path.cwd() != tmp_path
    assert inspect(HEAD, steps=["steps/step.py:make_step"]).error == ""


def test_each_combination_of_parameters_is_looked_at(inspect) -> None:
    """A parameter may decide the DataLoader's own settings and the number of samples."""
    text = HEAD.replace(
        "loader = DataLoader(Numbers(), batch_size=4)",
        "def loader(size, workers=0):\n"
        "    return DataLoader(Numbers(), batch_size=size, num_workers=workers)\n",
    )
    found = inspect(text, params={"size": 2}, variants=({"size": 3}, {"size": 3, "workers": 1}))
    assert found.facts == found.variants[0]
    seen = [(f.settings.batch_size, f.settings.num_workers, f.batches) for f in found.variants]
    assert seen == [(2, 0, 3), (3, 0, 2), (3, 1, 2)]
