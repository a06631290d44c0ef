"""Made-up tunings of every verdict, for tests of their reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Fate, Outcome
from bench.analysis.tuning.tuning import Candidate, Exhaustive, StageFacts, Tuning
from bench.plan.infeasible import Infeasible

CODE = ("torch.set_num_threads(1)", "DataLoader(dataset, batch_size=64, num_workers=2)")
YOURS = Confirmation(Estimate(1000.0, 980.0, 1020.0, 8), Estimate(1.0, 1.0, 1.0, 8))


def make_candidates(count: int) -> tuple[Candidate, ...]:
    """Return candidates over four knobs; the first is the present one."""
    grid = [
        {
            "num_workers": str(workers),
            "num_threads": str(threads),
            "prefetch_factor": str(prefetch) if workers else "none",
            "persistent_workers": persistent,
        }
        for persistent in ("off", "on")
        for prefetch in (2, 4, 8)
        for threads in (2, 1, 4)
        for workers in (0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24)
    ][:count]
    present = grid[0]
    found = []
    for cells in grid:
        changes = {name: value for name, value in cells.items() if value != present[name]}
        name = " ".join(f"{name}={value}" for name, value in cells.items() if value not in ("none", "off"))
        found.append(Candidate(name, cells, changes, 1 + int(cells["num_workers"])))
    return tuple(found)


def make_gain(count: int = 24) -> Tuning:
    """Return a confirmed gain: of many candidates, the screen keeps 16."""
    candidates = make_candidates(count)
    is_screened = count > 24
    raced = min(count, 16 if is_screened else 24)
    leader, cheapest = (2, 1) if count > 2 else (1, 1)
    fates = {}
    for number in range(count):
        workers = int(candidates[number].cells["num_workers"])
        ratio = 0.6 + 1.1 * math.exp(-abs(workers - 2) / 6) - 0.003 * number if number else 1.0
        screened = ratio * (1.02 if number % 2 else 0.98) if is_screened and number else None
        if number >= raced:
            fates[number] = Fate("screened", screen_ratio=screened)
        elif number in (leader, cheapest):
            fates[number] = Fate("tied", "", screened, ratio, 9)
        else:
            fates[number] = Fate("slower", "", screened, ratio, 3 + number % 6)
    outcome = Outcome(
        leader=leader,
        cheapest=cheapest,
        chosen=cheapest,
        tied=tuple(dict.fromkeys((leader, cheapest))),
        fates=fates,
        verdict="gain",
        stop="regret",
        regret_bound=0.021,
        race_blocks=9,
        confirm_blocks=8,
        confirmed={
            0: YOURS,
            leader: Confirmation(Estimate(1540.0, 1500.0, 1580.0, 8), Estimate(1.54, 1.49, 1.60, 8)),
            cheapest: Confirmation(Estimate(1520.0, 1480.0, 1560.0, 8), Estimate(1.52, 1.47, 1.58, 8)),
        },
        raced=raced,
        noise=0.021,
    )
    return Tuning(
        name="train.py:train_loader",
        device="cpu",
        step="12ms",
        cores=2.0,
        candidates=candidates,
        infeasible=(),
        outcome=outcome,
        regret=0.03,
        confidence=0.95,
        stages=(
            StageFacts("probe", 3, 12.0),
            *([StageFacts("screen", count + 20, 60.0, 60)] if is_screened else []),
            StageFacts("race", 130, 80.0, 120),
            StageFacts("confirm", 24, 30.0, 938, True),
        ),
        ceiling_share=Estimate(0.92, 0.90, 0.94, 8),
        code=CODE,
    )


def make_large() -> Tuning:
    """Return a confirmed gain among 200 candidates."""
    return make_gain(200)


def make_small() -> Tuning:
    """Return a confirmed gain among three candidates."""
    return make_gain(3)


def make_unconfirmed() -> Tuning:
    """Return a tuning whose budget left no fresh blocks."""
    found = make_gain()
    outcome = replace(
        found.outcome,
        verdict="undecided",
        stop="budget",
        confirmed={},
        confirm_blocks=0,
        regret_bound=0.08,
        chosen=0,
    )
    return replace(found, outcome=outcome, ceiling_share=None, code=())


def make_selected() -> Tuning:
    """Return a gain that only the race has shown."""
    found = make_unconfirmed()
    return replace(found, outcome=replace(found.outcome, verdict="gain", chosen=1), code=CODE)


def make_screened() -> Tuning:
    """Return a tuning whose budget left no time for a race: the screen kept 3 and the present one."""
    found = make_large()
    fates = {
        number: Fate("tied" if number in (0, 3) else "screened", "", 1.3 if number == 3 else 1.2)
        for number in range(200)
    }
    outcome = replace(
        found.outcome,
        verdict="undecided",
        fates=fates,
        leader=3,
        cheapest=3,
        chosen=0,
        tied=(),
        confirmed={},
        race_blocks=0,
        regret_bound=None,
        stop="budget",
    )
    return replace(found, outcome=outcome)


def make_nothing() -> Tuning:
    """Return a tuning in which the present configuration leads the race."""
    found = make_gain()
    fates = {number: Fate("slower", "", None, 1 - 0.02 * number, 4) for number in range(24)}
    fates[0], fates[1] = Fate("tied", "", None, 1.0, 12), Fate("tied", "", None, 0.99, 12)
    outcome = replace(
        found.outcome, leader=0, cheapest=0, chosen=0, tied=(0, 1), fates=fates, verdict="nothing",
        race_blocks=12, confirmed={}, confirm_blocks=0,
    )  # fmt: skip
    return replace(found, outcome=outcome, ceiling_share=None, code=())


def make_nothing_confirmed() -> Tuning:
    """Return a tuning whose leader is no faster in fresh blocks."""
    found = make_gain()
    confirmed = {
        0: YOURS,
        2: Confirmation(Estimate(1005.0, 980.0, 1020.0, 8), Estimate(1.005, 0.98, 1.02, 8)),
    }
    fates = {**found.outcome.fates, 0: Fate("tied", "", None, 1.0, 9)}
    outcome = replace(
        found.outcome, chosen=0, cheapest=0, tied=(2, 0), fates=fates, verdict="nothing", confirmed=confirmed
    )
    return replace(found, outcome=outcome, code=(), ceiling_share=Estimate(0.995, 0.97, 1.01, 8))


def make_undecided() -> Tuning:
    """Return a tuning whose fresh blocks decide nothing."""
    found = make_gain()
    confirmed = {
        0: YOURS,
        2: Confirmation(Estimate(1050.0, 940.0, 1180.0, 6), Estimate(1.05, 0.94, 1.18, 6)),
    }
    outcome = replace(
        found.outcome, chosen=0, cheapest=2, tied=(2, 1), verdict="undecided", confirmed=confirmed,
        stop="budget", regret_bound=0.09, confirm_blocks=6,
    )  # fmt: skip
    return replace(found, outcome=outcome, code=())


def make_interrupted() -> Tuning:
    """Return a tuning that the user ended in its second block."""
    candidates = make_candidates(24)
    fates = {number: Fate("tied", "", None, 1 + number / 100, 1) for number in range(7)}
    outcome = Outcome(
        leader=6, cheapest=6, chosen=0, tied=tuple(range(6, -1, -1)), fates=fates, verdict="undecided",
        stop="interrupted", regret_bound=None, race_blocks=1, confirm_blocks=0, raced=24,
    )  # fmt: skip
    return Tuning(
        name="tensor_slice", device="cpu", step="none", cores=1.5, candidates=candidates, infeasible=(),
        outcome=outcome, regret=0.03, confidence=0.95, stages=(StageFacts("race", 7, 9.0, 40),),
        interrupted=True,
    )  # fmt: skip


def make_infeasible() -> Tuning:
    """Return a tuning with candidates that don't fit, fail, are capped or weren't tried."""
    found = make_large()
    fates = dict(found.outcome.fates)
    fates[5] = Fate("failed", "RuntimeError: DataLoader worker exited unexpectedly [x]", 1.2, None, 0)
    fates[6] = Fate("failed", "RuntimeError: DataLoader worker exited unexpectedly [x]", 1.1, None, 0)
    fates[7] = Fate("capped", "", 0.3, 0.25, 2)
    fates.update({number: Fate("unseen") for number in range(190, 200)})
    left_out = (
        Infeasible(
            ("num_workers=32", "num_workers=48"), "needs 3.1 GiB of /dev/shm, 80% of what is free is 1 GiB"
        ),
        Infeasible(("in_memory=on",), "needs 12 GiB of memory, the limit is 8 GiB"),
    )
    cautions = ("Another program took 31% of the CPU during the race.",)
    return replace(found, outcome=replace(found.outcome, fates=fates), infeasible=left_out, cautions=cautions)


def make_exhaustive() -> Tuning:
    """Return a tuning with the whole grid measured after it."""
    return replace(make_large(), exhaustive=Exhaustive(4, 1260.0, 200, 2, 0.013, 1.55, 0.144))


def make_alone() -> Tuning:
    """Return a tuning with no other candidate than the present one."""
    outcome = Outcome(
        leader=0, cheapest=0, chosen=0, tied=(0,), fates={0: Fate("tied")}, verdict="nothing", stop="none",
        regret_bound=None, race_blocks=0, confirm_blocks=0, raced=1,
    )  # fmt: skip
    return Tuning(
        name="train.py", device="cuda", step="script", cores=8.0, candidates=make_candidates(1),
        infeasible=(), outcome=outcome, regret=0.03, confidence=0.95, stages=(),
    )  # fmt: skip


ALL: dict[str, Callable[[], Tuning]] = {
    "gain": make_gain,
    "large": make_large,
    "small": make_small,
    "unconfirmed": make_unconfirmed,
    "selected": make_selected,
    "nothing": make_nothing,
    "nothing_confirmed": make_nothing_confirmed,
    "undecided": make_undecided,
    "interrupted": make_interrupted,
    "infeasible": make_infeasible,
    "exhaustive": make_exhaustive,
    "alone": make_alone,
}
