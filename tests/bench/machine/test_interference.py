"""Disturbances of an epoch: made-up readings, files in made-up trees, and a real neighbour."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench.machine import interference
from bench.machine.counter_reading import CounterReading, CpuInstant
from bench.machine.cpu_quota import CpuQuota
from bench.machine.interference import find_interference
from bench.machine.system_counters import SystemCounters

pins_cores = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a core of its own")

# Busy until it is told to end, or its parent is gone.
BURN = """
import os, sys
print("up", flush=True)
parent = os.getppid()
while os.getppid() == parent: pass
"""
# Looks, lets half a second pass, and looks again. With an argument, a child of its own burns meanwhile, until
# it has used 0.2 s.
MEASURE = f"""
import json, psutil, subprocess, sys, time
from bench.machine import interference
burn = sys.argv[1:] and subprocess.Popen([sys.executable, "-c", {BURN!r}], stdout=subprocess.PIPE)
if burn:
    burn.stdout.readline()
before = interference.read_counters()
time.sleep(0.5)
while burn and sum(psutil.Process(burn.pid).cpu_times()[:2]) < 0.2:
    time.sleep(0.01)
after = interference.read_counters()
if burn:
    burn.kill()
    burn.communicate()
told = interference.find_interference(before, after)
print(json.dumps([told.own_cpu_s, told.other_cpu_share, told.disturbed]))
"""


def at(seconds, *, idle_s=0.0, own_s=0.0, stolen_s=0.0, cores=2, cpu=None, **rest) -> CounterReading:
    """Return a reading that took no time; cpu: further counters of CPU time."""
    moment = CpuInstant(int(seconds * 1e9), idle_s, stolen_s, own_s, **(cpu or {}))
    return CounterReading(start=moment, end=moment, cores=frozenset(range(cores)), **rest)


def test_the_share_of_others_is_what_was_neither_idle_nor_own() -> None:
    """Of 2 cores × 10 s, 5 s were idle and 11 s own: 4 s are left to others."""
    told = find_interference(at(100, idle_s=50, own_s=1), at(110, idle_s=55, own_s=12))
    assert told.own_cpu_s == 11
    assert told.other_cpu_share == pytest.approx(0.2)
    assert told.disturbed == "other processes used 20% of the cores"


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({"own_s": 12}, "other processes used 20% of the cores"),
        ({"own_s": 12, "stolen_s": 3.0}, "the hypervisor took 15% of the cores"),
        ({"own_s": 14}, ""),
        ({"own_s": 14, "heat_counts": (3,)}, ""),
        ({"own_s": 12, "quota_cores": 1.0}, ""),
    ],
)
def test_others_are_told_by_themselves(after, told) -> None:
    """Not heat, which is no other program; and not those that leave a quota's cores alone."""
    before = at(100, idle_s=50, own_s=1, heat_counts=(0,) if "heat_counts" in after else None)
    assert interference.describe_others(before, at(110, idle_s=55, **after)) == told


def test_the_sweeps_own_process_is_nobody_elses() -> None:
    """Of 2 cores × 10 s, 5 s were idle and 11 s own; the sweep used 3 of the other 4 s."""
    told = find_interference(at(0, cpu={"sweep_s": 7.0}), at(10, idle_s=5, own_s=11, cpu={"sweep_s": 10.0}))
    assert told.own_cpu_s == 11
    assert told.other_cpu_share == pytest.approx(0.05)
    assert told.disturbed is None


@pytest.mark.parametrize(
    ("suspended_s", "disturbed"), [(100.05, None), (160.0, "the machine was suspended for 60 s")]
)
def test_a_suspended_machine_is_a_disturbance(suspended_s, disturbed) -> None:
    """The epoch's clock stands still meanwhile; two clocks read one after the other differ by a little."""
    told = find_interference(
        at(0, cpu={"suspended_s": 100.0}), at(10, idle_s=20, cpu={"suspended_s": suspended_s})
    )
    assert told.disturbed == disturbed


