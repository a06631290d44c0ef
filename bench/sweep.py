"""The main job: measure every configuration of a plan, block by block. `python -m bench.sweep`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console

from bench.analysis.aa import check_aa
from bench.analysis.naming import make_labels
from bench.analysis.summary import summarise
from bench.cli.command_line import complain, run_command
from bench.cli.sweep_command import make_sweep_command
from bench.cli.sweep_options import SweepOptions
from bench.machine.check import find_concerns
from bench.machine.checks import check_all
from bench.machine.environment import describe_environment
from bench.machine.gpu import inspect_gpu
from bench.machine.requirements import estimate_all
from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import Plan, PlanError
from bench.plan.schedule import ScheduledRun, schedule_runs
from bench.process import interrupts, process_tree
from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.records import results_folder
from bench.records.errors import ResultsError, StorageError
from bench.report import table
from bench.report.aa_report import print_aa
from bench.report.charts import draw_charts
from bench.report.closing import print_end, print_failed_ceilings, print_imprecise, print_resumed
from bench.report.console import make_console, print_notices
from bench.report.device_table import print_device_findings
from bench.report.file_progress import conversion_progress, download_progress
from bench.report.plan_table import print_concerns, print_dropped, print_plan, print_start
from bench.report.progress import SweepProgress
from bench.runner.blocks import BlockRunner
from bench.runner.resume import check_data, check_plan, find_differences
from bench.runner.trial_process import DataChangedError, TrialRunner
from loaders.data.dataset_ref import DatasetRef
from loaders.data.errors import DataError
from loaders.data.fashion_mnist import expected_samples, locate
from loaders.data.image_split import ImageSplit


def sweep(options: SweepOptions) -> int:
    """Plan, measure, summarise, draw.

    The exit code: 0, 1 where a trial failed, an A/A check claims too much, data changed or something can't
    be written, 130 where interrupted.
    """
    try:
        return swept(options)
    except KeyboardInterrupt:
        # Before there was anything to conclude, or once all of it was done.
        complain("interrupted")
        return interrupts.INTERRUPTED


def swept(options: SweepOptions) -> int:
    """The same, where a KeyboardInterrupt before and after the measuring passes through."""
    console = make_console()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=default_threads(options))
    plan = make_plan(options.request, machine)
    names = name_configurations(plan, twins=bool(options.request.aa_pairs))
    # How near twins are to a ceiling is not what they are measured for.
    jobs = schedule_runs(plan, {} if options.request.aa_pairs else find_ceilings(plan), options.course.epochs)
    folder = options.resume or results_folder.name_folder(options.out, options.name)
    if options.resume is None:
        results_folder.check_folder(folder)
    if options.dry_run:
        print_plan(console, plan, names)
        announce_start(console, options, jobs, "", expected_samples(options.dataset, options.data_dir))
        return 0

    notices: list[str] = []
    with download_progress(console) as shown:
        dataset = locate(
            options.dataset, options.data_dir, notify=notices.append, mirror=options.mirror, progress=shown
        )
    print_notices(console, notices)
    if options.resume is None:
        results_folder.make_folder(folder)
    with results_folder.lock_folder(folder):
        others = write_environment(options, plan, dataset, folder)
        source = dataset.read("train")
        told = len(notices)
        notices += prepare_loaders(console, plan, source)
        print_notices(console, notices[told:])
        needs = estimate_all(
            [configuration.spec.knobs() for configuration in plan.able()],
            samples=len(source),
            stored_side=source.images.shape[-1],
            num_threads=max(configuration.num_threads for configuration in plan.able()),
        )
        cuda = any(configuration.device == "cuda" for configuration in plan.able())
        found = check_all(needs, data_dir=options.data_dir, out=folder, cuda=cuda)
        print_concerns(console, find_concerns(found))
        estimates_s = announce_start(console, options, jobs, dataset.name, len(source))
        process_tree.become_subreaper()
        blocks = BlockRunner(
            plan,
            jobs,
            dataset,
            options.course,
            folder,
            runner=TrialRunner(
                context=prepare_context({type(job.configuration.spec).__module__ for job in jobs}),
                timeout_s=options.timeout_s,
                log=folder / results_folder.LOG,
                memory_limit_bytes=options.memory_limit,
            ),
            progress=SweepProgress(
                console,
                [job.name(names) for job in jobs],
                dict(enumerate(estimates_s)),
                options.course.blocks,
                options.budget_s,
            ),
            resumed=options.resume is not None,
            resumed_with="; ".join(others) or None,
        )
        # An interrupt ends the measuring. What was measured is summarised then, which takes a moment.
        with interrupts.hold():
            problem = None
            try:
                with interrupts.let_through():
                    blocks.run()
            except KeyboardInterrupt:
                pass
            except (StorageError, DataChangedError) as error:
                problem = error
            code = report_results(console, options, plan, blocks, folder, notices, problem)
    return interrupts.INTERRUPTED if interrupts.was_interrupted() else code


def default_threads(options: SweepOptions) -> int:
    """Torch's threads where none are asked for: here, or where the sweep that is resumed began."""
    if options.resume is not None:
        known = results_folder.read_environment(options.resume).get("torch", {}).get("num_threads")
        if isinstance(known, int):
            return known
    return torch.get_num_threads()


