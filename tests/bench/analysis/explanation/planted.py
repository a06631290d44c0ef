"""Made-up loaders with a planted cause of random strength, for tests of the diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.analysis.evidence import Evidence
from bench.analysis.explanation.block_figures import compute_figures
from bench.analysis.explanation.diagnosis import diagnose
from bench.analysis.explanation.explanation import Cause, Diagnosis
from bench.analysis.explanation.facts import Facts, gather_facts
from bench.analysis.explanation.ladder import find_ladder
from bench.analysis.explanation.parts import find_parts
from bench.analysis.replay.predictor import Predictor
from tests.bench.analysis.replay.traces import MadeUpLoader

Random = np.random.Generator
NOISE = 0.03
TRANSFORMS = {"Crop": 0.001, "Flip": 0.001, "ToTensor": 0.001}
BASE = MadeUpLoader(
    fetch_s=0.002, collate_s=0.001, step_s=0.003, cores=2, start_s=0.01, end_s=0.004, noise=NOISE
)


def gather(evidence: Evidence) -> Facts:
    """Return the facts of some evidence, as explain() gathers them."""
    blocks = compute_figures(evidence)
    setup = evidence.setup
    return gather_facts(
        setup, blocks, Predictor(evidence), find_parts(setup, blocks), find_ladder(setup, blocks)
    )


def diagnose_loader(loader: MadeUpLoader, **changes) -> Diagnosis:
    """Return the diagnosis of a made-up loader."""
    return diagnose(gather(loader.make_evidence(**changes)))


def plant_fetch(random: Random) -> MadeUpLoader:
    """Loading that more workers than one more would have to hide."""
    return replace(BASE, fetch_s=random.uniform(0.016, 0.1), cpu={"fetch": random.uniform(0, 1)})


def plant_transform(random: Random) -> MadeUpLoader:
    """One transform of three is slow."""
    slow = dict(TRANSFORMS, Flip=random.uniform(0.018, 0.1))
    return replace(BASE, transforms=slow, cpu={"Flip": random.uniform(0, 1)})


def plant_collate(random: Random) -> MadeUpLoader:
    """A slow collate function."""
    return replace(BASE, collate_s=random.uniform(0.016, 0.1), cpu={"collate": random.uniform(0, 1)})


def plant_transport(random: Random) -> MadeUpLoader:
    """The training process takes long to receive a batch."""
    return replace(BASE, hand_s=random.uniform(0.0015, 0.02))


def plant_transfer(random: Random) -> MadeUpLoader:
    """A slow copy to the device."""
    return replace(BASE, transfer_s=random.uniform(0.0015, 0.02))


def plant_step(random: Random) -> MadeUpLoader:
    """Loading that two workers hide behind the step."""
    step_s = random.uniform(0.006, 0.05)
    return replace(BASE, step_s=step_s, start_s=0.0005, end_s=0.0005)


def plant_start_up(random: Random) -> MadeUpLoader:
    """Workers that take long to start."""
    return replace(BASE, start_s=random.uniform(0.08, 1.0))


def plant_stragglers(random: Random) -> MadeUpLoader:
    """Two batches of 64 are slow by far."""
    slow = {
        int(batch): random.uniform(0.06, 0.3) for batch in random.choice(np.arange(8, 60), 2, replace=False)
    }
    return replace(BASE, slow=slow)


def plant_few_workers(random: Random) -> MadeUpLoader:
    """One more worker would hide the loading."""
    workers = int(random.integers(1, 4))
    step_s = random.uniform(0.004, 0.02)
    # With one more worker, 5 to 10% of the step are to spare.
    load_s = random.uniform(0.90, 0.95) * step_s * (workers + 1)
    return replace(
        BASE, num_workers=workers, step_s=step_s, fetch_s=load_s - BASE.collate_s, cpu={"fetch": 0.1}, cores=8
    )


def plant_many_workers(random: Random) -> MadeUpLoader:
    """Many workers that start one after another, where two would do."""
    workers = int(random.integers(8, 24))
    return replace(BASE, num_workers=workers, start_s=0.012 * workers, end_s=0.002 * workers, step_s=0.004)


def plant_starved(random: Random) -> MadeUpLoader:
    """Workers that compute, beside a neighbour that takes a core."""
    fetch_s = random.uniform(0.008, 0.03)
    return replace(
        BASE,
        fetch_s=fetch_s,
        step_s=0.6 * fetch_s,
        delayed_s=random.uniform(0.6, 1.0) * fetch_s,
        other_cpu_share=0.45,
    )


def plant_balance(random: Random) -> MadeUpLoader:
    """Two workers take as long as the step."""
    step_s = random.uniform(0.006, 0.03)
    load_s = 2 * step_s * random.uniform(0.93, 0.98)
    return replace(
        BASE, step_s=step_s, fetch_s=load_s - BASE.collate_s, cpu={"fetch": 0.0, "collate": 0.0}, batches=200,
        persistent_workers=True,
    )  # fmt: skip


PLANTS: dict[Cause, Callable[[Random], MadeUpLoader]] = {
    Cause.FETCH: plant_fetch,
    Cause.TRANSFORM: plant_transform,
    Cause.COLLATE: plant_collate,
    Cause.TRANSPORT: plant_transport,
    Cause.TRANSFER: plant_transfer,
    Cause.STEP: plant_step,
    Cause.START_UP: plant_start_up,
    Cause.STRAGGLERS: plant_stragglers,
    Cause.FEW_WORKERS: plant_few_workers,
    Cause.MANY_WORKERS: plant_many_workers,
    Cause.STARVED: plant_starved,
    Cause.BALANCED: plant_balance,
}
