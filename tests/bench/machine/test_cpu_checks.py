"""Load, usable cores and clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.machine import cpu_checks
from bench.machine.cpu_checks import check_clock, check_cores, check_load, count_affinity, count_usable_cores
from bench.machine.requirements import Requirements
from tests.bench.machine.fake_root import write


@pytest.mark.parametrize(("share", "verdict"), [(15.0, "ok"), (16.0, "warn")])
def test_load(share: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs may use 15% of the cores."""
    monkeypatch.setattr(cpu_checks.psutil, "cpu_percent", lambda interval: share)
    assert check_load()[:2] == (verdict, f"{share:.0f}% of all cores in use now")


QUOTAS = {
    "version 2": {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n"},
    "version 2, container": {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
    "version 1": {
        "proc/self/cgroup": "4:memory:/x\n3:cpu,cpuacct:/a\n",
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "50000",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
    },
}


@pytest.mark.parametrize("files", QUOTAS.values(), ids=QUOTAS)
def test_a_quota_of_cores(files: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota is a concern if torch starts more threads than it has cores."""
    root = write(tmp_path, files)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cpu_checks, "count_affinity", lambda: 8)
    assert count_usable_cores(root) == 0.5
    verdict, found, cure = check_cores(Requirements(), root)
    assert verdict == "warn"
    assert found.startswith("0.5 usable of ")
    assert found.endswith("by the container's quota; torch starts up to 8 threads")
    assert "OMP_NUM_THREADS=1" in (cure or "")
    assert check_cores(Requirements(num_threads=1), root)[0] == "ok"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert check_cores(Requirements(), root)[0] == "ok"


def test_no_quota(tmp_path: Path) -> None:
    """The affinity counts, as on macOS and Windows."""
    assert count_usable_cores(tmp_path) == count_affinity()
    assert check_cores(Requirements(), tmp_path)[0] == "ok"


@pytest.mark.parametrize(
    ("governors", "verdict", "told"),
    [
        ([], "ok", "no frequency governor"),
        (["performance", "performance"], "ok", "performance on 2 of 2 cores"),
        (["performance", "powersave"], "warn", "performance on 1 of 2 cores, powersave on 1 of 2"),
        (["ondemand"], "warn", "ondemand on 1 of 1"),
    ],
)
def test_frequency_governor(governors: list, verdict: str, told: str, tmp_path: Path) -> None:
    """A governor that lets cores slow down between batches is a concern."""
    for core, name in enumerate(governors):
        write(tmp_path, {f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": f"{name}\n"})
    found = check_clock(tmp_path)
    assert found[0] == verdict
    assert told in found[1]
    assert found[2] == ("sudo cpupower frequency-set -g performance" if verdict == "warn" else None)