def test_background_time_is_without_the_reading_thread() -> None:
    """Of 2 s of the process tree, 1.5 s were the thread's that reads; more than the tree's is none."""
    before, after = at(0, own_s=1, cpu={"thread_s": 1.0}), at(10, own_s=3, cpu={"thread_s": 2.5})
    assert interference.find_background_cpu_s(before, after) == 0.5
    assert interference.find_background_cpu_s(before, at(10, own_s=3, cpu={"thread_s": 3.5})) == 0.0


def test_an_undisturbed_epoch_has_no_flag() -> None:
    """One in twenty of the cores' seconds is what a machine does by itself."""
    told = find_interference(at(0), at(10, idle_s=9, own_s=10))
    assert told.other_cpu_share == pytest.approx(0.05)
    assert told.disturbed is None


def test_the_looking_itself_lies_outside() -> None:
    """From the end of the first reading to the start of the second."""
    cores = frozenset({0})
    early, late = CpuInstant(0, 0.0, 0.0, 0.0), CpuInstant(10**9, 0.0, 0.0, 1.0)
    first = CounterReading(start=early, end=late, cores=cores)
    second = CounterReading(CpuInstant(2 * 10**9, 0.5, 0.0, 1.5), CpuInstant(9 * 10**9, 0.5, 0.0, 9.0), cores)
    told = find_interference(first, second)
    assert (told.own_cpu_s, told.other_cpu_share) == (0.5, 0.0)


def test_the_share_is_never_negative() -> None:
    """Idle time comes in ticks, so a fully used core may seem to be more than that."""
    told = find_interference(at(0), at(0.06, idle_s=0.06, own_s=0.0605))
    assert told.other_cpu_share == 0.0


@pytest.mark.parametrize(("others_s", "flagged"), [(0.025, False), (0.035, True)])
def test_a_short_epoch_is_flagged_only_beyond_the_resolution(others_s, flagged) -> None:
    """In 60 ms of two cores, 10% are 12 ms: two ticks that fell apart. 28 ms are not."""
    told = find_interference(at(0), at(0.06, own_s=0.12 - others_s))
    assert told.other_cpu_share == pytest.approx(others_s / 0.12)
    assert (told.disturbed is not None) == flagged


def test_what_a_hypervisor_took_counts_and_is_named() -> None:
    """No other process would be found there."""
    told = find_interference(at(0), at(10, idle_s=10, own_s=4, stolen_s=5))
    assert told.other_cpu_share == pytest.approx(0.3)
    assert told.disturbed == "the hypervisor took 25% of the cores"


@pytest.mark.parametrize(("idle_s", "flagged"), [(120, False), (40, False), (20, True)])
def test_under_a_quota_others_disturb_where_they_leave_less_than_it(idle_s, flagged) -> None:
    """Of 16 cores the container may use 4, and uses 1: others may well use 11, but not 13."""
    told = find_interference(
        at(0, cores=16, quota_cores=4.0), at(10, cores=16, quota_cores=4.0, idle_s=idle_s, own_s=10)
    )
    share = (150 - idle_s) / 160
    assert told.other_cpu_share == pytest.approx(share)
    assert told.disturbed == (
        f"other processes used {share:.0%} of the machine's 16 cores" if flagged else None
    )


def test_a_change_of_the_usable_cores_leaves_the_share_unknown() -> None:
    """The idle time of other cores can't be taken off."""
    told = find_interference(at(0, cores=2, heat_counts=(1, 1)), at(10, cores=1, own_s=1, heat_counts=(5, 5)))
    assert (told.own_cpu_s, told.other_cpu_share, told.throttled_count) == (1, None, None)


def test_heat_counts_once_however_many_cores_it_held_back() -> None:
    """The counters of a package move together: 3 events, not 3 a core."""
    told = find_interference(at(0, heat_counts=(7, 1, 7)), at(10, idle_s=20, heat_counts=(10, 2, 10)))
    assert told.throttled_count == 3
    assert told.disturbed == "the cores were throttled 3 times by heat"
    told = find_interference(at(0, heat_counts=(7,)), at(10, idle_s=20, heat_counts=(8,)))
    assert told.disturbed == "the cores were throttled once by heat"


QUOTA = {"quota_cores": 1.0, "quota_count": 5, "quota_held_s": 1.0}


