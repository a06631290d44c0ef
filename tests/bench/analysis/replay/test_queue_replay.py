"""Replays of epochs: by hand, by the recursion, and against a simulation that counts ticks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.replay.capped_replay import replay_capped
from bench.analysis.replay.free_cores import replay_free
from bench.analysis.replay.queue_replay import ReplayInput, replay_epoch
from tests.bench.analysis.replay.traces import MadeUpLoader, run_loader


def make_epoch(load_s, step_s=0.0, **changes) -> ReplayInput:
    """Return an epoch whose workers wait only, on plenty of cores."""
    load_s = np.asarray(load_s, dtype=float)
    epoch = ReplayInput(
        load_s=load_s, cpu_s=np.zeros(len(load_s)), step_s=np.full(len(load_s), float(step_s)),
        step_cores=0.0, hand_s=0.0, num_workers=1, prefetch_factor=2, in_order=True, cores=1000.0,
    )  # fmt: skip
    return replace(epoch, **changes)


def compute_endless(epoch: ReplayInput) -> ReplayInput:
    """Return the epoch with workers that compute all the time."""
    return replace(epoch, cpu_s=epoch.load_s.copy())


def test_two_workers_by_hand() -> None:
    """Batches of 3, 1, 3 and 1 seconds: the third begins once the first is handed out, as P = 1."""
    replay = replay_epoch(make_epoch([3, 1, 3, 1], num_workers=2, prefetch_factor=1, start_s=1, end_s=0.5))
    assert replay.arrived_s.tolist() == [4, 4, 7, 7]
    assert replay.wait_s.tolist() == [3, 0, 3, 0]
    assert replay.begun_s.tolist() == [1, 1, 4, 4]
    assert replay.wall_s == 7.5


def test_out_of_order_by_hand() -> None:
    """The fast worker's batches pass the slow first one, and the slow worker gets no more than P."""
    replay = replay_epoch(make_epoch([5, 1, 1, 1, 1], num_workers=2, prefetch_factor=1, in_order=False))
    assert replay.order.tolist() == [1, 2, 3, 4, 0]
    assert replay.arrived_s.tolist() == [1, 2, 3, 4, 5]


def test_a_step_hides_loading() -> None:
    """Only the first batch is waited for."""
    replay = replay_epoch(make_epoch([1] * 10, step_s=2))
    assert replay.wait_s.tolist() == [1] + [0] * 9
    assert replay.wall_s == 21


def test_without_workers_everything_is_in_series() -> None:
    """Loading, handing and stepping add up."""
    replay = replay_epoch(make_epoch([1, 2, 3], step_s=4, num_workers=0, hand_s=0.5, start_s=1, end_s=2))
    assert replay.wait_s.tolist() == [1.5, 2.5, 3.5]
    assert replay.wall_s == 1 + 6 + 1.5 + 12 + 2


def test_handing_delays_the_step() -> None:
    """A loader of two batches a second, a step of half a second, and half a second to receive each."""
    epoch = make_epoch([0.5] * 100, step_s=0.5, hand_s=0.5)
    assert replay_epoch(epoch).wall_s == pytest.approx(0.5 + 100)
    beside = replace(epoch, has_receiver=True)
    assert replay_epoch(beside).wall_s == pytest.approx(0.5 + 0.5 + 50)


def test_latency_delays_the_first_batch_only() -> None:
    """A worker loads on while its batch is under way."""
    epoch = make_epoch([1] * 10, latency_s=0.7)
    assert replay_epoch(epoch).wall_s == pytest.approx(10.7)


def test_more_workers_than_batches() -> None:
    """Workers without a batch change nothing."""
    assert replay_epoch(make_epoch([2, 2], num_workers=8)).wall_s == 2


def test_the_epoch_is_not_empty() -> None:
    """It says so."""
    with pytest.raises(ValueError, match="at least one batch"):
        replay_epoch(make_epoch([]))
    with pytest.raises(ValueError, match="at least 1 batch ahead"):
        replay_epoch(make_epoch([1], prefetch_factor=0))


@pytest.mark.parametrize("num_workers", [1, 2, 5])
@pytest.mark.parametrize("prefetch_factor", [1, 2, 4])
def test_in_order_it_is_the_recursion(num_workers, prefetch_factor) -> None:
    """F_k = max(F_{k-W}, R_{k-PW}) + X_k; R_k = max(F_k, R_{k-1} + s)."""
    draw = np.random.default_rng(num_workers)
    load_s, step_s = draw.exponential(1.0, 200), draw.exponential(0.4, 200)
    ended, arrived = np.zeros(200), np.zeros(200)
    ahead = num_workers * prefetch_factor
    for k in range(200):
        free = ended[k - num_workers] if k >= num_workers else 0.0
        sent = arrived[k - ahead] if k >= ahead else 0.0
        ended[k] = max(free, sent) + load_s[k]
        arrived[k] = max(ended[k], arrived[k - 1] + step_s[k - 1]) if k else ended[k]
    epoch = make_epoch(load_s, num_workers=num_workers, prefetch_factor=prefetch_factor)
    replay = replay_epoch(replace(epoch, step_s=step_s))
    assert replay.arrived_s == pytest.approx(arrived)
    assert replay.ended_s == pytest.approx(ended)


