"""The main job: measure every configuration of a plan, block by block. `python -m bench.sweep`"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from bench import results, table
from bench.command_line import INTERRUPTED, run_command
from bench.environment import environment
from bench.grid import Machine, Plan, PlanError, make_plan
from bench.options import Options, sweep_command
from bench.plot import draw_charts
from bench.progress import SweepProgress, download_progress
from bench.results import ResultsError
from bench.summary import labels, summarise
from bench.trial import Trial
from bench.trial_process import fresh_process_context, run
from loaders.fashion_mnist import expected_samples, locate
from loaders.source import DataError, Dataset


def sweep(options: Options) -> int:
    """Plan, measure, summarise, draw. The exit code: 0, 1 where a trial failed, 130 where interrupted."""
    console = table.console()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=torch.get_num_threads())
    plan = make_plan(options.request, machine)
    names = labels(pd.DataFrame(plan.cells())).tolist()
    folder = results.folder_for(options.out, options.name)
    results.check_folder(folder)
    if options.dry_run:
        samples = expected_samples(options.dataset, options.data_dir)
        table.print_plan(console, plan, names, samples, options.blocks, options.epochs)
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

    samples = len(dataset.read("train"))
    estimates_s = plan.estimates_s(samples, options.epochs)
    table.print_load(console)
    table.print_start(console, plan, dataset.name, samples, options.blocks, options.epochs)
    progress = SweepProgress(console, names, estimates_s, options.blocks, options.budget_s)
    interrupted = False
    try:
        measure(plan, dataset, folder, options, progress)
    except KeyboardInterrupt:
        interrupted = True

    runs = results.read_runs(folder)
    if not runs.empty:
        summary = summarise(runs)
        results.write_csv(folder / results.SUMMARY, summary)
        draw_charts(folder)
        table.print_summary(console, summary)
    table.print_dropped(console, plan)
    table.print_notices(console, notices)
    table.print_end(console, folder, progress.skipped, interrupted=interrupted)
    if interrupted:
        return INTERRUPTED
    return 1 if runs["status"].isin(("failed", "timeout")).any() else 0


def settings(options: Options, plan: Plan) -> dict[str, object]:
    """What of the request isn't in the rows, as it goes to `environment.json`."""
    names = ("blocks", "epochs", "seed", "budget_s", "timeout_s", "learning_rate")
    left_out = [{"configuration": name, "reason": reason} for name, reason in plan.dropped]
    return {**{name: getattr(options, name) for name in names}, "left_out": left_out}


def measure(plan: Plan, dataset: Dataset, folder: Path, options: Options, progress: SweepProgress) -> None:
    """Run every trial of the plan; the row of each epoch is on disk before the next epoch's is made."""

    def trial(number: int, block: int, position: int) -> Trial:
        return Trial(
            configuration=plan.configurations[number],
            number=number,
            baseline=plan.baselines[number],
            block=block,
            position=position,
            dataset=dataset,
            epochs=options.epochs,
            # The same throughout a block, so that all of it sees one order of the samples.
            seed=options.seed + block,
            learning_rate=options.learning_rate,
        )

    with results.RunsFile(folder / results.RUNS, plan.knobs()) as runs, progress:
        context = fresh_process_context({type(c.spec).__module__ for c in plan.configurations})
        for number, reason in plan.unavailable.items():
            runs.write(replace(trial(number, 0, 0).row(epoch=0), status="unavailable", error=reason))
        for block in range(options.blocks):
            for position, number in enumerate(plan.order(block, options.seed)):
                if block > 0 and not progress.fits(number):
                    progress.skip(number)
                    continue
                with progress.trial(number, block):
                    for row in run(
                        trial(number, block, position),
                        context=context,
                        timeout_s=options.timeout_s,
                        log=folder / results.LOG,
                    ):
                        runs.write(row)


def main() -> None:
    """Entry point of `python -m bench.sweep`."""
    # A sweep that is asked to end, or loses its terminal, ends as if by Ctrl-C: its trial with it.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    run_command(sweep_command(sweep), user_errors=(PlanError, DataError, ResultsError))


if __name__ == "__main__":
    main()