def write_environment(options: SweepOptions, plan: Plan, dataset: DatasetRef, folder: Path) -> list[str]:
    """Write what the sweep is measured on and with; where it is resumed, what of that is other than then.

    ResultsError where it can't go on with that, or not unless told to.
    """
    now = describe_environment(dataset, sys.argv[1:])
    if options.resume is None:
        # Again, now that no other can begin.
        results_folder.check_folder(folder)
        results_folder.write_json(
            folder / results_folder.ENVIRONMENT, {**now, "sweep": describe_settings(options, plan)}
        )
        return []
    then = results_folder.read_environment(folder)
    check_data(then, dataset.digest)
    others = find_differences(then, now)
    check_plan(then, plan.cells(), others)
    if others and not options.resume_anyway:
        raise ResultsError(
            f"{folder} was measured with {'; '.join(others)}: other figures could come of that; measure "
            "anew, or go on with --resume-anyway, which marks the rows"
        )
    again = {"started_at": now["started_at"], "commit": now["commit"], "others": others}
    results_folder.write_json(
        folder / results_folder.ENVIRONMENT, {**then, "resumed": [*then.get("resumed", []), again]}
    )
    return others


def report_results(
    console: Console,
    options: SweepOptions,
    plan: Plan,
    blocks: BlockRunner,
    folder: Path,
    notices: list[str],
    problem: Exception | None,
) -> int:
    """Summarise, draw and say what was measured, also where that isn't all; the exit code.

    problem: what ended the measuring, where that was no interrupt.
    """
    code = 0
    if results_folder.has_header(folder, results_folder.RUNS):
        runs = results_folder.read_runs(folder)
        ceilings = results_folder.read_ceilings(folder)
        both = runs if ceilings is None else pd.concat([runs, ceilings])
        code = 1 if both["status"].isin(("failed", "timeout")).any() else 0
        if not runs.empty:
            summary = summarise(runs, ceilings, results_folder.read_device(folder))
            try:
                results_folder.write_csv(folder / results_folder.SUMMARY, summary)
                if not options.request.aa_pairs:
                    draw_charts(folder)
            except StorageError as error:
                problem = problem or error
            if options.request.aa_pairs:
                print_aa(console, summary)
                code = max(code, int(check_aa(summary).total.excessive))
            else:
                table.print_summary(console, summary)
                print_device_findings(console, runs, summary)
                print_imprecise(console, summary, blocks.short, options.course.precision)
                print_failed_ceilings(console, ceilings)
                print_resumed(console, runs)
    print_dropped(console, plan)
    print_notices(console, notices)
    stopped = interrupts.was_interrupted() or problem is not None
    print_end(console, folder, blocks.left_out, interrupted=interrupts.was_interrupted(), stopped=stopped)
    lost = getattr(console.file, "lost", None)
    for trouble in (problem, lost and f"standard output can't be written: {lost.strerror}"):
        if trouble is not None:
            complain(trouble)
            code = 1
    return code


def prepare_loaders(console: Console, plan: Plan, source: ImageSplit) -> list[str]:
    """Make what the loaders need beside the source, and check it; what is to be said of them.

    A family whose files can't be made is said to, and its trials fail by themselves.
    """
    said = []
    fused = _fused_step() if any(c.cuda_graph for c in plan.able()) else "triton"
    if fused not in (None, "triton"):
        said.append(f"--cuda-graph: {fused}; torch's own operations make the graph, more slowly.")
    with conversion_progress(console) as shown:
        for family, spec in {c.spec.family: c.spec for c in plan.able()}.items():
            slowed_by = spec.slowed_by()
            if slowed_by is not None:
                said.append(f"{family}: {slowed_by}.")
            try:
                spec.prepare(source, partial(shown, family))
            except DataError as error:
                said.append(f"{family} can't be measured: {error}.")
    return said


def _fused_step() -> str | None:
    """What makes the step of a CUDA graph here, or why Triton doesn't; None where nobody knows."""
    seen = inspect_gpu()
    return None if seen is None else seen.facts.get("fused_step")


def name_configurations(plan: Plan, *, twins: bool) -> list[str]:
    """What to call each configuration of the plan."""
    names: list[str] = make_labels(pd.DataFrame(plan.cells())).tolist()
    # Twins are the same in all that could name them.
    return [f"pair {n // 2 + 1}{'AB'[n % 2]}  {name}" for n, name in enumerate(names)] if twins else names


def announce_start(
    console: Console, options: SweepOptions, jobs: list[ScheduledRun], dataset: str, samples: int
) -> list[float]:
    """Say how much there is to measure; about how long a trial of each job takes, in seconds."""
    estimates_s = [job.configuration.estimate_s(samples, job.epochs) for job in jobs]
    print_start(
        console,
        dataset,
        samples,
        options.course,
        configurations=sum(job.bounds is None for job in jobs),
        block_s=sum(estimates_s),
    )
    return estimates_s


def describe_settings(options: SweepOptions, plan: Plan) -> dict[str, object]:
    """What of the request isn't in the rows, as it goes to `environment.json`."""
    left_out = [{"configuration": name, "reason": reason} for name, reason in plan.dropped]
    return {
        **asdict(options.course),
        "budget_s": options.budget_s,
        "timeout_s": options.timeout_s,
        "memory_limit_bytes": options.memory_limit,
        "aa_pairs": options.request.aa_pairs,
        "left_out": left_out,
        "plan": plan.cells(),
    }


def main() -> None:
    """Entry point of `python -m bench.sweep`."""
    run_command(make_sweep_command(sweep), user_errors=(PlanError, DataError, ResultsError, ProcessError))


if __name__ == "__main__":
    main()