def count_ticks(epoch: ReplayInput) -> list[tuple[int, int]]:
    """Simulate an epoch of whole seconds, second by second; return batches and their arrivals."""
    batches, workers = len(epoch.load_s), epoch.num_workers
    queues: list[list[int]] = [[] for _ in range(workers)]
    running: list[list[int] | None] = [None] * workers
    owner, sent, cursor = {}, 0, 0
    pipe: list[int] = []
    stored: list[int] = []
    delivered: list[tuple[int, int]] = []
    main = ["ask", 0, -1]

    def send() -> None:
        nonlocal sent, cursor
        if sent == batches:
            return
        while True:
            worker, cursor = cursor, (cursor + 1) % workers
            held = [b for b in owner if owner[b] == worker and b not in {b for b, _ in delivered}]
            if epoch.in_order or len(held) < epoch.prefetch_factor:
                break
        owner[sent] = worker
        queues[worker].append(sent)
        sent += 1

    for _ in range(workers * epoch.prefetch_factor):
        send()
    second = 0
    while len(delivered) < batches or main[0] == "step":
        # Everything that happens in this instant, until nothing more does.
        changed = True
        while changed:
            changed = False
            for worker in range(workers):
                if running[worker] and running[worker][1] == 0:
                    pipe.append(running[worker][0])
                    running[worker], changed = None, True
                if running[worker] is None and queues[worker]:
                    batch = queues[worker].pop(0)
                    running[worker], changed = [batch, int(epoch.load_s[batch])], True
            if main[0] in ("hand", "step") and main[1] == 0:
                if main[0] == "hand":
                    stored.append(main[2])
                main, changed = ["ask", 0, -1], True
            if main[0] == "ask" and len(delivered) < batches:
                due = len(delivered) if epoch.in_order else (stored[0] if stored else -1)
                if due in stored:
                    stored.remove(due)
                    delivered.append((due, second))
                    send()
                    main, changed = ["step", int(epoch.step_s[due]), -1], True
                elif pipe:
                    main, changed = ["hand", int(epoch.hand_s), pipe.pop(0)], True
        second += 1
        for work in running:
            if work:
                work[1] -= 1
        main[1] -= main[0] != "ask"
    return delivered


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize(("num_workers", "prefetch_factor"), [(1, 1), (2, 2), (3, 1), (4, 3)])
@pytest.mark.parametrize("hand_s", [0, 1])
def test_it_is_torchs_queue(in_order, num_workers, prefetch_factor, hand_s) -> None:
    """Replays agree with a count of ticks, which shares no code with them; so does the tests' own loader.

    Times are far apart, since batches that end in the same instant may be received in any order.
    """
    draw = np.random.default_rng(10 * num_workers + prefetch_factor)
    load_s = draw.permutation(np.arange(40) * 7 + 11)
    load_s[::9] *= 5
    epoch = make_epoch(
        load_s, step_s=29, num_workers=num_workers, prefetch_factor=prefetch_factor, in_order=in_order,
        hand_s=float(hand_s),
    )  # fmt: skip
    ticks = count_ticks(epoch)
    for timeline in (replay_free(epoch), replay_capped(epoch)):
        assert timeline.order == [batch for batch, _ in ticks]
        assert timeline.arrived == pytest.approx([second for _, second in ticks])
    loader = MadeUpLoader(
        num_workers=num_workers, prefetch_factor=prefetch_factor, in_order=in_order, hand_s=hand_s
    )
    run = run_loader(loader, epoch.load_s, 29.0)
    assert run.batch.tolist() == [batch for batch, _ in ticks]
    assert run.arrived == pytest.approx([second for _, second in ticks])


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("has_receiver", [True, False])
def test_shared_cores_that_suffice_change_nothing(in_order, has_receiver) -> None:
    """Both ways of replaying agree where nothing waits for a core."""
    draw = np.random.default_rng(1)
    epoch = make_epoch(
        draw.exponential(1.0, 150), step_s=0.2, num_workers=3, in_order=in_order, hand_s=0.05, latency_s=0.1,
        has_receiver=has_receiver, start_s=0.5,
    )  # fmt: skip
    free, capped = replay_free(epoch), replay_capped(compute_endless(epoch))
    assert capped.order == free.order
    assert capped.arrived == pytest.approx(free.arrived)
    assert capped.done == pytest.approx(free.done)
    assert capped.ended == pytest.approx(free.ended)


def find_reached(load_s: np.ndarray, num_workers: int, prefetch_factor: int = 2) -> float:
    """Return the share of W / E[X] that an endless epoch without a step reaches."""
    epoch = make_epoch(load_s, num_workers=num_workers, prefetch_factor=prefetch_factor)
    return float(load_s.sum() / num_workers / replay_epoch(epoch).wall_s)


