"""Predictions from evidence of made-up loaders, against the same loaders once they are changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.evidence import Evidence
from bench.analysis.replay.hand_times import ASSUMED
from bench.analysis.replay.predictor import Predictor
from bench.analysis.replay.start_times import END_S, FORK_S
from bench.records.rung_time import TRANSPORT
from tests.bench.analysis.replay.traces import MadeUpLoader, hide_inside

SLOW_FETCH = MadeUpLoader()
TRANSFORMS = MadeUpLoader(
    fetch_s=0.002, transforms={"Resize": 0.003, "RandomCrop": 0.009, "ToTensor": 0.001}, step_s=0.001
)
LOADERS = {
    "slow fetch": SLOW_FETCH,
    "one worker": replace(SLOW_FETCH, num_workers=1),
    "eight workers": replace(SLOW_FETCH, num_workers=8),
    "no workers": replace(SLOW_FETCH, num_workers=0),
    "transforms": TRANSFORMS,
    "slow step": replace(SLOW_FETCH, step_s=0.02),
    "no step": replace(SLOW_FETCH, step_s=0.0),
    "persistent": replace(SLOW_FETCH, persistent_workers=True),
    "slow start": replace(SLOW_FETCH, start_s=1.0, end_s=0.2),
    "slow way": replace(SLOW_FETCH, num_workers=8, hand_s=0.006),
    "transfer": replace(SLOW_FETCH, num_workers=8, transfer_s=0.006),
    "stragglers": replace(SLOW_FETCH, num_workers=4, slow={20: 0.2, 41: 0.2}),
    "out of order": replace(SLOW_FETCH, num_workers=4, slow={20: 0.2, 41: 0.2}, in_order=False),
    "slow first batches": replace(SLOW_FETCH, first_s=0.1),
}


def find_gain(loader: MadeUpLoader, **changes) -> float:
    """Return what a change of a made-up loader gains in truth."""
    return loader.make_trace(1).wall_s / replace(loader, **changes).make_trace(1).wall_s


def predict(loader: MadeUpLoader, **changes) -> float:
    """Return the predicted gain of a change."""
    return Predictor(loader.make_evidence()).predict(**changes).median


@pytest.mark.parametrize("name", LOADERS)
def test_the_present_configuration_is_reproduced(name) -> None:
    """The replay is within 2% of what was measured, and changing nothing gains nothing."""
    predictor = Predictor(LOADERS[name].make_evidence())
    assert predictor.error == pytest.approx(0, abs=0.02)
    assert predictor.is_trusted
    assert predictor.predict().median == pytest.approx(1)


@pytest.mark.parametrize("name", [name for name, loader in LOADERS.items() if loader.num_workers])
@pytest.mark.parametrize("num_workers", [1, 2, 3, 4, 16])
def test_another_number_of_workers(name, num_workers) -> None:
    """The start takes as long for each worker here, whatever their number."""
    loader = LOADERS[name]
    starts = {"start_s": loader.start_s * num_workers / loader.num_workers}
    ends = {"end_s": loader.end_s * num_workers / loader.num_workers}
    if loader.persistent_workers:
        starts = ends = {}
    gain = find_gain(loader, num_workers=num_workers, **starts, **ends)
    assert predict(loader, num_workers=num_workers) == pytest.approx(gain, rel=0.03)


def test_the_first_workers_and_the_last() -> None:
    """Without workers, their start and the way of batches are assumed; with them, both fall away."""
    loader = replace(SLOW_FETCH, batches=400)
    alone = replace(loader, num_workers=0)
    gain = find_gain(alone, num_workers=4, start_s=4 * FORK_S, end_s=4 * END_S, hand_s=ASSUMED.hand_s)
    assert predict(alone, num_workers=4) == pytest.approx(gain, rel=0.02)
    assert predict(loader, num_workers=0) == pytest.approx(find_gain(loader, num_workers=0), rel=0.03)


@pytest.mark.parametrize("prefetch_factor", [1, 4, 8])
def test_another_prefetch_factor(prefetch_factor) -> None:
    """It decides how much of a straggler is hidden."""
    loader = LOADERS["stragglers"]
    gain = find_gain(loader, prefetch_factor=prefetch_factor)
    assert predict(loader, prefetch_factor=prefetch_factor) == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize("name", ["stragglers", "out of order", "slow fetch"])
@pytest.mark.parametrize("in_order", [True, False])
def test_order(name, in_order) -> None:
    """A straggler holds nothing up once others may pass it."""
    loader = LOADERS[name]
    gain = find_gain(loader, in_order=in_order)
    assert predict(loader, in_order=in_order) == pytest.approx(gain, rel=0.03)


def test_persistent_workers_save_their_start() -> None:
    """Each epoch but the first one begins with workers that are there."""
    loader = LOADERS["slow start"]
    gain = find_gain(loader, persistent_workers=True)
    assert gain > 2
    assert predict(loader, persistent_workers=True) == pytest.approx(gain, rel=0.02)
    assert predict(LOADERS["slow first batches"], persistent_workers=True) == pytest.approx(
        find_gain(LOADERS["slow first batches"], persistent_workers=True), rel=0.02
    )


def test_the_start_is_paid_again_without_persistent_workers() -> None:
    """The first epoch tells what it takes; the end of workers was never seen."""
    loader = replace(LOADERS["slow start"], persistent_workers=True, end_s=0.02)
    gain = find_gain(loader, persistent_workers=False)
    assert predict(loader, persistent_workers=False) == pytest.approx(gain, rel=0.02)


@pytest.mark.parametrize(
    ("name", "without", "changes"),
    [
        ("slow fetch", "fetch", {"fetch_s": 0.0}),
        ("slow fetch", "collate", {"collate_s": 0.0}),
        (
            "transforms",
            "transform 2",
            {"transforms": {"Resize": 0.003, "RandomCrop": 0.0, "ToTensor": 0.001}},
        ),
        ("transforms", "RandomCrop", {"transforms": {"Resize": 0.003, "RandomCrop": 0.0, "ToTensor": 0.001}}),
        ("stragglers", "stragglers", {"slow": {}}),
        ("slow start", "start-up", {"start_s": 0.0, "end_s": 0.0}),
        ("slow first batches", "start-up", {"start_s": 0.0, "end_s": 0.0, "first_s": 0.0}),
        ("slow way", "transport", {"hand_s": 0.0}),
        ("transfer", "transfer", {"transfer_s": 0.0}),
        ("slow step", "step", {"step_s": 0.0}),
    ],
)
def test_without_a_cause(name, without, changes) -> None:
    """What a cause costs is what the loader gains without it."""
    loader = LOADERS[name]
    gain = find_gain(loader, **changes)
    assert predict(loader, without={without}) == pytest.approx(gain, rel=0.03)
    saved = Predictor(loader.make_evidence()).predict_share(without={without})
    assert saved.median == pytest.approx(1 - 1 / gain, abs=0.03)
    assert saved.low <= saved.median <= saved.high


def test_a_cause_that_is_not_there_costs_nothing() -> None:
    """No straggler, no transfer, no shortage of cores, no other processes."""
    for without in ("stragglers", "transfer", "cores", "others"):
        assert predict(SLOW_FETCH, without={without}) == pytest.approx(1, abs=1e-6)


def test_a_faster_stage() -> None:
    """Half the time in one stage, or in all of them."""
    halved = {"Resize": 0.003, "RandomCrop": 0.0045, "ToTensor": 0.001}
    gain = find_gain(TRANSFORMS, transforms=halved)
    assert predict(TRANSFORMS, load_factor={"RandomCrop": 0.5}) == pytest.approx(gain, rel=0.02)
    gain = find_gain(SLOW_FETCH, fetch_s=0.004, collate_s=0.0005)
    assert predict(SLOW_FETCH, load_factor=0.5) == pytest.approx(gain, rel=0.02)


def test_another_step() -> None:
    """The epoch of a longer step, over the present one."""
    assert predict(SLOW_FETCH, step_s=0.02) == pytest.approx(find_gain(SLOW_FETCH, step_s=0.02), rel=0.02)


def test_several_changes_at_once() -> None:
    """More workers that live on, without the slow transform."""
    changed = {
        "num_workers": 4,
        "persistent_workers": True,
        "transforms": {"Resize": 0.003, "ToTensor": 0.001},
    }
    found = predict(TRANSFORMS, num_workers=4, persistent_workers=True, without={"RandomCrop"})
    assert found == pytest.approx(find_gain(TRANSFORMS, **changed), rel=0.03)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_workers": -1},
        {"num_workers": 0, "prefetch_factor": 4},
        {"num_workers": 0, "in_order": False},
        {"prefetch_factor": 0},
        {"without": {"transform 4"}},
        {"without": {"decode"}},
        {"load_factor": {"decode": 0.5}},
        {"load_factor": -1.0},
        {"step_s": -0.1},
    ],
)
def test_a_change_that_makes_no_sense(changes) -> None:
    """It has no prediction."""
    predictor = Predictor(TRANSFORMS.make_evidence(blocks=3))
    assert predictor.predict(**changes) is None
    assert predictor.predict_share(**changes) is None
    assert predictor.replay_ratios(**changes) == {}
    assert predictor.best_workers([-1]) is None


def test_a_loader_without_an_inside() -> None:
    """A script's own iterable: everything stays unknown."""
    predictor = Predictor(hide_inside(SLOW_FETCH.make_evidence()))
    assert predictor.error is None
    assert not predictor.is_trusted
    assert predictor.predict(num_workers=4) is None
    assert predictor.predict(without={"fetch"}) is None
    assert predictor.break_even_s() is None
    assert predictor.best_workers([1, 2]) is None
    assert predictor.inputs == {}


