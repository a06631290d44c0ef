"""The parts' commands: what they name is there, and their options are right."""

from __future__ import annotations

import pytest

from bench.cli.sweep_command import make_sweep_command
from bench.plan.grid import Machine, make_plan
from bench.plan.sweep_options import SweepOptions
from bench.validation.cases import CASES
from tests.cuda.part import Setting
from tests.cuda.parts import BY_NAME, PARTS, REHEARSED, TESTS, VALIDATED, find_marked, list_chosen
from tests.paths import ROOT

SWEEPS = ("sweep", "pictures", "quick")


def read_options(name: str, folder, *, rehearsal: bool) -> SweepOptions:
    """Return the options of a part that is a sweep."""

    def keep(options: SweepOptions) -> SweepOptions:
        return options

    part = BY_NAME[name]
    command = part.make_command(Setting(folder, part.bound_s, rehearsal))
    assert command[1:3] == ["-m", "bench.sweep"]
    options: SweepOptions = make_sweep_command(keep).main(
        command[3:], prog_name="sweep", standalone_mode=False
    )
    return options


def test_all_parts_together_take_less_than_eight_minutes() -> None:
    """By their bounds; some run only where they are named."""
    assert sum(part.bound_s for part in list_chosen(None)) < 480
    assert {part.name for part in PARTS} - {part.name for part in list_chosen(None)} == {
        "validate-all",
        "quick",
    }


def test_parts_are_chosen_in_their_own_order() -> None:
    """Tests come first, however they are named."""
    assert [part.name for part in list_chosen(["quick", "sweep", "tests"])] == ["tests", "sweep", "quick"]


@pytest.mark.parametrize("rehearsal", [False, True])
@pytest.mark.parametrize("name", SWEEPS)
def test_sweeps_have_options_that_are_known(tmp_path, name, rehearsal) -> None:
    """They end within their bound, and their results lie in the folder of the part."""
    options = read_options(name, tmp_path, rehearsal=rehearsal)
    assert options.out == tmp_path / "results"
    assert options.budget_s is None or options.budget_s < BY_NAME[name].bound_s
    if options.target is not None:
        assert (ROOT / options.target.partition(":")[0]).is_file()


def test_the_sweep_crosses_what_decides_on_a_gpu(tmp_path) -> None:
    """Workers, pinned memory, transfer, family and graphs; without a GPU, those that work there are left."""
    request = read_options("sweep", tmp_path, rehearsal=False).request
    plan = make_plan(request, Machine(cuda=True, num_threads=1))
    families = [configuration.spec.family for configuration in plan.configurations]
    assert {name: families.count(name) for name in set(families)} == {
        "batched_dataloader": 16, "tensor_slice": 8, "device_resident": 2,
    }  # fmt: skip
    request = read_options("sweep", tmp_path, rehearsal=True).request
    plan = make_plan(request, Machine(cuda=False, num_threads=1))
    assert {configuration.device for configuration in plan.configurations} == {"cpu"}


def test_validated_cases_are_there() -> None:
    """Each case of a GPU is among them, and a rehearsal needs none."""
    devices = {case.name: case.device for case in CASES}
    assert {name for name, device in devices.items() if device == "cuda"} < set(VALIDATED) <= set(devices)
    assert {devices[name] for name in REHEARSED.split(",")} == {"cpu"}


def test_files_of_marked_tests_are_found() -> None:
    """A test that needs the GPU to itself needs a GPU."""
    cuda, alone = (set(find_marked(mark, TESTS)) for mark in ("cuda", "alone"))
    assert alone < cuda
    assert TESTS / "benchmarks" / "test_cuda_benchmark.py" in cuda


@pytest.mark.parametrize("name", ["tests", "alone", "benchmarks", "targets"])
def test_runs_of_pytest_name_files(tmp_path, name) -> None:
    """They are there, and no file is in two of the runs of benchmarks."""
    command = BY_NAME[name].make_command(Setting(tmp_path, 60.0))
    files = [word for word in command if word.endswith(".py")]
    assert files
    assert all((ROOT / file).is_file() for file in files)
    assert any("benchmarks" in file for file in files) == (name in ("benchmarks", "targets"))
