"""Starvation: what an epoch loses to others that take its cores."""

from __future__ import annotations

import math

from bench.analysis.explanation.facts import Facts
from bench.analysis.replay.change import OTHERS

# Others matter from this share of the cores' time on, as for the column `disturbed`.
OTHERS_MATTER = 0.10
# Cores count as all busy from this share on: threads that start and end leave some of it idle.
ALL_BUSY = 0.80


def find_starved_share(facts: Facts) -> float:
    """Return the share of a whole epoch that others cost which take its cores.

    It is what a replay with all cores saves. No more counts than threads of the loading were ready and had no
    core, beyond what own demand explains. Where that isn't known, all cores have to be busy.
    """
    others = find_other_share(facts)
    if others is None or others < OTHERS_MATTER:
        return 0.0
    own = find_own_share(facts)
    # With the others' CPU time as its own, the training could be so much faster at most.
    most = others / (own + others) if own is not None and own > 0 else others
    if facts.delayed_share is None and not are_cores_taken(facts):
        return 0.0
    if facts.delayed_share is not None:
        most = min(most, find_delay_loss(facts))
    saving = facts.find_saving(without={OTHERS})
    # A replay that knows a mean share of the others alone misses their bursts, so it may say too little.
    return most if saving is None else max(0.0, min(most, max(saving, most / 2)))


def are_cores_taken(facts: Facts) -> bool:
    """Return True if others took much of the cores' time and left none free."""
    others, own = find_other_share(facts), find_own_share(facts)
    return others is not None and others >= OTHERS_MATTER and own is not None and own + others >= ALL_BUSY


def find_delay_loss(facts: Facts) -> float:
    """Return the share of a whole epoch that delays by others cost.

    A delay costs no more than the loading that the training waits for. The step is delayed like the loading,
    as far as it computes.
    """
    extra = max(0.0, (facts.delayed_share or 0.0) - find_own_delay(facts))
    step_cores = facts.step_cores or 0.0
    step_share = facts.find_share(facts.step_s) * min(1.0, step_cores)
    if facts.setup.num_workers == 0:
        return extra * (facts.find_share(facts.load_s) + step_share)
    loading_share = facts.find_share(facts.loading_s + facts.contention_s)
    return max(min(extra, loading_share), extra * step_share)


def find_own_delay(facts: Facts) -> float:
    """Return the share of the loading's time that it waits for a core because of own processes alone."""
    setup = facts.setup
    if not setup.num_workers or facts.cpu_s is None or not facts.load_s:
        return 0.0
    undelayed_s = facts.load_s * (1 - (facts.delayed_share or 0.0))
    computing = min(1.0, facts.cpu_s / undelayed_s) if undelayed_s > 0 else 1.0
    workers = setup.num_workers * computing * (1 - (facts.idle_share or 0.0))
    step = (facts.step_cores or 0.0) * facts.find_share(facts.step_s)
    return max(0.0, 1 - setup.cores / (workers + step)) if workers + step > 0 else 0.0


def find_other_share(facts: Facts) -> float | None:
    """Return the share of the cores' time that others took in a typical block; None if unknown."""
    shares = sorted(one.other_share for one in facts.blocks if one.other_share is not None)
    # The lower of two in the middle, so that one disturbed block of two says nothing.
    return shares[(len(shares) - 1) // 2] if shares else None


def find_own_share(facts: Facts) -> float | None:
    """Return the share of the cores' time that the training used; None if unknown."""
    used = [one.cpu_s / one.wall_s for one in facts.blocks if one.cpu_s is not None]
    return math.fsum(used) / len(used) / facts.setup.cores if used and facts.setup.cores else None
