"""What a quick sweep on a machine with a GPU says, by results with made-up figures."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.report.progress.sweep_printer import SweepPrinter
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.opening import print_start
from bench.report.sweep.outcome import SweepOutcome
from bench.report.sweep.sweep_json import describe_sweep
from bench.report.sweep.sweep_results import SweepResults
from bench.runner.sweep_session import conclude_sweep
from tests.bench import runs
from tests.bench.report.gpu_sweep import H100, measure_on_gpu
from tests.bench.report.printing import capture
from tests.bench.report.sweeps import GPU_BOX, plan_sweep
from tests.fakes import numbered_workload

# The last three that a reader misses least.
LAST = (2, 3, 6)
BUSY = (
    f"The GPU ({H100}) computes for 72% of an epoch and waits for the rest; with the baseline it computes "
    "for at most 2%."
)


def conclude(
    folder: Path, unmeasured: tuple[int, ...] = (), *, gpu: bool = True
) -> tuple[SweepConclusion, str]:
    """Return the end of a quick sweep, and what it prints."""
    sweep = measure_on_gpu(folder, unmeasured, gpu=gpu)
    console = Console(file=io.StringIO(), width=100)
    begun = SweepConclusion(sweep, numbered_workload(), SweepOutcome(unmeasured=unmeasured, rest_s=100.0))
    done = conclude_sweep(begun, SweepPrinter(console))
    return done, console.file.getvalue()


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[SweepConclusion, str]:
    return conclude(tmp_path_factory.mktemp("whole"))


def test_the_answer_names_the_gpu_and_says_how_busy_it_is(whole) -> None:
    """Beside the winner, its gain, the ceiling, and what bounds it."""
    answer = SweepResults.read(whole[0].sweep.folder).answer
    assert BUSY in answer
    assert "With an infinitely fast loader this training would run at 47,952,048 samples/s" in answer
    assert ": device_resident cuda_graph=on reaches 85% of it." in answer
    assert "the fastest: 432 times the baseline torch_dataloader" in answer
    assert " ".join(whole[1].split()).count(BUSY) == 1


def test_the_code_says_that_the_step_was_a_graph(whole) -> None:
    """The loader alone would not be as fast."""
    assert "    # Measured with the train step in CUDA graphs: torch.cuda.CUDAGraph.\n" in whole[1]
    assert "loader = ResidentLoader(" in whole[1]


def test_the_next_commands_are_named(whole) -> None:
    """One for the user's own loader, one for this GPU."""
    lines = whole[1].splitlines()
    assert "Next, the fastest setting of your own loader: python -m bench.tune train.py" in lines
    assert any(
        line.startswith("Larger batches on this GPU: python -m bench.sweep --family ") for line in lines
    )


def test_pinned_memory_is_compared(whole) -> None:
    """The plan holds the pair that tells what it gains."""
    assert "Page-locked memory against ordinary, everything else equal:" in whole[1]


def test_the_page_and_the_json_say_it_too(whole) -> None:
    """All forms of the answer are the same sentences."""
    page = (whole[0].sweep.folder / "report.html").read_text()
    assert BUSY in page
    assert "of the time the GPU computes" in page
    found = describe_sweep(whole[0], [], 0)
    assert BUSY in found["answer"]
    assert found["answers"][0]["device"] == "cuda"
    assert found["answers"][0]["busy"]["is_bound"] is False
    assert json.loads(json.dumps(found["answers"][0]["baseline_busy"]))["share"] == pytest.approx(
        0.0237, rel=0.01
    )
    assert found["configurations_left_out"] == []


def test_what_the_budget_left_out_is_one_line(tmp_path) -> None:
    """With the command that measures it. The page and the JSON name it too."""
    done, text = conclude(tmp_path, LAST)
    (line,) = [line for line in text.splitlines() if line.startswith("The budget had no time for")]
    assert line.startswith("The budget had no time for 3 configurations: torch_dataloader ")
    command = f"python -m bench.sweep --resume {tmp_path} --budget 3m"
    assert f"To measure what is missing, about 1 min 40 s: {command}\n" in text
    names = [done.sweep.names[number] for number in LAST]
    assert describe_sweep(done, [], 0)["configurations_left_out"] == names
    assert f"the budget had no time for {names[0]}" in (tmp_path / "report.html").read_text()
    assert "device_resident" in SweepResults.read(tmp_path).answer


def test_a_gpu_that_could_not_be_looked_at_has_no_name(tmp_path) -> None:
    """The sentence says what is known."""
    done, _ = conclude(tmp_path, gpu=False)
    answer = SweepResults.read(done.sweep.folder).answer
    assert "The GPU computes for 72% of an epoch and waits for the rest" in answer
    assert "()" not in answer


def test_the_opening_names_the_gpu_and_the_bound(tmp_path) -> None:
    """An estimate for two cores is none for a GPU."""
    sweep = replace(plan_sweep(machine=GPU_BOX, with_ceilings=True), folder=tmp_path)
    (tmp_path / "environment.json").write_text(json.dumps({"gpu": {"name": H100, "count": 8}}))
    text = capture(lambda c: print_start(c, sweep, 60_000, "mine"), width=500)
    assert f"device=cuda ({H100}, one of 8)" in text
    assert "on two cores" not in text
    assert text.rstrip().endswith(
        "1 min 35 s at most, with fewer configurations where that is too short for all"
    )
    # A dry run has no folder, and looks at nothing.
    assert "device=cuda," in capture(lambda c: print_start(c, sweep, 60_000), width=500)


def test_where_nothing_could_be_measured_there_is_no_next_command(tmp_path) -> None:
    """Such as on a GPU that can't be used."""
    sweep = replace(plan_sweep(machine=GPU_BOX), folder=tmp_path)
    runs.written(tmp_path, [runs.failed(0, 0)])
    console = Console(file=io.StringIO(), width=100)
    begun = SweepConclusion(sweep, numbered_workload(), SweepOutcome())
    conclude_sweep(begun, SweepPrinter(console))
    assert "Results: " in console.file.getvalue()
    assert "Next" not in console.file.getvalue()
