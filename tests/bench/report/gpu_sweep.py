"""The results of a quick sweep on a machine with a GPU, with made-up figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import ScheduledRun
from bench.records.row import Row
from bench.runner.block_design import BlockDesign
from bench.runner.environment_record import describe_settings
from bench.runner.sweep_files import SweepFiles
from tests.bench.report.sweeps import GPU_BOX, plan_sweep
from tests.fakes import numbered_workload

H100 = "NVIDIA H100 80GB HBM3"
SAMPLES = 60_000
# Samples a second of each configuration of the plan, in its order.
RATES = (95e3, 310e3, 96e3, 330e3, 900e3, 2.6e6, 4.1e7, 2.2e6)
STEP, STEP_IN_GRAPHS = 3.1e6, 4.8e7
# Seconds of the GPU for the steps of an epoch.
STEP_S = {False: 0.015, True: 0.00105}


def measure_on_gpu(folder: Path, unmeasured: tuple[int, ...] = (), *, gpu: bool = True) -> PreparedSweep:
    """Write the results of a quick sweep into a folder, and return the sweep.

    Args:
        folder: the results folder.
        unmeasured: numbers of the configurations that have no rows.
        gpu: whether the GPU could be looked at.
    """
    sweep = replace(plan_sweep(machine=GPU_BOX, with_ceilings=True), folder=folder)
    design = BlockDesign(sweep.plan, sweep.runs, sweep.options.schedule, numbered_workload())
    files = SweepFiles(folder)
    with files.open(design):
        for run in sweep.runs:
            if run.bounds is None and run.number in unmeasured:
                continue
            for block in range(3):
                row = _make_row(design, run, block)
                files.write(run, row)
                if block == 0 and run.bounds is None:
                    step_s = STEP_S[run.configuration.cuda_graph]
                    files.write(run, replace(row, timed_by="events", step_s=step_s, data_wait_s=0.0))
    facts = {"name": H100, "count": 1} if gpu else None
    environment = {"started_at": "2026-11-27T09:00:00+00:00", "dataset": {"name": "made up"}, "gpu": facts}
    settings = describe_settings(sweep)
    (folder / "environment.json").write_text(json.dumps({**environment, "sweep": settings}))
    return sweep


def _make_row(design: BlockDesign, run: ScheduledRun, block: int) -> Row:
    graph = run.configuration.cuda_graph
    rate = RATES[run.number] if run.bounds is None else STEP_IN_GRAPHS if graph else STEP
    wall_s = SAMPLES / rate * (1 + block / 1000)
    waiting = max(0.0, 1 - rate / (STEP_IN_GRAPHS if graph else STEP))
    return replace(
        design.make_trial(run, block).make_row(epoch=1), samples=SAMPLES, batches=235, sample_shape="1x28x28",
        dtype="float32", wall_s=wall_s, samples_per_s=SAMPLES / wall_s, startup_s=0.0, processes=1,
        time_to_first_batch_s=0.01, data_wait_s=waiting * wall_s, transfer_s=0.0, teardown_s=0.0,
        step_s=(1 - waiting) * wall_s, train_loss=0.7, cpu_s=wall_s, peak_memory_bytes=2**30,
        audit="content", audited_share=1.0, shuffle_quality=1.0,
    )  # fmt: skip