def test_without_traces() -> None:
    """A look that failed leaves none."""
    evidence = SLOW_FETCH.make_evidence()
    blocks = tuple(replace(block, traces=()) for block in evidence.blocks)
    assert Predictor(replace(evidence, blocks=blocks)).predict(num_workers=4) is None


def with_slower_whole(evidence: Evidence, factor: float) -> Evidence:
    """Return evidence of a configuration that is slower than the replay can explain."""
    blocks = tuple(
        replace(
            block,
            whole=tuple(replace(row, wall_s=factor * row.wall_s) for row in block.whole),
        )
        for block in evidence.blocks
    )
    return replace(evidence, blocks=blocks)


def test_an_error_widens_the_interval() -> None:
    """By the error to each side, as the unexplained part may vanish with the change or stay."""
    evidence = SLOW_FETCH.make_evidence()
    exact = Predictor(evidence).predict(num_workers=4)
    inexact = Predictor(with_slower_whole(evidence, 1.05))
    assert inexact.error == pytest.approx(0.05, abs=0.005)
    wide = inexact.predict(num_workers=4)
    assert wide.median == pytest.approx(exact.median)
    assert wide.high / exact.high == pytest.approx(1.05, rel=0.005)
    assert exact.low / wide.low == pytest.approx(1.05, rel=0.005)


