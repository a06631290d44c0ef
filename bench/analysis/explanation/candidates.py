"""Candidates: changes that the evidence suggests, each with the gain that a replay predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from bench.analysis.evidence import LoaderSetup
from bench.analysis.explanation.explanation import Advice
from bench.analysis.explanation.facts import Facts, LoadStage
from bench.analysis.explanation.pilots import make_pilot
from bench.analysis.explanation.words import format_workers
from bench.analysis.explanation.worker_counts import list_numbers
from bench.text import format_bytes, format_count, format_share

# Numbers of workers are tried up to so many times the cores, where loading waits rather than computes; and up
# to this number in any case.
MOST_TIMES_CORES, MOST_WORKERS = 8, 64
PREFETCH_FACTORS = (4, 8)
# A stage is worth a candidate from this share of the loading on.
STAGE_MATTERS = 0.15
# The same for a start-up, a transfer or a slower step, by their share of an epoch.
SHARE_MATTERS = 0.03
# What stands beside a gain that takes some loading for none.
THE_MOST = "It is the most that this can bring."
# What an iterable dataset owes several workers.
DIVIDE = "An iterable dataset has to divide its samples by get_worker_info(), else each worker yields all."


def list_candidates(facts: Facts) -> Iterator[Advice]:
    """Yield changes, in no order. Those that can't be predicted have no gain, and say why."""
    if facts.setup.has_dataloader:
        yield from _change_workers(facts)
        yield from _change_queue(facts)
        yield from _change_start(facts)
    yield from _change_threads(facts)
    yield from _change_transfer(facts)
    yield from _keep_in_memory(facts)
    yield from _hasten_stages(facts)


def suggest_workers(facts: Facts, **changes: Any) -> int | None:
    """Return the smallest number of workers that is nearly the best; None where it can't be predicted.

    Args:
        facts: means of what was measured.
        changes: other changes that are made with it, as fields of Change.
    """
    return facts.predictor.best_workers(list_numbers(0, _find_most_workers(facts)), **changes)


def make_worker_change(setup: LoaderSetup, number: int) -> Advice:
    """Return the change to another number of workers, with no gain yet."""
    change = f"{format_workers(number)} instead of {setup.num_workers or 'none'}"
    # One reader, as now, has nothing to divide.
    is_divided = setup.map_style or setup.num_workers > 1 or number <= 1
    return Advice(
        change, "workers", None, setup.family, {"num_workers": number}, "" if is_divided else DIVIDE
    )


def _change_workers(facts: Facts) -> Iterator[Advice]:
    now = facts.setup.num_workers
    best = suggest_workers(facts)
    if best is None:
        return
    # To show that more would not help either.
    numbers = {best} if best > now else {best, now + 1}
    if best == now:
        numbers.add(max(0, now - 1))
    for number in sorted(numbers - {now}):
        advice = _predict(facts, make_worker_change(facts.setup, number), num_workers=number)
        if advice is not None:
            gain = 0.0 if advice.gain is None else advice.gain.median
            is_alike = number < now and abs(gain - 1) <= SHARE_MATTERS
            yield replace(advice, note="It is as fast with fewer processes.") if is_alike else advice


def _find_most_workers(facts: Facts) -> int:
    """Return the largest number of workers that is worth trying: those that keep all cores busy, and more."""
    setup = facts.setup
    cores = max(1.0, setup.cores)
    computing = facts.cpu_s / facts.load_s if facts.cpu_s is not None and facts.load_s else 1.0
    enough = 2 * cores / max(computing, 2 / MOST_TIMES_CORES)
    return int(min(MOST_WORKERS, max(enough, setup.num_workers + 1)))


def _change_queue(facts: Facts) -> Iterator[Advice]:
    setup = facts.setup
    if not setup.num_workers:
        return
    now = setup.prefetch_factor or 2
    family = setup.family
    found = [
        advice
        for factor in PREFETCH_FACTORS
        if factor > now
        and (
            advice := _predict(
                facts,
                Advice(
                    f"prefetch_factor {factor} instead of {now}",
                    "prefetch",
                    None,
                    family,
                    {"prefetch_factor": factor},
                    _describe_queue_memory(facts, factor),
                ),
                prefetch_factor=factor,
            )
        )
        is not None
    ]
    if found:
        yield max(found, key=lambda advice: advice.gain.median if advice.gain else 0.0)
    if setup.in_order and setup.num_workers > 1:
        note = "Batches then come in another order from run to run."
        change = Advice("in_order=False", "in order", None, family, {"in_order": False}, note)
        if (advice := _predict(facts, change, in_order=False)) is not None:
            yield advice


def _describe_queue_memory(facts: Facts, factor: int) -> str:
    size = _find_batch_bytes(facts)
    if size is None:
        return ""
    batches = factor * facts.setup.num_workers
    return f"Up to {batches} batches then wait in memory, {format_bytes(int(batches * size))}."


