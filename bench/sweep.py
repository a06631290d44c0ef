"""The main job: measure every configuration of a plan, block by block. `python -m bench.sweep`"""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console

from bench import interrupts, process_tree, results, table
from bench.aa import check_aa
from bench.blocks import Blocks, Job, jobs_of
from bench.check import concerns
from bench.checks import checks
from bench.command_line import complain, run_command
from bench.device_table import print_device
from bench.environment import environment
from bench.fresh_process import ProcessError, fresh_process_context
from bench.gpu import look
from bench.grid import Machine, Plan, PlanError, make_plan
from bench.limits import limits_of
from bench.needs import needs_of_all
from bench.options import Options, sweep_command
from bench.plot import draw_charts
from bench.progress import SweepProgress, conversion_progress, download_progress
from bench.resume import check_data, check_plan, differences
from bench.runs_file import ResultsError, StorageError
from bench.summary import labels, summarise
from bench.trial_process import DataChangedError, TrialRunner
from loaders.fashion_mnist import expected_samples, locate
from loaders.source import DataError, Dataset, Source


def sweep(options: Options) -> int:
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


def swept(options: Options) -> int:
    """The same, where a KeyboardInterrupt before and after the measuring passes through."""
    console = table.console()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=default_threads(options))
    plan = make_plan(options.request, machine)
    names = names_of(plan, twins=bool(options.request.aa_pairs))
    # How near twins are to a limit is not what they are measured for.
    jobs = jobs_of(plan, {} if options.request.aa_pairs else limits_of(plan), options.course.epochs)
    folder = options.resume or results.folder_for(options.out, options.name)
    if options.resume is None:
        results.check_folder(folder)
    if options.dry_run:
        table.print_plan(console, plan, names)
        print_start(console, options, jobs, "", expected_samples(options.dataset, options.data_dir))
        return 0

    notices: list[str] = []
    with download_progress(console) as shown:
        dataset = locate(
            options.dataset, options.data_dir, notify=notices.append, mirror=options.mirror, progress=shown
        )
    table.print_notices(console, notices)
    if options.resume is None:
        results.make_folder(folder)
    with results.locked(folder):
        others = described(options, plan, dataset, folder)
        source = dataset.read("train")
        told = len(notices)
        notices += prepared(console, plan, source)
        table.print_notices(console, notices[told:])
        needs = needs_of_all(
            [configuration.spec.knobs() for configuration in plan.able()],
            samples=len(source),
            stored_side=source.images.shape[-1],
            num_threads=max(configuration.num_threads for configuration in plan.able()),
        )
        cuda = any(configuration.device == "cuda" for configuration in plan.able())
        found = checks(needs, data_dir=options.data_dir, out=folder, cuda=cuda)
        table.print_concerns(console, concerns(found))
        estimates_s = print_start(console, options, jobs, dataset.name, len(source))
        process_tree.become_subreaper()
        blocks = Blocks(
            plan,
            jobs,
            dataset,
            options.course,
            folder,
            runner=TrialRunner(
                context=fresh_process_context({type(job.configuration.spec).__module__ for job in jobs}),
                timeout_s=options.timeout_s,
                log=folder / results.LOG,
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
        with interrupts.held():
            problem = None
            try:
                with interrupts.let_through():
                    blocks.run()
            except KeyboardInterrupt:
                pass
            except (StorageError, DataChangedError) as error:
                problem = error
            code = concluded(console, options, plan, blocks, folder, notices, problem)
    return interrupts.INTERRUPTED if interrupts.came() else code


def default_threads(options: Options) -> int:
    """Torch's threads where none are asked for: here, or where the sweep that is resumed began."""
    if options.resume is not None:
        known = results.read_environment(options.resume).get("torch", {}).get("num_threads")
        if isinstance(known, int):
            return known
    return torch.get_num_threads()


def described(options: Options, plan: Plan, dataset: Dataset, folder: Path) -> list[str]:
    """Write what the sweep is measured on and with; where it is resumed, what of that is other than then.

    ResultsError where it can't go on with that, or not unless told to.
    """
    now = environment(dataset, sys.argv[1:])
    if options.resume is None:
        # Again, now that no other can begin.
        results.check_folder(folder)
        results.write_json(folder / results.ENVIRONMENT, {**now, "sweep": settings(options, plan)})
        return []
    then = results.read_environment(folder)
    check_data(then, dataset.digest)
    others = differences(then, now)
    check_plan(then, plan.cells(), others)
    if others and not options.resume_anyway:
        raise ResultsError(
            f"{folder} was measured with {'; '.join(others)}: other figures could come of that; measure "
            "anew, or go on with --resume-anyway, which marks the rows"
        )
    again = {"started_at": now["started_at"], "commit": now["commit"], "others": others}
    results.write_json(folder / results.ENVIRONMENT, {**then, "resumed": [*then.get("resumed", []), again]})
    return others


def concluded(
    console: Console,
    options: Options,
    plan: Plan,
    blocks: Blocks,
    folder: Path,
    notices: list[str],
    problem: Exception | None,
) -> int:
    """Summarise, draw and say what was measured, also where that isn't all; the exit code.

    problem: what ended the measuring, where that was no interrupt.
    """
    code = 0
    if results.is_begun(folder, results.RUNS):
        runs = results.read_runs(folder)
        limits = results.read_limits(folder)
        both = runs if limits is None else pd.concat([runs, limits])
        code = 1 if both["status"].isin(("failed", "timeout")).any() else 0
        if not runs.empty:
            summary = summarise(runs, limits, results.read_device(folder))
            try:
                results.write_csv(folder / results.SUMMARY, summary)
                if not options.request.aa_pairs:
                    draw_charts(folder)
            except StorageError as error:
                problem = problem or error
            if options.request.aa_pairs:
                table.print_aa(console, summary)
                code = max(code, int(check_aa(summary).total.excessive))
            else:
                table.print_summary(console, summary)
                print_device(console, runs, summary)
                table.print_short(console, summary, blocks.short, options.course.precision)
                table.print_failed_limits(console, limits)
                table.print_resumed(console, runs)
    table.print_dropped(console, plan)
    table.print_notices(console, notices)
    stopped = interrupts.came() or problem is not None
    table.print_end(console, folder, blocks.left_out, interrupted=interrupts.came(), stopped=stopped)
    lost = getattr(console.file, "lost", None)
    for trouble in (problem, lost and f"standard output can't be written: {lost.strerror}"):
        if trouble is not None:
            complain(trouble)
            code = 1
    return code


def prepared(console: Console, plan: Plan, source: Source) -> list[str]:
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
    seen = look()
    return None if seen is None else seen.facts.get("fused_step")


def names_of(plan: Plan, *, twins: bool) -> list[str]:
    """What to call each configuration of the plan."""
    names: list[str] = labels(pd.DataFrame(plan.cells())).tolist()
    # Twins are the same in all that could name them.
    return [f"pair {n // 2 + 1}{'AB'[n % 2]}  {name}" for n, name in enumerate(names)] if twins else names


def print_start(
    console: Console, options: Options, jobs: list[Job], dataset: str, samples: int
) -> list[float]:
    """Say how much there is to measure; about how long a trial of each job takes, in seconds."""
    estimates_s = [job.configuration.estimate_s(samples, job.epochs) for job in jobs]
    table.print_start(
        console,
        dataset,
        samples,
        options.course,
        configurations=sum(job.bounds is None for job in jobs),
        block_s=sum(estimates_s),
    )
    return estimates_s


def settings(options: Options, plan: Plan) -> dict[str, object]:
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
    run_command(sweep_command(sweep), user_errors=(PlanError, DataError, ResultsError, ProcessError))


if __name__ == "__main__":
    main()
