"""Preparation of a sweep: files of the loaders, and checks of the machine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from bench.machine.check import find_concerns
from bench.machine.checks import check_all
from bench.machine.gpu import inspect_gpu
from bench.machine.requirements import LoaderSettings
from bench.plan.prepared_sweep import PreparedSweep
from bench.process.socket_folder import make_socket_folder
from bench.report.progress.sweep_observer import SweepObserver
from bench.text import join_words
from bench.trial.workload import Workload
from loaders.data.errors import DataError
from loaders.registry import find_problems
from loaders.spec.knob_set import KnobSet


def prepare_loaders(
    sweep: PreparedSweep,
    workload: Workload,
    observer: SweepObserver,
    within_s: float | None = None,
) -> dict[object, str]:
    """Make and check the files that loaders need beside the data.

    A family whose files can't be made gets a notice, and its trials fail by themselves.

    Args:
        sweep: sweep that is about to run.
        workload: what is trained.
        observer: takes notices and what is wrong.
        within_s: seconds that a user's own code may take for the files of one family; default None for no
            such limit.

    Returns:
        Why files can't be made, by the `files_key` of their loaders.
    """
    problems: dict[object, str] = {}
    able = sweep.plan.runnable()
    fused = _find_fused_step() if any(configuration.cuda_graph for configuration in able) else "triton"
    if fused not in (None, "triton"):
        observer.notice(f"--cuda-graph: {fused}; torch's own operations make the graph, more slowly.")
    specs = {configuration.spec.files_key: configuration.spec for configuration in able}
    for problem in find_problems().values():
        observer.notice(f"{problem}.")
    for reason, members in _group_by_notice(specs.values()).items():
        observer.notice(f"{join_words(members)}: {reason}.")
    with observer.show_conversions() as show:
        for key, spec in specs.items():
            try:
                workload.prepare(spec, partial(show, spec.family), within_s)
            except DataError as error:
                problems[key] = str(error)
                observer.notice(f"{spec.family} can't be measured: {error}.")
    return problems


def _group_by_notice(specs: Iterable[KnobSet]) -> dict[str, list[str]]:
    """Return the families that have the same notice about this machine, by that notice."""
    families: dict[str, list[str]] = {}
    for spec in specs:
        notice = spec.machine_notice()
        if notice is not None and spec.family not in families.setdefault(notice, []):
            families[notice].append(spec.family)
    return families


def check_machine(sweep: PreparedSweep, workload: Workload, observer: SweepObserver) -> None:
    """Check the machine against the needs of a sweep, and tell what asks for something to be done.

    Args:
        sweep: sweep that is about to run.
        workload: what is trained.
        observer: takes notices and what is wrong.
    """
    if (notice := make_socket_folder().notice) is not None:
        observer.notice(notice)
    able = sweep.plan.runnable()
    needs = workload.estimate_requirements(
        [LoaderSettings.from_knobs(configuration.spec.knobs()) for configuration in able],
        num_threads=max(configuration.num_threads for configuration in able),
    )
    cuda = any(configuration.device == "cuda" for configuration in able)
    torchvision = any(configuration.spec.needs_torchvision for configuration in able)
    found = check_all(
        needs, data_dir=sweep.options.data_dir, out=sweep.folder, cuda=cuda, torchvision=torchvision
    )
    observer.show_concerns(find_concerns(found))


def _find_fused_step() -> str | None:
    """Return `triton` if it makes the step of a CUDA graph here, else its problem; None if unknown."""
    seen = inspect_gpu()
    return None if seen is None else seen.facts.get("fused_step")