@pytest.mark.parametrize(
    ("variation", "num_workers", "share"),
    [(0.1, 4, 0.99), (0.1, 8, 0.99), (0.5, 4, 0.89), (0.5, 8, 0.83), (1.0, 4, 0.72), (1.0, 8, 0.61)],
)
def test_the_share_that_varying_batches_reach(variation, num_workers, share) -> None:
    """Gamma times of a given coefficient of variation; the table was made by another simulation."""
    shape = 1 / variation**2
    load_s = np.random.default_rng(0).gamma(shape, 1 / shape, 20_000)
    assert find_reached(load_s, num_workers) == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize(
    ("num_workers", "prefetch_factor", "share"), [(4, 2, 0.81), (8, 2, 0.70), (4, 8, 0.94), (8, 8, 0.90)]
)
def test_the_share_that_stragglers_leave(num_workers, prefetch_factor, share) -> None:
    """One batch in twenty takes five times as long; prefetching hides a part of it."""
    load_s = np.where(np.random.default_rng(0).random(20_000) < 0.05, 5.0, 1.0)
    assert find_reached(load_s, num_workers, prefetch_factor) == pytest.approx(share, abs=0.02)


def test_a_short_epoch_falls_short() -> None:
    """Eight workers and 12 batches: the second round is half empty."""
    assert find_reached(np.ones(12), 8) == pytest.approx(12 / 16)


def test_cores_bound_workers_that_compute() -> None:
    """Four workers on two cores are as fast as two."""
    epoch = compute_endless(make_epoch([1.0] * 80, num_workers=4, cores=2))
    assert replay_epoch(epoch).wall_s == pytest.approx(40)
    assert replay_epoch(epoch.with_workers(2)).wall_s == pytest.approx(40)
    assert replay_epoch(replace(epoch, cores=4)).wall_s == pytest.approx(20)


def test_cores_do_not_bound_workers_that_wait() -> None:
    """Eight workers that compute for a tenth of their time run side by side on one core."""
    epoch = make_epoch([1.0] * 80, num_workers=8, cores=1)
    assert replay_epoch(replace(epoch, cpu_s=np.full(80, 0.1))).wall_s == pytest.approx(10)


def test_only_computing_takes_longer() -> None:
    """Four workers compute for half of their time, on one core: it is busy all the time, 0.5 s a batch."""
    epoch = make_epoch([1.0] * 80, num_workers=4, cores=1)
    replay = replay_epoch(replace(epoch, cpu_s=np.full(80, 0.5)))
    assert replay.wall_s == pytest.approx(40)
    # 0.5 s of waiting, and 0.5 s of computing that take 1.5 s.
    assert np.median(replay.load_s) == pytest.approx(2.0)


def test_a_step_and_workers_share_cores() -> None:
    """On one core, work adds up, though the step would hide the loading on two."""
    epoch = compute_endless(make_epoch([1.0] * 50, step_s=1.0, cores=1, step_cores=1.0))
    assert replay_epoch(epoch).wall_s == pytest.approx(100)
    assert replay_epoch(replace(epoch, cores=2)).wall_s == pytest.approx(51)
    assert replay_epoch(replace(epoch, step_cores=0.0)).wall_s == pytest.approx(51)


def test_a_step_of_many_threads_is_slowed() -> None:
    """A step of two cores beside a worker on two cores: each takes 3 / 2 as long while both run."""
    epoch = compute_endless(make_epoch([1.0] * 40, step_s=1.0, cores=2, step_cores=2.0))
    replay = replay_epoch(epoch)
    assert replay.wall_s == pytest.approx(0.5 + 40 * 1.5, rel=0.02)
    assert np.median(replay.step_s) == pytest.approx(1.5)


def test_a_quota_below_a_core_slows_the_training_process() -> None:
    """Half a core takes twice as long for computing, and as long for waiting."""
    epoch = make_epoch([1.0] * 10, step_s=1.0, num_workers=0, cores=0.5, step_cores=1.0)
    assert replay_epoch(epoch).wall_s == pytest.approx(10 + 20)
    assert replay_epoch(compute_endless(epoch)).wall_s == pytest.approx(20 + 20)


def test_no_work_gets_lost_in_the_long_run() -> None:
    """On few cores all of them are busy until the queue drains, whatever the times."""
    draw = np.random.default_rng(5)
    load_s = draw.exponential(1.0, 300)
    epoch = make_epoch(load_s, step_s=0.1, num_workers=8, prefetch_factor=8, cores=2, step_cores=1.0)
    cpu_s = load_s * draw.uniform(0.5, 1.0, 300)
    replay = replay_epoch(replace(epoch, cpu_s=cpu_s, hand_s=0.01))
    assert replay.wall_s == pytest.approx((cpu_s.sum() + 0.11 * 300) / 2, rel=0.05)