@pytest.mark.parametrize(
    ("held_s", "own_s", "flagged"),
    [(0.21, 5, True), (0.01, 5, False), (0.21, 9.9, False)],
    ids=["held back", "hardly", "by itself"],
)
def test_a_quota_that_held_the_container_back(held_s, own_s, flagged) -> None:
    """It is counted always, and flagged where it took time and the loader hadn't used it up itself."""
    after = at(10, idle_s=20 - own_s, own_s=own_s, **QUOTA | {"quota_count": 8, "quota_held_s": 1 + held_s})
    told = find_interference(at(0, **QUOTA), after)
    assert told.throttled_count == 3
    said = "the container's CPU quota held it back for 0.21 s"
    assert told.disturbed == (said if flagged else None)


def test_two_disturbances_are_both_named() -> None:
    """In one cell."""
    told = find_interference(at(0, heat_counts=(0,)), at(10, heat_counts=(2,)))
    assert told.disturbed == (
        "other processes used 100% of the cores; the cores were throttled 2 times by heat"
    )


def test_clocks_are_reported_and_no_disturbance() -> None:
    """That of the cores from both ends, that of the GPU from the end."""
    told = find_interference(at(0, mhz=3000.0, gpu_mhz=300.0), at(10, idle_s=20, mhz=2000.0, gpu_mhz=1980.0))
    assert (told.cpu_mhz, told.gpu_mhz, told.disturbed) == (2500.0, 1980.0, None)


def test_a_gpu_that_slowed_down_is_a_disturbance() -> None:
    """As it was when the epoch ended."""
    told = find_interference(at(0, gpu_slowed="power brake"), at(10, idle_s=20, gpu_slowed="thermal"))
    assert told.disturbed == "the GPU slowed down: thermal"
    assert find_interference(at(0, gpu_slowed="thermal"), at(10, idle_s=20)).disturbed is None


@pytest.mark.parametrize(
    ("then_s", "now_s", "slowed", "disturbed"),
    [
        (5.0, 5.15, None, None),
        (5.0, 5.25, None, "the GPU was slowed down for 250 ms by heat"),
        (5.0, 5.25, "thermal", "the GPU was slowed down for 250 ms by heat"),
        (
            5.0,
            5.25,
            "power brake",
            "the GPU was slowed down for 250 ms by heat; the GPU slowed down: power brake",
        ),
        (5.0, 25.0, None, "the GPU was slowed down for 10000 ms by heat"),
        (5.0, 5.0, "thermal", "the GPU slowed down: thermal"),
        (5.0, 0.0, None, None),
        (None, 5.25, None, None),
        (5.0, None, None, None),
    ],
    ids=["little", "heat", "still", "and more", "steps", "uncounted", "anew", "begun", "gone"],
)
def test_heat_that_slowed_the_gpu_down_amid_the_epoch(then_s, now_s, slowed, disturbed) -> None:
    """By its counter, over 2% of 10 s; named once, never longer than the epoch, unknown without both ends."""
    told = find_interference(at(0, gpu_heat_s=then_s), at(10, idle_s=20, gpu_heat_s=now_s, gpu_slowed=slowed))
    assert told.disturbed == disturbed


def test_use_of_the_gpu_is_that_at_the_end() -> None:
    """Both are told and disturb nothing."""
    told = find_interference(
        at(0, gpu_utilization=0.0, gpu_memory_bytes=0),
        at(10, idle_s=20, gpu_utilization=0.97, gpu_memory_bytes=2**30),
    )
    assert (told.gpu_utilization, told.gpu_memory_bytes, told.disturbed) == (0.97, 2**30, None)


def test_where_nothing_is_told_all_is_unknown() -> None:
    """None, and no flag."""
    told = find_interference(at(0, idle_s=None), at(10, idle_s=None))
    assert told == interference.Interference(0.0, None, None, None, None, None, None, None)


STAT = """cpu  400 0 400 4000 40 0 0 40 80 0
cpu0 100 0 100 1000 10 0 0 10 20 0
cpu2 100 0 100 2000 20 0 0 20 20 0
cpu3 200 0 200 1000 10 0 0 10 40 0
intr 1 2 3
"""


def write(root, files) -> None:
    """Files under a root, by path."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def ticks(monkeypatch):
    """The kernel's ticks: 100 a second."""
    monkeypatch.setattr(os, "sysconf", lambda name: 100, raising=False)


