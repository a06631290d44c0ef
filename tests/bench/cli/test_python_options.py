"""Options in Python: the same values, checks and lines as on the command line."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from bench import Explain, Sweep
from tests.bench.report.sweeps import parse

SAME = {
    "lists": ({"num_workers": [0, 2], "batch_size": range(64, 66)}, "--num-workers 0,2 --batch-size 64,65"),
    "scalars": ({"num_workers": 2, "family": "memory_map"}, "--num-workers 2 --family memory_map"),
    "text": ({"num_workers": "0,2"}, "--num-workers 0,2"),
    "switch": ({"pin_memory": [True, False]}, "--pin-memory on,off"),
    "none": ({"num_threads": [None, 2], "out": None}, "--num-threads none,2"),
    "times": ({"budget": 90, "timeout": "2m"}, "--budget 90 --timeout 2m"),
    "share": ({"precision": 0.03}, "--precision 3%"),
    "size": ({"memory_limit": 2**32}, "--memory-limit 4294967296"),
    "flag": ({"cuda_graph": True, "resume_anyway": False}, "--cuda-graph on"),
    "count": ({"aa": True}, "--aa 40"),
    "path": ({"out": Path("a b"), "blocks": 5}, "--out 'a b' --blocks 5"),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_a_sweep_has_the_options_of_its_command(kind) -> None:
    """Its command line makes the same options."""
    options, command = SAME[kind]
    sweep = Sweep(**options)
    assert sweep.command == f"python -m bench.sweep {command}"
    expected = parse(*shlex.split(command))
    assert replace(sweep._options, arguments=()) == replace(expected, arguments=())


def test_parameters_of_a_target_are_a_mapping() -> None:
    """A text that looks like a number stays a text."""
    sweep = Sweep(
        "train.py:loader",
        param={"size": [128, 224], "split": "train", "tag": ["7", "false", " a", "'", ""], "augment": True},
    )
    assert sweep._options.request.knobs == {
        "param.size": (128, 224),
        "param.split": ("train",),
        "param.tag": ("7", "false", " a", "'", ""),
        "param.augment": (True,),
    }
    assert sweep.command.startswith("python -m bench.sweep train.py:loader --param size=128,224 ")


def test_arguments_of_a_script_are_a_list() -> None:
    """They follow `--`."""
    sweep = Sweep("train.py", num_workers=0, script_args=["--epochs", 1])
    assert sweep._options.script_args == ("--epochs", "1")
    assert sweep.command.endswith("--num-workers 0 -- --epochs 1")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num_workers": "four"}, "--num-workers: 'four' is not a whole number from 0 to 256"),
        ({"num_workers": -1}, "--num-workers: '-1' is not a whole number from 0 to 256"),
        ({"precision": 3}, "--precision: '300%' is not a percentage above 0% and below 100%"),
        ({"budget": 0}, "--budget: '0' is not a time above 0"),
        ({"step_ms": 3}, "--step-ms: there is no TARGET that it could be for"),
        ({"num_workers": []}, "--num-workers: '' is not a whole number"),
        ({"family": "tensor_slise"}, "--family: 'tensor_slise' is not"),
        ({"script_args": ["x"]}, "-- x: arguments are for a script, as in FILE.py -- ARGS"),
    ],
)
def test_a_bad_value_is_the_line_of_the_command(options, line) -> None:
    """As a ValueError, before anything is measured."""
    with pytest.raises(ValueError, match=f"^{re.escape(line)}") as error:
        Sweep(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"num_worker": 1}, "num_worker: no option of a sweep has this name; did you mean num_workers?"),
        ({"budget_s": 1}, "budget_s: no option of a sweep has this name; did you mean budget?"),
        ({"xyzzy": 1}, "xyzzy: no option of a sweep has this name"),
        ({"dry_run": True}, "dry_run: it is for the command line alone"),
        ({"resume_anyway": "yes"}, "resume_anyway: 'yes' is not True or False"),
        ({"num_workers": [object()]}, "num_workers: a object is no number, no text and no list of these"),
        ({"target": [1, 2]}, "target: a value of type list can't be sent to a trial's process; give a text"),
        ({"target": "t.py:f", "param": {"a": "b,c"}}, "param: 'b,c' has a comma, which separates values"),
    ],
)
def test_a_bad_name_or_type_is_told(options, line) -> None:
    """With the right name nearby."""
    with pytest.raises(TypeError) as error:
        Sweep(**options)
    assert str(error.value).startswith(line)


def test_an_explanation_has_the_options_of_its_command() -> None:
    """One value each; its errors are those of the command line."""
    explanation = Explain("train.py:loader", step_ms=12, param={"size": 64}, blocks=3, verify=True)
    assert explanation.command == (
        "python -m bench.explain train.py:loader --step-ms 12 --param size=64 --blocks 3 --verify"
    )
    assert explanation._options.order.request.single
    with pytest.raises(ValueError, match="0, 2 are 2 values, and an explanation is of one configuration"):
        Explain(num_workers=[0, 2])
    with pytest.raises(
        TypeError, match="num_worker: no option of an explanation has this name; did you mean"
    ):
        Explain(num_worker=1)
    with pytest.raises(TypeError, match="json: it is for the command line alone"):
        Explain(json=True)
