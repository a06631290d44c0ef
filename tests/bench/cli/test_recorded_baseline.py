"""The baseline of a sweep, which an explanation measures again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from bench.plan.explain_options import ExplainOptions
from bench.plan.grid import Machine, make_plan
from bench.records.errors import ResultsError
from tests.bench import runs
from tests.bench.cli.test_explain_command import parse
from tests.bench.report.sweeps import parse as parse_sweep
from tests.bench.report.sweeps import plan_sweep

MACHINE = Machine(cuda=False, num_threads=2)


def record(folder: Path, *arguments: str, program: str = "python -m bench.sweep", **changes: Any) -> Path:
    """Make the results folder of a sweep of Fashion-MNIST, whose rows are made up."""
    sweep = plan_sweep(*arguments)
    baseline = sweep.plan.baselines[0]
    runs.written(folder, [runs.row(baseline, baseline=baseline)])
    values = {
        "command": f"{program} {' '.join(arguments)}",
        "dataset": {"name": "synthetic:20", "folder": "."},
        "sweep": {"plan": sweep.plan.cells()},
        **changes,
    }
    (folder / "environment.json").write_text(json.dumps(values))
    (folder / "synthetic-20").mkdir()
    return folder


def plan(options: ExplainOptions) -> list[Any]:
    """Return the configurations that an explanation measures on this machine."""
    return list(make_plan(options.order.request, MACHINE).configurations)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--num-workers", "0,2,4", "--batch-size", "64", "--seed", "3"),
        ("--family", "tensor_slice,memory_map", "--loss", "squared", "--num-threads", "1"),
        ("--num-workers", "2", "--persistent-workers", "on,off", "--step", "none"),
    ],
)
def test_it_is_the_same_configuration(tmp_path, arguments) -> None:
    """With the sweep's data, seed and step, and without its other configurations."""
    sweep = plan_sweep(*arguments)
    options = parse(str(record(tmp_path / "out", *arguments)))
    assert plan(options) == [sweep.plan.configurations[sweep.plan.baselines[0]]]
    assert options.order.schedule.seed == parse_sweep(*arguments).schedule.seed
    assert options.order.measured_again == tmp_path / "out"
    assert options.order.data_dir.resolve() == tmp_path / "out"
    assert options.order.dataset == "synthetic:20"
    assert options.order.out is None


def test_typed_options_come_before_it(tmp_path) -> None:
    """Knobs that go with workers follow the number of workers that was typed."""
    folder = record(tmp_path / "out", "--num-workers", "2", "--prefetch-factor", "4")
    assert plan(parse(str(folder)))[0].spec.prefetch_factor == 4
    (alone,) = plan(parse(str(folder), "--num-workers", "0", "--blocks", "7"))
    assert (alone.spec.num_workers, alone.spec.prefetch_factor) == (0, None)
    (other,) = plan(parse(str(folder), "--family", "tensor_slice"))
    assert other.spec.family == "tensor_slice"


def test_a_target_is_measured_with_its_step_and_parameters(tmp_path) -> None:
    """A wait of planned length is no step of the user's."""
    cells = {
        "family": "dataloader", "device": "cpu", "batch_size": "4", "num_workers": "1", "pin_memory": "off",
        "prefetch_factor": "2", "persistent_workers": "off", "multiprocessing_context": "fork",
        "in_order": "on", "transfer": "none", "param.size": "64", "num_threads": "1", "step": "12ms",
        "loss": "", "cuda_graph": "off",
    }  # fmt: skip
    folder = runs.written(tmp_path / "out", [runs.row()])
    command = "loaderbench sweep my/train.py:loader --param size=64,128 --step-ms 12 --num-workers 1,2"
    values = {"command": command, "sweep": {"plan": [cells]}, "dataset": {"folder": "."}}
    (folder / "environment.json").write_text(json.dumps(values))
    order = parse(str(folder)).order
    assert order.target == "my/train.py:loader"
    assert order.request.step == ("12ms",)
    assert order.request.knobs is not None
    assert order.request.knobs["param.size"] == (64,)
    assert order.request.knobs["num_workers"] == (1,)
    assert order.request.num_threads == (1,)
    assert parse(str(folder), "--step", "none").order.request.step == ("none",)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"command": "python -m bench.explain train.py"}, "holds an explanation, which is made anew"),
        ({"command": "rm -r"}, "holds no command of a sweep"),
        ({"sweep": {}}, "doesn't say what configuration 0 is"),
        ({"sweep": {"plan": [{"family": "gone"}]}}, "of the family 'gone', which isn't there any more"),
        (
            {"sweep": {"plan": [{"family": "tensor_slice", "batch_size": "many"}]}},
            "has batch_size=many, expected",
        ),
    ],
)
def test_a_folder_that_cannot_be_measured_again_is_one_line(tmp_path, changes, line) -> None:
    """That says what is missing."""
    folder = record(tmp_path / "out", "--num-workers", "0", **changes)
    with pytest.raises(ResultsError) as error:
        parse(str(folder))
    assert line in str(error.value)
    assert "\n" not in str(error.value)


def test_an_option_of_another_version_is_named(tmp_path) -> None:
    """The recorded command may be older than this version."""
    folder = record(tmp_path / "out", "--num-workers", "0", command="python -m bench.sweep --gone 3")
    with pytest.raises(click.UsageError, match="--gone"):
        parse(str(folder))