def test_what_is_not_reproduced_is_not_predicted() -> None:
    """Its ratios can be had all the same, for what compares causes."""
    predictor = Predictor(with_slower_whole(SLOW_FETCH.make_evidence(), 1.2))
    assert predictor.error == pytest.approx(0.2, abs=0.01)
    assert not predictor.is_trusted
    assert predictor.predict(num_workers=4) is None
    assert predictor.break_even_s() is None
    assert len(predictor.replay_ratios(num_workers=4)) == 5


def test_few_blocks_have_no_interval() -> None:
    """Unknown stays unknown."""
    found = Predictor(SLOW_FETCH.make_evidence(blocks=2)).predict(num_workers=4)
    assert (found.low, found.high, found.blocks) == (None, None, 2)


def test_a_gain_is_that_of_a_whole_epoch() -> None:
    """The start weighs on 64 batches, and hardly on 6,400."""
    loader = LOADERS["slow start"]
    evidence = loader.make_evidence(epoch_batches=6400)
    assert Predictor(evidence).predict(persistent_workers=True).median < 1.05
    gain = find_gain(replace(loader, batches=6400, start_s=2.0, end_s=0.4), num_workers=2)
    assert gain == pytest.approx(1)
    more = Predictor(evidence).predict(num_workers=4).median
    truth = replace(loader, batches=6400)
    faster = replace(truth, num_workers=4, start_s=2.0, end_s=0.4)
    assert more == pytest.approx(truth.make_trace(1).wall_s / faster.make_trace(1).wall_s, rel=0.03)


def test_seconds_without_a_core_are_not_needed() -> None:
    """Three workers compute on two cores, so that a third of their time is a wait for one."""
    crowd = MadeUpLoader(delayed_s=0.0045, num_workers=3, step_s=0.0, cores=2, start_s=0.0, end_s=0.0)
    predictor = Predictor(crowd.make_evidence())
    assert predictor.error == pytest.approx(0, abs=0.03)
    epoch = predictor.inputs[2][0]
    assert np.median(epoch.load_s) == pytest.approx(0.009)
    assert predictor.predict(num_workers=8).median == pytest.approx(1, abs=0.05)
    assert predictor.predict(without={"cores"}).median == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize("knows_ladder", [True, False])
def test_seconds_without_a_core_that_no_system_tells(knows_ladder) -> None:
    """They are what one process alone on the ladder doesn't wait."""
    crowd = MadeUpLoader(delayed_s=0.0045, num_workers=3, step_s=0.0, cores=2)
    evidence = crowd.make_evidence()
    blocks = tuple(
        replace(
            block,
            traces=tuple(replace(t, delayed_s=np.full(t.batches, np.nan)) for t in block.traces),
            rungs=block.rungs if knows_ladder else (),
        )
        for block in evidence.blocks
    )
    epoch = Predictor(replace(evidence, blocks=blocks)).inputs[2][0]
    assert np.median(epoch.load_s) == pytest.approx(0.009)