def test_only_the_usable_cores_count(tmp_path, ticks) -> None:
    """Idle time and time that waited for disks, of cores 0 and 2 out of 0, 2 and 3."""
    write(tmp_path, {"proc/stat": STAT})
    start = SystemCounters.find(frozenset({0, 2}), root=tmp_path).read().start
    assert start.idle_s == pytest.approx(30.3)
    assert start.stolen_s == pytest.approx(0.3)


def test_of_all_cores_the_kernels_own_sum_is_read(tmp_path, ticks) -> None:
    """It is cut to ticks once; the numbers needn't be those that the process knows."""
    write(tmp_path, {"proc/stat": STAT.replace("4000 40", "4009 40")})
    for cores in ({0, 2, 3}, {5, 6, 7}):
        assert SystemCounters.find(frozenset(cores), root=tmp_path).read().start.idle_s == pytest.approx(
            40.49
        )


@pytest.mark.parametrize("cores", [{0, 1}, {4}])
def test_a_usable_core_that_is_not_told_of_leaves_idle_time_unknown(tmp_path, ticks, cores) -> None:
    """Some containers number their cores anew."""
    write(tmp_path, {"proc/stat": STAT})
    assert SystemCounters.find(frozenset(cores), root=tmp_path).read().start.idle_s is None


def test_a_sandbox_that_tells_zeros_leaves_idle_time_unknown(tmp_path, ticks) -> None:
    """Else all time that isn't idle would seem to be others'."""
    write(tmp_path, {"proc/stat": "cpu 0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\n"})
    assert SystemCounters.find(frozenset({0}), root=tmp_path).read().start.idle_s is None


def test_without_the_kernels_file_psutil_is_asked(tmp_path, monkeypatch) -> None:
    """macOS and Windows."""
    times = [SimpleNamespace(idle=5.0), SimpleNamespace(idle=7.0)]
    monkeypatch.setattr("psutil.cpu_times", lambda percpu: times)
    assert SystemCounters.find(frozenset({0, 1}), root=tmp_path).read().start.idle_s == 12.0
    assert SystemCounters.find(frozenset({2}), root=tmp_path).read().start.idle_s is None


CPU = "sys/devices/system/cpu"


def test_frequency_and_heat_are_of_the_usable_cores(tmp_path) -> None:
    """Cores 0 and 2 of 0, 1 and 2; MHz from kHz."""
    for core in range(3):
        write(
            tmp_path,
            {
                f"{CPU}/cpu{core}/cpufreq/scaling_cur_freq": f"{1000 * (core + 1)}000\n",
                f"{CPU}/cpu{core}/thermal_throttle/core_throttle_count": f"{core}\n",
                f"{CPU}/cpu{core}/thermal_throttle/package_throttle_count": "9\n",
            },
        )
    reading = SystemCounters.find(frozenset({0, 2}), root=tmp_path).read()
    assert reading.mhz == 2000.0
    assert reading.heat_counts == (0, 9, 2, 9)


def test_a_counter_that_goes_leaves_heat_unknown(tmp_path) -> None:
    """The others would be compared with the wrong ones."""
    for core in range(2):
        write(tmp_path, {f"{CPU}/cpu{core}/thermal_throttle/core_throttle_count": "1"})
    gauges = SystemCounters.find(frozenset({0, 1}), root=tmp_path)
    (tmp_path / f"{CPU}/cpu0/thermal_throttle/core_throttle_count").unlink()
    assert gauges.read().heat_counts is None


def test_of_many_cores_some_are_asked(tmp_path) -> None:
    """A reading takes no longer on a machine of 256, and its cores are spread over it."""
    for core in range(256):
        write(tmp_path, {f"{CPU}/cpu{core}/cpufreq/scaling_cur_freq": f"{core}000"})
    gauges = SystemCounters.find(frozenset(range(256)), root=tmp_path)
    assert [int(file.parent.parent.name[3:]) for file in gauges.frequencies] == list(range(0, 256, 16))


