"""The parts that are run on a machine with a GPU, and their commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from bench.machine.cpu_checks import count_usable_cores
from tests.cuda.feeding_rates import describe_rates
from tests.cuda.part import Part, Setting
from tests.cuda.sweep_figures import RESULTS, describe_sweep
from tests.paths import ROOT

TESTS = ROOT / "tests"
BENCHMARKS = TESTS / "benchmarks"
TARGETS = BENCHMARKS / "test_cuda_benchmark.py"
PICTURES = "examples/rgb_pictures/train.py"
# Seconds of a sweep before and after its trials.
BESIDE_TRIALS_S = 30.0
MOST_PROCESSES = 8
# Libraries of another version may warn of what is no fault of the tests.
WARNINGS = (
    "default::DeprecationWarning", "default::PendingDeprecationWarning", "default::FutureWarning",
    # pytest-benchmark says so where all benchmarks were skipped.
    "default:Not saving anything",
)  # fmt: skip
# A test that takes longer prints where it is, in seconds.
HANGING_S = 45
# The cases of a GPU, the cheats, and a planned cost of each kind. All cases take another minute.
VALIDATED = (
    "kernel", "hidden-kernel", "prefetch",
    "sleep-batch", "step", "workers", "own-dataset-workers", "script-workers",
    "honest-slow", "honest-fast", "repeats-slow", "swaps-labels-slow", "drops-slow", "unsharded-slow",
    "repeats-fast", "same-order-fast", "overwritten", "own-unsplit", "own-drops", "script-unsplit",
)  # fmt: skip
# Cases that no other program can disturb.
REHEARSED = "honest-fast,repeats-fast,drops-slow"


def find_marked(mark: str, folder: Path) -> list[Path]:
    """Return the files of tests that use a mark. Collecting the others would take seconds.

    Args:
        mark: name of the mark.
        folder: folder of the tests.
    """
    files = sorted(folder.rglob("test_*.py"))
    return [file for file in files if f"pytest.mark.{mark}" in file.read_text("utf-8")]


def _make_pytest(setting: Setting, files: Sequence[Path], *options: str) -> list[str]:
    quiet = [word for filtered in WARNINGS for word in ("-W", filtered)]
    return [
        sys.executable, "-m", "pytest", *(str(file.relative_to(ROOT)) for file in files), *quiet, *options,
        "-v", "-p", "no:cacheprovider", "-o", f"faulthandler_timeout={HANGING_S}",
        "-p", "tests.cuda.outcome_recorder", "--outcomes", str(setting.folder),
    ]  # fmt: skip


def _list_test_files(mark: str) -> list[Path]:
    return [file for file in find_marked(mark, TESTS) if BENCHMARKS not in file.parents]


def _count_processes() -> int:
    """Return how many processes share the tests or load pictures: half of the cores, as each has helpers."""
    return min(MOST_PROCESSES, max(1, int(count_usable_cores()) // 2))


def _run_tests(setting: Setting) -> list[str]:
    processes = _count_processes()
    shared = ["-n", str(processes), "--dist", "worksteal"] if processes > 1 and find_spec("xdist") else []
    return _make_pytest(
        setting, _list_test_files("cuda"), "-m", "cuda and not alone", "--durations=20", *shared
    )


def _run_lone_tests(setting: Setting) -> list[str]:
    return _make_pytest(setting, _list_test_files("alone"), "-m", "cuda and alone", "--durations=20")


def _validate(setting: Setting) -> list[str]:
    cases = REHEARSED if setting.rehearsal else ",".join(VALIDATED)
    return [sys.executable, "-m", "bench.validate", "--only", cases]


def _validate_all(setting: Setting) -> list[str]:
    return [sys.executable, "-m", "bench.validate", *(["--only", REHEARSED] if setting.rehearsal else [])]


def _run_benchmarks(setting: Setting) -> list[str]:
    files = [file for file in find_marked("cuda", BENCHMARKS) if file != TARGETS]
    return _make_pytest(
        setting, files, "-m", "cuda", "--benchmark-max-time=0.25",
        "--benchmark-columns=median,iqr,ops,rounds", f"--benchmark-json={setting.folder / 'benchmark.json'}",
    )  # fmt: skip


def _measure_targets(setting: Setting) -> list[str]:
    rehearsal = ["--rehearse-cuda"] if setting.rehearsal else []
    return _make_pytest(setting, [TARGETS], "-m", "cuda", "--rates", str(setting.folder), *rehearsal)


def _make_sweep(setting: Setting, *arguments: str, rehearsed: Sequence[str]) -> list[str]:
    """Return the command of a sweep whose results lie in the folder of its part.

    Args:
        setting: its setting.
        arguments: what is measured on a GPU.
        rehearsed: what is measured in a rehearsal.
    """
    small = ["--device", "cpu", "--blocks", "1", *rehearsed]
    return [
        sys.executable, "-m", "bench.sweep", *(small if setting.rehearsal else arguments),
        "--timeout", "60s", "--out", str(setting.folder / RESULTS),
    ]  # fmt: skip


def _make_budget(setting: Setting) -> tuple[str, str]:
    return "--budget", f"{max(1.0, setting.bound_s - BESIDE_TRIALS_S):g}s"


def _sweep_families(setting: Setting) -> list[str]:
    grid = (
        "--family", "batched_dataloader,tensor_slice,device_resident", "--pin-memory", "off,on",
        "--cuda-graph", "off,on",
    )  # fmt: skip
    on_gpu = ("--device", "cuda", "--num-workers", "0,4", "--transfer", "non_blocking,prefetch")
    return _make_sweep(
        setting, *grid, *on_gpu, "--dataset", "synthetic", *_make_budget(setting),
        rehearsed=[
            *grid, "--num-workers", "0,1", "--transfer", "none,prefetch", "--dataset", "synthetic:2000",
        ],
    )  # fmt: skip


def _sweep_pictures(setting: Setting) -> list[str]:
    workers = 1 if setting.rehearsal else _count_processes()
    grid = (
        f"{PICTURES}:device_loader", "--step", f"{PICTURES}:make_step", "--param", f"num_workers={workers}",
        "--param", "prefetch=false,true",
    )  # fmt: skip
    small = {"pictures": 32, "batch_size": 16, "size": 16}
    few = [word for name, value in small.items() for word in ("--param", f"{name}={value}")]
    return _make_sweep(
        setting, *grid, "--param", "pin_memory=false,true", "--device", "cuda", *_make_budget(setting),
        rehearsed=[*grid, *few, "--num-threads", "1"],
    )  # fmt: skip


def _sweep_quickly(setting: Setting) -> list[str]:
    return _make_sweep(setting, "--dataset", "synthetic", rehearsed=["--dataset", "synthetic:2000"])


PARTS = (
    Part("tests", "the tests marked cuda, several at a time", 85, _run_tests),
    Part("alone", "the tests marked cuda that need the GPU to themselves", 60, _run_lone_tests),
    Part("validate", "kernels of planned length, cheats, and a planned cost of each kind", 55, _validate),
    Part("benchmarks", "the benchmarks that need a GPU", 35, _run_benchmarks),
    Part("targets", "the rates of docs/cuda.md beside their ceilings", 40, _measure_targets,
         read_figures=describe_rates),
    Part("sweep", "workers × pinned memory × transfer × family × graphs", 130, _sweep_families,
         read_figures=describe_sweep),
    Part("pictures", "a convolutional net on RGB pictures, pinned and prefetched or not", 70,
         _sweep_pictures, read_figures=describe_sweep),
    Part("validate-all", "all cases of bench.validate", 160, _validate_all, is_default=False),
    Part("quick", "the quick preset of bench.sweep", 150, _sweep_quickly, is_default=False,
         read_figures=describe_sweep),
)  # fmt: skip
BY_NAME = {part.name: part for part in PARTS}


def list_chosen(names: Sequence[str] | None) -> list[Part]:
    """Return the parts that are chosen, in the order of PARTS; the default ones without a choice.

    Args:
        names: names of parts; None without a choice.
    """
    return [part for part in PARTS if (part.is_default if names is None else part.name in names)]