def test_a_neighbour_takes_cores() -> None:
    """One of two cores is another's; without it, two workers have one each."""
    crowd = MadeUpLoader(
        delayed_s=0.009, num_workers=2, step_s=0.0, cores=2, other_cpu_share=0.5, start_s=0.0
    )
    predictor = Predictor(crowd.make_evidence())
    assert predictor.error == pytest.approx(0, abs=0.03)
    assert predictor.predict(without={"others"}).median == pytest.approx(2, rel=0.05)


def test_delays_that_cores_do_not_explain_are_kept() -> None:
    """Plenty of cores, and workers that are delayed all the same; without others they aren't."""
    loader = MadeUpLoader(delayed_s=0.003, num_workers=2, start_s=0.0, end_s=0.0)
    predictor = Predictor(loader.make_evidence())
    assert predictor.error == pytest.approx(0, abs=0.02)
    gain = find_gain(loader, num_workers=4)
    assert predictor.predict(num_workers=4).median == pytest.approx(gain, rel=0.02)
    gain = find_gain(loader, delayed_s=0.0)
    assert predictor.predict(without={"others"}).median == pytest.approx(gain, rel=0.02)
    alone = replace(loader, num_workers=0)
    assert Predictor(alone.make_evidence()).error == pytest.approx(0, abs=0.02)
    # Half the work is delayed half as long.
    gain = find_gain(loader, fetch_s=0.0035, delayed_s=0.0015)
    halved = predictor.predict(load_factor=0.5).median
    assert halved == pytest.approx(gain, rel=0.02)


def test_the_ladder_tells_which_stage_computes() -> None:
    """A fetch that waits and a transform that computes: without the fetch, cores bind as before."""
    loader = MadeUpLoader(
        fetch_s=0.006, transforms={"Work": 0.003}, collate_s=0.0, cpu={"fetch": 0.0}, num_workers=8, cores=2,
        step_s=0.0,
    )  # fmt: skip
    epoch = Predictor(loader.make_evidence())
    model = epoch._bases.present.models[0][0]
    assert model.times.cpu["fetch"] == pytest.approx(np.zeros(64), abs=1e-9)
    assert model.times.cpu["transform 1"] == pytest.approx(model.times.stages["transform 1"], rel=0.02)


@pytest.mark.parametrize("num_workers", [1, 4])
def test_break_even_by_hand(num_workers) -> None:
    """A worker's batch takes 9 ms, and 0.2 ms of receiving it are never hidden."""
    loader = replace(SLOW_FETCH, num_workers=num_workers)
    evidence = loader.make_evidence(epoch_batches=20_000)
    found = Predictor(evidence).break_even_s()
    # Either the loader keeps up with 95% of the step's rate, or receiving takes 5% of a batch.
    expected = max(0.95 * 0.009 / num_workers, 0.0002 * 0.95 / 0.05)
    assert found == pytest.approx(expected, rel=0.05)


def test_break_even_of_a_short_epoch() -> None:
    """Its start takes longer than all of its loading, and no step hides a start."""
    loader = replace(SLOW_FETCH, num_workers=1, start_s=2.0, end_s=0.5)
    assert Predictor(loader.make_evidence()).break_even_s() == pytest.approx(0.95 * 0.009, rel=0.05)
    # A single batch is all start.
    assert Predictor(replace(loader, batches=1).make_evidence()).break_even_s() is None


def test_loading_that_takes_no_time() -> None:
    """It has no delays to keep."""
    loader = replace(SLOW_FETCH, fetch_s=0.0, collate_s=0.0)
    assert Predictor(loader.make_evidence()).error == pytest.approx(0, abs=0.05)


def test_break_even_without_workers() -> None:
    """Loading and step take turns, so no step hides the loading."""
    predictor = Predictor(replace(SLOW_FETCH, num_workers=0).make_evidence())
    assert predictor.is_trusted
    assert predictor.break_even_s() is None
    assert predictor.break_even_s(num_workers=1) is not None
    assert Predictor(SLOW_FETCH.make_evidence()).break_even_s(num_workers=0) is None


