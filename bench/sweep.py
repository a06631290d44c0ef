"""The main job: measure every configuration of a plan, block by block. `python -m bench.sweep`"""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from functools import partial

import pandas as pd
import torch
from rich.console import Console

from bench import process_tree, results, table
from bench.aa import check_aa
from bench.blocks import Blocks, Job, jobs_of
from bench.command_line import INTERRUPTED, run_command
from bench.environment import environment
from bench.fresh_process import fresh_process_context
from bench.grid import Machine, Plan, PlanError, make_plan
from bench.limits import limits_of
from bench.options import Options, sweep_command
from bench.plot import draw_charts
from bench.progress import SweepProgress, conversion_progress, download_progress
from bench.results import ResultsError
from bench.summary import labels, summarise
from bench.trial_process import TrialRunner
from loaders.fashion_mnist import expected_samples, locate
from loaders.source import DataError, Source


def sweep(options: Options) -> int:
    """Plan, measure, summarise, draw.

    The exit code: 0, 1 where a trial failed or an A/A check claims too much, 130 where interrupted.
    """
    console = table.console()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=torch.get_num_threads())
    plan = make_plan(options.request, machine)
    names = names_of(plan, twins=bool(options.request.aa_pairs))
    # How near twins are to a limit is not what they are measured for.
    jobs = jobs_of(plan, {} if options.request.aa_pairs else limits_of(plan), options.course.epochs)
    folder = results.folder_for(options.out, options.name)
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
    results.make_folder(folder)
    described = {**environment(dataset, sys.argv[1:]), "sweep": settings(options, plan)}
    results.write_json(folder / results.ENVIRONMENT, described)

    source = dataset.read("train")
    samples = len(source)
    told = len(notices)
    notices += prepared(console, plan, source)
    table.print_notices(console, notices[told:])
    table.print_load(console)
    estimates_s = print_start(console, options, jobs, dataset.name, samples)
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
        ),
        progress=SweepProgress(
            console,
            [job.name(names) for job in jobs],
            dict(enumerate(estimates_s)),
            options.course.blocks,
            options.budget_s,
        ),
    )
    interrupted = False
    try:
        blocks.run()
    except KeyboardInterrupt:
        interrupted = True

    runs = results.read_runs(folder)
    limits = results.read_limits(folder)
    both = runs if limits is None else pd.concat([runs, limits])
    code = 1 if both["status"].isin(("failed", "timeout")).any() else 0
    if not runs.empty:
        summary = summarise(runs, limits)
        results.write_csv(folder / results.SUMMARY, summary)
        if options.request.aa_pairs:
            table.print_aa(console, summary)
            code = max(code, int(check_aa(summary).total.excessive))
        else:
            draw_charts(folder)
            table.print_summary(console, summary)
            table.print_short(console, summary, blocks.short, options.course.precision)
            table.print_failed_limits(console, limits)
    table.print_dropped(console, plan)
    table.print_notices(console, notices)
    table.print_end(console, folder, blocks.left_out, interrupted=interrupted)
    return INTERRUPTED if interrupted else code


def prepared(console: Console, plan: Plan, source: Source) -> list[str]:
    """Make what the loaders need beside the source, and check it; what is to be said of them.

    A family whose files can't be made is said to, and its trials fail by themselves.
    """
    able = [c.spec for number, c in enumerate(plan.configurations) if number not in plan.unavailable]
    said = []
    with conversion_progress(console) as shown:
        for family, spec in {spec.family: spec for spec in able}.items():
            slowed_by = spec.slowed_by()
            if slowed_by is not None:
                said.append(f"{family}: {slowed_by}.")
            try:
                spec.prepare(source, partial(shown, family))
            except DataError as error:
                said.append(f"{family} can't be measured: {error}.")
    return said


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
        "aa_pairs": options.request.aa_pairs,
        "left_out": left_out,
    }


def main() -> None:
    """Entry point of `python -m bench.sweep`."""
    # A sweep that is asked to end, or loses its terminal, ends as if by Ctrl-C: its trial with it.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    run_command(sweep_command(sweep), user_errors=(PlanError, DataError, ResultsError))


if __name__ == "__main__":
    main()
