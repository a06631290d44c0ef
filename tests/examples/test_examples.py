"""The examples of docs/your-training.md: what a sweep finds out about each, and a trial of it."""

from __future__ import annotations

import click
import pytest

from bench.cli.sweep_command import make_sweep_command
from bench.plan.configuration import Configuration
from bench.plan.sweep_options import SweepOptions
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.workloads.inspection.target_inspection import Inquiry, inspect_target
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from tests.bench.workloads.script.script_trials import choose, run
from tests.examples.example import LOADERS, PAGE, SCRIPT, Example, list_commands


def try_out(example: Example, context, folder, *, function: str = "train_loader", workers: int = 2):
    """Inspect a loader of few samples, and return what is known of it and the row of one epoch."""
    target = Target.parse(f"{example.folder / 'train.py'}:{function}")
    params = {**example.few, "root": str(folder)} if example.makes_files else example.few
    found = inspect_target(Inquiry(target, params, steps=[example.step]), context)
    spec = OwnDataLoader(facts=found.facts, params=tuple(params.items()), num_workers=workers).resolve()
    workload = OwnLoader(target, found.facts, found.digest, stamps=found.stamps)
    trial = Trial(Configuration(spec, "cpu", example.step, None, 1), 0, 0, 0, 0, workload, 1, seed=0)
    (row,) = TrialRunner(context, TrialLimits(60), folder / "log").run(trial)
    return found.facts, row


@pytest.mark.parametrize("example", LOADERS, ids=lambda example: example.name)
def test_a_loader_trains_with_workers(context, tmp_path, example) -> None:
    """All samples arrive at the step. The audit, and whether memory can hold them, are as the page says."""
    facts, row = try_out(example, context, tmp_path)
    assert (row.status, row.error) == ("ok", None)
    assert (row.samples, facts.samples) == (example.samples, example.samples)
    assert row.audit == example.audit
    assert row.step_s
    assert row.step_s > 0
    assert InMemory.refuse(facts) == example.not_in_memory
    assert f"`{example.audit}`" in PAGE.read_text("utf-8")
    assert (example.not_in_memory or "`in_memory`") in PAGE.read_text("utf-8")


def test_shards_that_every_worker_reads_are_told(context, tmp_path) -> None:
    """The row fails, and says how to mend the dataset."""
    shards = next(example for example in LOADERS if example.name == "tar_shards")
    _, row = try_out(shards, context, tmp_path, function="unsplit_loader")
    assert row.status == "failed"
    assert "isn't split between workers" in row.error
    assert "get_worker_info" in row.error


def test_the_script_is_run_unchanged(context, tmp_path) -> None:
    """Its training loader is varied; its validation, and its checkpoint after the epoch, stay as they are."""
    arguments = ["--epochs", "1", "--lr", ".1", "--pictures", "64", "--checkpoints", str(tmp_path / "kept")]
    choice = choose(SCRIPT.parent, SCRIPT.name, arguments)
    assert choice.workload.samples == 64
    assert [other.facts.samples for other in choice.others] == [6]
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["epoch-1.pt"]
    (row,) = run(choice, tmp_path, epochs=1, num_workers=2)
    assert (row.status, row.error, row.samples, row.audit) == ("ok", None, 64, "index")


def test_the_commands_of_the_page_are_right() -> None:
    """Each example has one, its options are known, and its files are there."""
    commands = list_commands()
    assert {command[0].split("/")[1] for command in commands} == {
        *(example.name for example in LOADERS),
        "script",
    }
    for command in commands:
        assert parse(command).request.knobs["num_workers"][0] == 0
        for word in command:
            if word.startswith("examples/"):
                assert (PAGE.parent.parent / word.partition(":")[0]).is_file()


def parse(command: list[str]) -> SweepOptions:
    def keep(options: SweepOptions) -> SweepOptions:
        return options

    made: click.Command = make_sweep_command(keep)
    options: SweepOptions = made.main(args=command, prog_name="sweep", standalone_mode=False)
    return options