def test_break_even_holds_in_truth() -> None:
    """At that step the made-up loader reaches 95% of the step's rate, and clearly less a quarter below."""
    loader = replace(TRANSFORMS, batches=2000, num_workers=4, hand_s=2e-5)
    step_s = Predictor(loader.make_evidence(blocks=1)).break_even_s()
    for factor, share in ((1.0, 0.95), (0.75, 0.9)):
        wall_s = replace(loader, step_s=factor * step_s).make_trace(1).wall_s
        reached = 2000 * factor * step_s / wall_s
        assert reached == pytest.approx(share, abs=0.005) if factor == 1.0 else reached < share


def test_best_workers() -> None:
    """The smallest number that hides nine milliseconds behind a step of two."""
    predictor = Predictor(replace(SLOW_FETCH, persistent_workers=True).make_evidence(epoch_batches=5000))
    assert predictor.best_workers([1, 2, 3, 4, 5, 6, 8, 12]) == 5
    assert predictor.best_workers([1, 2]) == 2
    assert predictor.best_workers([]) is None


def test_a_step_is_read_from_traces_where_it_was_not_measured_alone() -> None:
    """It then takes as long in a replay as beside the workers."""
    evidence = replace(SLOW_FETCH, step_s=0.02, step_cores=1.0).make_evidence()
    blocks = tuple(replace(block, step_alone=()) for block in evidence.blocks)
    predictor = Predictor(replace(evidence, blocks=blocks))
    assert predictor.error == pytest.approx(0, abs=0.02)
    epoch = predictor.inputs[2][0]
    assert epoch.step_s.mean() == pytest.approx(0.02, rel=0.01)
    assert epoch.step_cores == pytest.approx(1.0, abs=0.05)


def with_slower_step(evidence: Evidence, factor: float) -> Evidence:
    """Return evidence whose step takes longer beside the workers than alone, on cores enough."""
    faster = tuple(
        replace(row, wall_s=row.wall_s / factor, step_s=row.step_s / factor)
        for row in evidence.blocks[0].step_alone
    )
    return replace(evidence, blocks=tuple(replace(block, step_alone=faster) for block in evidence.blocks))


def test_a_step_is_slower_beside_busy_workers() -> None:
    """By caches and memory: as long as they are busy, and not without them."""
    loader = replace(SLOW_FETCH, step_s=0.012, num_workers=4)
    predictor = Predictor(with_slower_step(loader.make_evidence(epoch_batches=2000), 1.25))
    assert predictor.error == pytest.approx(0, abs=0.02)
    assert predictor.predict(num_workers=8).median == pytest.approx(1, abs=0.02)
    # An idle loader leaves the step alone: 0.2 ms of receiving remain.
    idle = predictor.predict(without={"fetch", "collate"}).median
    assert idle == pytest.approx(0.0122 / (0.012 / 1.25 + 0.0002), rel=0.02)
    # Without workers, loading and the step alone are in series.
    assert predictor.predict(num_workers=0).median == pytest.approx(0.0122 / (0.009 + 0.0096), rel=0.02)


def test_a_slow_way_is_told_by_its_rung() -> None:
    """Where the trace alone would call it a latency."""
    loader = LOADERS["slow way"]
    evidence = loader.make_evidence()
    assert Predictor(evidence).inputs[2][0].hand_s == pytest.approx(0.006, rel=0.01)
    blocks = tuple(
        replace(block, rungs=tuple(rung for rung in block.rungs if rung.rung != TRANSPORT))
        for block in evidence.blocks
    )
    assert Predictor(replace(evidence, blocks=blocks)).error == pytest.approx(0, abs=0.05)


def test_a_cold_epoch_alone() -> None:
    """Explains itself, where no other was measured."""
    evidence = SLOW_FETCH.make_evidence()
    blocks = tuple(
        replace(block, traces=block.traces[:1], whole=block.whole[:1]) for block in evidence.blocks
    )
    assert Predictor(replace(evidence, blocks=blocks)).error == pytest.approx(0, abs=0.02)


def test_cells_that_are_not_known() -> None:
    """A worker's lost record is filled by the others."""
    evidence = SLOW_FETCH.make_evidence()

    def lose(times: np.ndarray) -> np.ndarray:
        kept = times.copy()
        kept[10:13] = np.nan
        return kept

    names = ("begun_s", "fetched_s", "ended_s", "cpu_s", "delayed_s")
    blocks = tuple(
        replace(
            block,
            traces=tuple(
                replace(t, **{name: lose(getattr(t, name)) for name in names}) for t in block.traces
            ),
        )
        for block in evidence.blocks
    )
    predictor = Predictor(replace(evidence, blocks=blocks))
    assert predictor.error == pytest.approx(0, abs=0.02)
    assert np.isfinite(predictor.inputs[2][0].load_s).all()
