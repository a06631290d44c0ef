"""Evidence of a diagnosis, in one sentence with figures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bench.analysis.explanation.explanation import Cause
from bench.analysis.explanation.facts import Facts, LoadStage
from bench.analysis.explanation.losses import Loss, find_loader_share
from bench.analysis.explanation.starvation import find_other_share, find_own_delay
from bench.analysis.explanation.stragglers import mark_stragglers
from bench.analysis.explanation.words import format_cores, format_workers
from bench.records.rung_time import ORDER, TRANSPORT
from bench.text import format_count, format_ratio, format_share, format_time


def describe_evidence(facts: Facts, loss: Loss) -> str:
    """Return the evidence for a cause in one sentence.

    Args:
        facts: means of what was measured.
        loss: the cause, and what it costs.
    """
    sentences: dict[Cause, Callable[[Facts, Loss], str]] = {
        Cause.START_UP: _describe_start_up,
        Cause.TRANSPORT: _describe_transport,
        Cause.TRANSFER: _describe_transfer,
        Cause.STEP: _describe_step,
        Cause.STRAGGLERS: _describe_stragglers,
        Cause.FEW_WORKERS: _describe_few_workers,
        Cause.MANY_WORKERS: _describe_many_workers,
        Cause.STARVED: _describe_starvation,
        Cause.BALANCED: _describe_balance,
        Cause.UNDECIDED: _describe_unknown,
    }
    return sentences.get(loss.cause, _describe_stage)(facts, loss)


def _describe_stage(facts: Facts, loss: Loss) -> str:
    if loss.stage == ORDER:
        return (
            f"The sampler takes {format_time(facts.order_s)} of a batch's {format_time(facts.steady_s)} to "
            f"name the samples, {format_share(loss.share)} of an epoch."
        )
    kind = loss.cause.value.removesuffix(" bound")
    stages = [one for one in facts.stages if one.stage == kind and loss.stage in ("", one.name)]
    return f"{_describe_waiting(facts)}; of the {_divide_load(facts, stages)}."


def _describe_waiting(facts: Facts) -> str:
    share = format_share(facts.find_share(facts.wait_s))
    if facts.setup.num_workers:
        return f"The training waits {share} of an epoch for batches"
    return f"The training process loads batches itself for {share} of an epoch"


def _divide_load(facts: Facts, stages: Sequence[LoadStage]) -> str:
    """Return what stages take, such as `41 ms that a worker takes for one, fetch takes 30 ms (73%)`."""
    whose = "that a worker takes for one" if facts.setup.num_workers else "that it takes for one"
    total_s = math.fsum(stage.batch_s for stage in stages)
    share = total_s / facts.load_s if facts.load_s else 0.0
    takes = f"{format_time(total_s)} ({format_share(share)})"
    slowest = max(stages, key=lambda stage: stage.batch_s)
    what = f"{slowest.name} takes {takes}"
    if len(stages) > 1:
        what = f"{len(stages)} {slowest.stage}s take {takes}, {slowest.name} the most"
    return f"{format_time(facts.load_s)} {whose}, {what}"


def _describe_start_up(facts: Facts, loss: Loss) -> str:
    start, end = format_time(facts.start_s), format_time(facts.teardown_s)
    return (
        f"An epoch of {format_time(facts.epoch_s)} takes {start} to start, before the loading of its first "
        f"batch counts, and {end} to end, {format_share(loss.share)} of it."
    )


def _describe_transport(facts: Facts, loss: Loss) -> str:
    way = ""
    if (alone_s := facts.rungs.get(TRANSPORT)) is not None:
        way = f"; the way alone takes {format_time(alone_s)} of a batch's {format_time(facts.steady_s)}"
    idle = ""
    if facts.idle_share is not None:
        idle = f", while workers have nothing to load for {format_share(facts.idle_share)} of their time"
    return (
        f"For {format_share(loss.share)} of an epoch the training waits for batches that workers have loaded "
        f"already{way}{idle}."
    )


def _describe_transfer(facts: Facts, loss: Loss) -> str:
    return (
        f"The copy to the device takes {format_time(facts.transfer_s)} of a batch's "
        f"{format_time(facts.steady_s)}, {format_share(loss.share)} of an epoch."
    )


def _describe_step(facts: Facts, loss: Loss) -> str:
    # The step alone tells it too, and may differ. So the sentence names its source.
    return (
        f"The step takes {format_time(facts.step_s)} a batch, {format_share(loss.share)} of an epoch; by the "
        f"parts of an epoch, a faster loader would save {format_share(max(0.0, find_loader_share(facts)))} "
        "at most."
    )


def _describe_balance(facts: Facts, loss: Loss) -> str:
    del loss
    step_s = facts.step_s + facts.transfer_s
    return (
        f"The step takes {format_time(step_s)} a batch and the loader alone "
        f"{format_time(facts.loader_s or 0.0)}, so neither of them alone can make the training much faster."
    )


def _describe_stragglers(facts: Facts, loss: Loss) -> str:
    del loss
    traces = [trace for one in facts.blocks for trace in one.traces if trace.is_inside_known]
    marks = [mark_stragglers(trace) for trace in traces]
    count = sum(int(slow.sum()) for slow in marks)
    loads = np.concatenate([trace.load_s for trace in traces])
    slow_s = np.concatenate([trace.load_s[slow] for trace, slow in zip(traces, marks, strict=True)])
    take, them = ("takes", "it") if count == 1 else ("take", "them")
    slowly, usually = (format_time(float(seconds)) for seconds in (np.median(slow_s), np.nanmedian(loads)))
    return (
        f"{count:,} of {format_count(len(loads), 'batch')} {take} {slowly} to load where others take "
        f"{usually}, and the training waits for {them}."
    )


def _describe_few_workers(facts: Facts, loss: Loss) -> str:
    step_s = format_time(facts.steady_s - facts.loading_s - facts.contention_s)
    now, then = facts.setup.num_workers, loss.num_workers or 0
    stage = max(facts.stages, key=lambda one: one.batch_s, default=None)
    most = f", most of it in {stage.name}" if stage is not None else ""
    return (
        f"A batch takes {format_time(facts.load_s)} to load{most}, and {step_s} to train on; "
        f"{format_workers(then)} instead of {now or 'none'} would hide the loading behind the step."
    )


def _describe_many_workers(facts: Facts, loss: Loss) -> str:
    setup = facts.setup
    if loss.num_workers is None:
        return (
            f"The step takes {format_time(facts.step_s)} beside busy workers and "
            f"{format_time(facts.alone_s or 0.0)} alone, and {_say_what_threads_cost(facts)}: "
            f"{setup.num_threads} threads of the step and {format_workers(setup.num_workers)} share "
            f"{format_cores(setup.cores)}."
        )
    ends_s = facts.start_s + facts.teardown_s
    costs = (
        f"starting and ending them takes {format_time(ends_s)} of an epoch of {format_time(facts.epoch_s)}"
    )
    if facts.alone_s is not None and facts.find_share(facts.contention_s) > ends_s / facts.epoch_s:
        beside, alone = format_time(facts.step_s), format_time(facts.alone_s)
        costs = f"the step takes {beside} beside them and {alone} alone"
    return (
        f"{format_workers(setup.num_workers)} share {format_cores(setup.cores)}, and {costs}; "
        f"{format_workers(loss.num_workers)} would be faster."
    )


def _say_what_threads_cost(facts: Facts) -> str:
    gains = {
        number: gain.median
        for number in facts.predictor.tried_threads
        if (gain := facts.predictor.predict(num_threads=number)) is not None and gain.median > 1
    }
    if not gains:
        return "an epoch uses more CPU time than its loading and its step alone do"
    best = max(gains, key=lambda number: gains[number])
    return f"a trial with {format_count(best, 'torch thread')} was {format_ratio(gains[best])} times as fast"


def _describe_starvation(facts: Facts, loss: Loss) -> str:
    del loss
    others = format_share(find_other_share(facts) or 0.0)
    if facts.delayed_share is None:
        return f"Others took {others} of the cores' time, and no core was free."
    return (
        f"Others took {others} of the cores' time; loading was ready and had no core for "
        f"{format_share(facts.delayed_share)} of its time, of which own processes explain "
        f"{format_share(find_own_delay(facts))}."
    )


def _describe_unknown(facts: Facts, loss: Loss) -> str:
    del loss
    share = format_share(facts.find_share(facts.wait_s))
    return f"The training waits {share} of an epoch for its loader, whose inside can't be seen."