def _change_start(facts: Facts) -> Iterator[Advice]:
    setup = facts.setup
    if not setup.num_workers or setup.persistent_workers:
        return
    note = "It pays from the second epoch on, and workers keep their memory between epochs."
    change = Advice(
        "persistent_workers=True", "persistent", None, setup.family, {"persistent_workers": True}, note
    )
    if (advice := _predict(facts, change, persistent_workers=True)) is not None:
        yield advice
    share = facts.start_s / facts.epoch_s
    if setup.multiprocessing_context in ("spawn", "forkserver") and share >= SHARE_MATTERS:
        change = Advice(
            "workers that are forked",
            "start method",
            None,
            setup.family,
            {"multiprocessing_context": "fork"},
            f"Imports of workers take {format_share(share)} of an epoch.",
        )
        yield _try(facts, change) or replace(
            change, note=f"{change.note} How long a fork takes isn't measured."
        )


def _change_threads(facts: Facts) -> Iterator[Advice]:
    """Yield fewer threads of the step, alone and with the number of workers that suits them."""
    setup = facts.setup
    tried = facts.predictor.tried_threads
    for threads in tried:
        change = f"{format_count(threads, 'torch thread')} instead of {setup.num_threads}"
        best = suggest_workers(facts, num_threads=threads)
        if best is not None and best != setup.num_workers:
            both = make_worker_change(setup, best)
            both = replace(
                both, change=f"{both.change}, and {change}", knobs={**both.knobs, "num_threads": threads}
            )
            if (found := _predict(facts, both, num_workers=best, num_threads=threads)) is not None:
                yield found
        if setup.num_workers:
            alone = Advice(change, "threads", None, setup.family, {"num_threads": threads})
            if (found := _predict(facts, alone, num_threads=threads)) is not None:
                yield found
    share = facts.find_share(facts.contention_s)
    if setup.num_threads > 1 and setup.num_workers and share >= SHARE_MATTERS and not tried:
        yield Advice(
            f"fewer threads of the step than {setup.num_threads}",
            "threads",
            None,
            setup.family,
            {"num_threads": max(1, setup.num_threads // 2)},
            f"The step is slower beside workers than alone by {format_share(share)} of an epoch; how fewer "
            "threads change that isn't measured.",
        )


def _change_transfer(facts: Facts) -> Iterator[Advice]:
    setup = facts.setup
    share = facts.find_share(facts.transfer_s)
    if setup.device == "cuda" and not setup.pin_memory and setup.has_dataloader and share >= SHARE_MATTERS:
        note = f"Copies to the device take {format_share(share)} of an epoch; it can save no more than that."
        change = Advice("pin_memory=True", "pinning", None, setup.family, {"pin_memory": True}, note)
        yield _try(facts, change) or change


def _keep_in_memory(facts: Facts) -> Iterator[Advice]:
    setup = facts.setup
    if setup.in_memory_bytes is None or setup.family == "in_memory":
        return
    note = f"All samples, decoded once, take {format_bytes(setup.in_memory_bytes)} of memory."
    change = Advice("samples kept in memory", "in memory", None, "in_memory", {}, note)
    if (advice := _try(facts, change)) is not None:
        yield advice
        return
    # Decoding them all takes too long to be tried.
    most = replace(change, note=f"{note} {THE_MOST}")
    if facts.load_s and (advice := _predict(facts, most, num_workers=0, load_factor=0.0)) is not None:
        yield advice


def _hasten_stages(facts: Facts) -> Iterator[Advice]:
    """Yield the stages that take much of the loading, as if they took no time.

    How much faster a stage can be made is up to its author. So its gain is the most that it can bring.
    """
    for stage in facts.stages:
        if facts.load_s and stage.batch_s >= STAGE_MATTERS * facts.load_s:
            change, kind = _name_faster(facts, stage)
            advice = Advice(change, kind, None, facts.setup.family, {}, THE_MOST)
            if (predicted := _predict(facts, advice, without={stage.key})) is not None:
                yield predicted


def _name_faster(facts: Facts, stage: LoadStage) -> tuple[str, str]:
    if stage.stage == "fetch" and facts.setup.map_style and not facts.setup.fetches_batches:
        return "fetching whole batches by __getitems__, in no time", "batched fetch"
    return f"a {stage.name} that takes no time", stage.stage


def _find_batch_bytes(facts: Facts) -> float | None:
    sizes = [trace.num_bytes for one in facts.blocks for trace in one.traces if len(trace.num_bytes)]
    mean = float(np.nanmean(np.concatenate(sizes))) if sizes else np.nan
    return None if np.isnan(mean) else mean


def _predict(facts: Facts, advice: Advice, **changes: Any) -> Advice | None:
    """Return the advice with its predicted gain; None where it can't be predicted."""
    gain = facts.predictor.predict(**changes)
    if gain is None:
        return None
    return replace(advice, gain=gain, basis=facts.predictor.describe_basis(**changes))


def _try(facts: Facts, advice: Advice) -> Advice | None:
    """Return the advice with the gain that a pilot has shown; None where there was none."""
    change = make_pilot(advice.family, **advice.knobs)
    gain = facts.predictor.predict_pilot(change)
    return None if gain is None else replace(advice, gain=gain, basis=facts.predictor.describe_pilot(change))