V2 = {
    "proc/self/cgroup": "0::/pod/container\n",
    "sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
    "sys/fs/cgroup/pod/container/cpu.stat": "usage_usec 9\nnr_throttled 100\nthrottled_usec 100\n",
    "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/pod/cpu.stat": "usage_usec 9\nnr_periods 9\nnr_throttled 4\nthrottled_usec 2500000\n",
}
V1 = {
    "proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/pod\n0::/\n",
    "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "150000\n",
    "sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000\n",
    "sys/fs/cgroup/cpu/pod/cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 2500000000\n",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
}
# In a container that sees itself as the top, but its path as the machine does.
INSIDE = {path.replace("/cpu/pod", "/cpu"): text for path, text in list(V1.items())[:4]}


@pytest.mark.parametrize("files", [V2, V1, INSIDE], ids=["version 2", "version 1", "inside"])
def test_the_quota_is_found_wherever_it_is_set(tmp_path, files) -> None:
    """On the process's own control group or one above, in either version of control groups."""
    write(tmp_path, files)
    reading = SystemCounters.find(frozenset({0}), root=tmp_path).read()
    assert (reading.quota_cores, reading.quota_count, reading.quota_held_s) == (1.5, 4, 2.5)


def test_no_quota_is_not_a_count_of_zero(tmp_path) -> None:
    """Unknown, as where there are no control groups."""
    write(tmp_path, V2 | {"sys/fs/cgroup/pod/cpu.max": "max 100000\n"})
    for root in (tmp_path, tmp_path / "nothing"):
        gauges = SystemCounters.find(frozenset({0}), root=root)
        assert (gauges.quotas, gauges.read().quota_count) == ((), None)


def test_a_quota_that_goes_is_unknown(tmp_path) -> None:
    """A control group can be taken away under a process; the others' sum would be less than before."""
    write(tmp_path, {"cpu.stat": "nr_throttled 4\nthrottled_usec 1\n"})
    quotas = tuple(CpuQuota(tmp_path / name, 2.0) for name in ("cpu.stat", "gone"))
    reading = SystemCounters(frozenset({0}), None, quotas=quotas).read()
    assert (reading.quota_count, reading.quota_held_s) == (None, None)


def test_a_reading_holds_what_the_gpu_tells() -> None:
    """Each of its answers in its own place; without a GPU all of it is unknown."""
    told = {"mhz": 1980.0, "slowed": "thermal", "heat_s": 1.5, "utilization": 0.43, "memory_bytes": 7}
    methods = {f"read_{'slowdown' if name == 'slowed' else name}": value for name, value in told.items()}
    gpu = SimpleNamespace(**{name: lambda value=value: value for name, value in methods.items()})
    reading = SystemCounters(frozenset({0}), None, gpu=gpu).read()
    assert {name: getattr(reading, f"gpu_{name}") for name in told} == told
    without = SystemCounters(frozenset({0}), None).read()
    assert [getattr(without, f"gpu_{name}") for name in told] == [None] * len(told)


def test_a_reading_here_is_whole() -> None:
    """On whatever machine this runs: time has passed, and this process has worked."""
    before = interference.read_counters()
    sum(range(100_000))
    after = interference.read_counters()
    told = find_interference(before, after)
    assert told.own_cpu_s > 0
    assert before.start.at_ns <= before.end.at_ns < after.start.at_ns
    assert told.other_cpu_share is None or 0 <= told.other_cpu_share <= 1


@contextlib.contextmanager
def neighbour():
    """A process that keeps the core busy which this one is pinned to meanwhile."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with subprocess.Popen([sys.executable, "-c", BURN], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            try:
                yield
            finally:
                process.kill()
    finally:
        os.sched_setaffinity(0, cores)


def measured(*arguments: str) -> list:
    """Return the own CPU seconds, the share of others and the disturbance that an unrelated process read."""
    command = [sys.executable, "-c", MEASURE, *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@pins_cores
def test_a_neighbour_is_seen() -> None:
    """It takes a core that the measuring process leaves to it."""
    with neighbour():
        own_s, share, disturbed = measured()
    assert own_s < 0.25
    assert share > 0.5
    assert disturbed is not None


def test_a_child_of_its_own_is_not_a_neighbour() -> None:
    """Its CPU time, while it is still alive, is the tree's own."""
    own_s, share, _ = measured("child")
    assert own_s > 0.1
    assert share is None or share <= 1
