"""What the machine is held against, and that each check can fail."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from bench.machine import checks, package_checks
from bench.machine import requirements as needed
from bench.machine.check import SEVERITIES, Check, find_concerns
from bench.machine.cpu_checks import check_clock, check_cores, check_load, count_affinity, count_usable_cores
from bench.machine.gpu import GpuSnapshot
from bench.machine.limit_checks import check_processes
from bench.machine.memory_checks import check_memory, check_shared_memory
from bench.machine.requirements import Requirements, estimate_all, estimate_requirements
from bench.machine.setup_checks import check_compiler, check_folder, check_start_method
from bench.text import format_bytes
from loaders import native

FEW = estimate_requirements(num_workers=2, batch_size=1024, prefetch_factor=2)
# A loader that uses /dev/shm as fully as any: samples are gathered there, and the next ones at once.
LOADER = """
import sys, torch
from torch.utils.data import DataLoader

class Ones(torch.utils.data.Dataset):
    def __len__(self):
        return 12 * 256
    def __getitem__(self, index):
        return torch.ones(1, 28, 28), index

settings = {"num_workers": 2, "prefetch_factor": 2, "multiprocessing_context": "fork"}
for batch in DataLoader(Ones(), batch_size=256, **settings):
    pass
"""


def write(root: Path, files: dict[str, str]) -> Path:
    """Files under a root, by path."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def in_shm(room_bytes: int, *command: str) -> subprocess.CompletedProcess:
    """Run a command that has a /dev/shm of its own, of this size; skips where that isn't permitted."""
    mounted = f"mount -t tmpfs -o size={room_bytes} tmpfs /dev/shm"
    try:
        subprocess.run(["unshare", "-m", "sh", "-c", mounted], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no /dev/shm can be mounted here")
    inside = ["unshare", "-m", "sh", "-c", f'{mounted} && exec "$@"', "sh", *command]
    return subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False)


def under(limit: str, number: int, code: str) -> str:
    """What a program prints under a limit of its own."""
    resource = pytest.importorskip("resource")

    def lower() -> None:
        resource.setrlimit(getattr(resource, limit), (number, number))

    command = [sys.executable, "-c", f"from bench.checks import *\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=lower).stdout


def test_shared_memory_is_needed_for_all_batches_that_can_be_alive() -> None:
    """Those loaded ahead, the one just taken and the one before it, in whole pages; and semaphores."""
    if needed.mmap.PAGESIZE == 4096:
        assert FEW.shm_bytes == 6 * (1024 * 28 * 28 * 4 + 1024 * 8) + (3 * 3 + 5 + 2) * 4096
        one = estimate_requirements(num_workers=1, batch_size=1, prefetch_factor=1)
        assert one.shm_bytes == 3 * 2 * 4096 + (3 * 2 + 5 + 2) * 4096


def test_no_more_shared_memory_than_an_epoch_has_samples() -> None:
    """The last batch is smaller."""
    needs = estimate_requirements(num_workers=8, batch_size=8192, samples=60_000)
    assert 60_000 * (28 * 28 * 4 + 8) < needs.shm_bytes < 60_000 * (28 * 28 * 4 + 8) + 2**18
    assert estimate_requirements(num_workers=1, batch_size=10**6, samples=10).shm_bytes < 2**17


@pytest.mark.parametrize(("missing", "works"), [(0, True), (2, False)])
def test_the_shared_memory_foretold_is_what_a_dataloader_needs(missing: int, works: bool) -> None:
    """With so many batches less room it dies; with what is said to be enough it doesn't."""
    needs = estimate_requirements(num_workers=2, batch_size=256, prefetch_factor=2, samples=12 * 256)
    batch_bytes = 256 * (28 * 28 * 4 + 8)
    room = needs.shm_bytes - missing * batch_bytes if missing else needs.shm_bytes + needs.shm_spare_bytes
    done = in_shm(room, sys.executable, "-W", "ignore", "-c", LOADER)
    assert (done.returncode == 0) == works, done.stderr
    assert works or "No space left on device" in done.stderr


def test_workers_that_are_not_forked_take_more() -> None:
    """Each holds a torch of its own."""
    forked, fresh = (
        estimate_requirements(num_workers=4, batch_size=1, start_method=method)
        for method in ("fork", "spawn")
    )
    assert fresh.memory_bytes > forked.memory_bytes + 4 * 2**28
    assert fresh.processes >= forked.processes
    # And gets the data through /dev/shm, where forked ones inherit it.
    assert 60_000 * (28 * 28 + 8) <= fresh.shm_bytes - forked.shm_bytes < 60_000 * (28 * 28 + 8) + 2**14


def test_without_workers_little_is_needed() -> None:
    """No shared memory, no more files."""
    needs = estimate_requirements(num_workers=0, batch_size=1024)
    assert (needs.workers, needs.shm_bytes, needs.open_files) == (0, 0, needed.OWN_FILES)


def test_of_several_loaders_the_most_counts() -> None:
    """Need by need; a loader without workers has none."""
    ring = {"batch_size": 4096, "threads": 2}
    many = {"num_workers": 8, "batch_size": 64, "prefetch_factor": 2, "multiprocessing_context": "fork"}
    large = {"num_workers": 1, "batch_size": 4096, "prefetch_factor": 4, "resize": 64}
    needs = estimate_all([ring, many, large], samples=60_000)
    assert needs.workers == 8
    assert needs.open_files == estimate_requirements(num_workers=8, batch_size=64).open_files
    assert (
        needs.shm_bytes
        == estimate_requirements(num_workers=1, batch_size=4096, prefetch_factor=4, side=64).shm_bytes
    )
    assert estimate_all([], samples=1) == Requirements()


def test_what_cannot_be_found_out_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other checks are made."""

    def broken(**_: float) -> float:
        raise RuntimeError("no\x1b[31m such\nthing")

    monkeypatch.setattr(checks.psutil, "cpu_percent", broken)
    found = list(checks.check_machine(FEW, data_dir=tmp_path, out=tmp_path))
    assert found[0] == Check("load", "unknown", "can't be found out: RuntimeError: no[31m such thing", None)
    assert [check.name for check in found][-1] == "results folder"


def test_all_checks_from_within_a_sweep(tmp_path: Path) -> None:
    """With torch imported; one line each, a cure where one is called for."""
    found = checks.check_all(FEW, data_dir=tmp_path / "data", out=tmp_path / "results")
    assert {"cores", "memory", "torch", "torchvision", "gpu"} <= {check.name for check in found}
    for check in found:
        assert check.verdict in SEVERITIES
        assert (check.cure is not None) == (check.verdict in ("warn", "fail"))
        assert "\n" not in f"{check.found}{check.cure}"
    assert list(tmp_path.iterdir()) == []


def test_concerns_are_what_can_be_cured() -> None:
    """What can't be found out asks for nothing."""
    found = [Check(verdict, verdict, "", None) for verdict in SEVERITIES]
    assert [check.verdict for check in find_concerns(found)] == ["warn", "fail"]


@pytest.mark.parametrize(("share", "verdict"), [(15.0, "ok"), (16.0, "warn")])
def test_load(share: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others use more of the machine than a measurement stands."""
    monkeypatch.setattr(checks.psutil, "cpu_percent", lambda interval: share)
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
    """It matters where torch starts more threads than that."""
    root = write(tmp_path, files)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(checks, "_affinity", lambda: 8)
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
    """The affinity alone; nothing is told on macOS or Windows."""
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
    """One that lets cores sleep between batches."""
    for core, name in enumerate(governors):
        write(tmp_path, {f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor": f"{name}\n"})
    found = check_clock(tmp_path)
    assert found[0] == verdict
    assert told in found[1]
    assert found[2] == ("sudo cpupower frequency-set -g performance" if verdict == "warn" else None)


MEMORY = {
    "version 2": {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/memory.max": "max\n",
        "sys/fs/cgroup/a/memory.max": "{limit}\n",
        "sys/fs/cgroup/a/memory.current": "{used}\n",
        "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file {files}\n",
    },
    "version 1": {
        "proc/self/cgroup": "4:memory:/a\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "{limit}\n",
        "sys/fs/cgroup/memory/a/memory.usage_in_bytes": "{used}\n",
        "sys/fs/cgroup/memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file {files}\n",
    },
}


@pytest.mark.parametrize("files", MEMORY.values(), ids=MEMORY)
@pytest.mark.parametrize(
    ("left", "needed", "verdict"), [(40, 40, "ok"), (40, 41, "warn"), (40, 80, "warn"), (40, 81, "fail")]
)
def test_memory_of_a_container(files: dict, left: int, needed: int, verdict: str, tmp_path: Path) -> None:
    """What its limit leaves; pages of files are given back when they are needed."""
    mib = 2**20
    numbers = {"limit": 100 * mib, "used": (100 - left + 30) * mib, "files": 30 * mib}
    write(tmp_path, {path: text.format(**numbers) for path, text in files.items()})
    found = check_memory(Requirements(memory_bytes=needed * mib), tmp_path)
    assert found[:2] == (
        verdict,
        f"40 MiB available of 100 MiB (the container's limit); about {needed} MiB needed",
    )
    assert (verdict == "ok") == (found[2] is None)


def test_memory_of_the_machine(tmp_path: Path) -> None:
    """Where no control group limits it."""
    assert check_memory(Requirements(memory_bytes=1), tmp_path)[0] == "ok"
    verdict, found, cure = check_memory(Requirements(memory_bytes=2**60), tmp_path)
    assert verdict == "fail"
    assert "container" not in found + (cure or "")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")
def test_shared_memory(tmp_path: Path) -> None:
    """Missing, too small, full, and roomy enough; none is needed without workers."""
    assert check_shared_memory(Requirements(), tmp_path) == ("ok", "not needed without workers", None)
    assert "mount" in (check_shared_memory(FEW, tmp_path) or ("", "", ""))[2]
    script = (
        "from bench.checks import *\nfrom bench.needs import *\n"
        "print(*shared_memory(needs_of(num_workers=8, batch_size=8192)), sep='|')"
    )
    small = in_shm(64 * 2**20, sys.executable, "-c", script).stdout
    assert small.startswith(
        "fail|64 MiB free of 64 MiB; up to 180 MiB needed by 8 workers|docker: --shm-size=1g;"
    )
    tight = in_shm(190 * 2**20, sys.executable, "-c", script).stdout
    assert tight.startswith("warn|190 MiB free of 190 MiB; up to 180 MiB needed")
    fill = "head -c 150000000 /dev/zero > /dev/shm/left; exec "
    full = in_shm(256 * 2**20, "sh", "-c", f'{fill} {sys.executable} -c "$0"', script).stdout
    assert full.startswith("fail|113 MiB free of 256 MiB; ")
    assert "ls -l /dev/shm" in full
    assert in_shm(256 * 2**20, sys.executable, "-c", script).stdout.startswith("ok|")


def test_open_files() -> None:
    """As many as may be open, and how to have more."""
    ask = "print(*open_files(Needs(open_files={})), sep='|')"
    assert under("RLIMIT_NOFILE", 100, ask.format(100)) == "ok|at most 100 a process; up to 100 needed|None\n"
    few = under("RLIMIT_NOFILE", 100, ask.format(101))
    assert few.startswith("fail|at most 100 a process; up to 101 needed|raise the hard limit, 100 (docker: ")
    raised = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (50, {})); "
    assert under("RLIMIT_NOFILE", 80, raised.format(80) + ask.format(60)).endswith("|ulimit -n 80\n")


@pytest.mark.parametrize(
    ("current", "verdict", "told"), [(60, "ok", "40 more of 100"), (61, "fail", "39 more of 100")]
)
def test_processes_of_a_container(current: int, verdict: str, told: str, tmp_path: Path) -> None:
    """Of the narrowest control group."""
    files = {
        "proc/self/cgroup": "0::/a\n",
        "sys/fs/cgroup/pids.max": "max",
        "sys/fs/cgroup/a/pids.max": "100",
        "sys/fs/cgroup/a/pids.current": str(current),
    }
    found = check_processes(Requirements(processes=40), write(tmp_path, files))
    if found is None:
        pytest.skip("no such limits on Windows")
    assert found[0] == verdict
    assert found[1] == f"{told} allowed; up to 40 needed, with threads"
    assert found[2] in (None, "raise the limit (docker: --pids-limit=1024), or fewer --num-workers")


def test_processes_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's, where even those leave enough; else the user's own."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 100))
    mine = [types.SimpleNamespace(uids=lambda: types.SimpleNamespace(real=12345), num_threads=lambda: 50)] * 2
    monkeypatch.setattr(checks.psutil, "process_iter", lambda: mine)
    root = write(tmp_path, {"proc/loadavg": "0.4 0.7 0.8 2/60 1\n"})
    assert check_processes(Requirements(processes=40), root)[:2] == (
        "ok",
        "40 more of 100 allowed; up to 40 needed, with threads",
    )
    verdict, found, cure = check_processes(Requirements(processes=41), root)
    assert verdict == "fail"
    assert cure == "raise the limit (ulimit -u 1024), or fewer --num-workers"
    if sys.platform == "linux":
        assert found == "0 more of 100 allowed; up to 41 needed, with threads"


@pytest.mark.parametrize(
    ("methods", "asked", "verdict"),
    [
        (["fork", "spawn", "forkserver"], [None], "ok"),
        (["forkserver", "spawn", "fork"], [None], "warn"),
        (["forkserver", "spawn", "fork"], ["fork"], "ok"),
        (["forkserver", "spawn", "fork"], ["fork", "forkserver"], "ok"),
        (["forkserver", "spawn", "fork"], [], "ok"),
        (["spawn"], [None], "ok"),
    ],
)
def test_start_method(methods: list, asked: list, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.14's on Linux imports torch in every worker, if nothing else was asked for."""
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: methods)
    knobs = [{"num_workers": 2, "batch_size": 8, "multiprocessing_context": context} for context in asked]
    found = check_start_method(estimate_all([{"batch_size": 8}, *knobs], samples=100))
    assert found[0] == verdict
    assert found[1].startswith(f"{methods[0]}, unless told otherwise")


@pytest.mark.skipif(sys.platform == "win32", reason="ring.c is not compiled there")
def test_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, or switched off, which somebody wanted."""
    monkeypatch.setattr(checks, "native", lambda: native.Native(None, "no C compiler found"))
    verdict, found, cure = check_compiler()
    assert verdict == "warn"
    assert found == "no C compiler found; torch's own operations gather the rings' rows, more slowly"
    assert cure
    monkeypatch.setenv(native.SWITCH, "0")
    assert check_compiler()[0] == "ok"


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be made, a file in the way, no room; nothing is left behind."""
    missing = tmp_path / "a" / "b"
    verdict, found, _ = check_folder(missing, enough=1, fewest=1)
    assert verdict == "ok"
    assert f" free for {missing} (to be made); " in found
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert check_folder(tmp_path / "file" / "b", enough=1, fewest=1)[0] == "fail"
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=5))
    assert [check_folder(tmp_path, enough=enough, fewest=4)[0] for enough in (5, 6)] == ["ok", "warn"]
    assert check_folder(tmp_path, enough=6, fewest=6)[0] == "fail"


@pytest.mark.skipif(sys.platform != "linux", reason="no folder that nobody may write in is known here")
def test_a_folder_that_cannot_be_written() -> None:
    """Data may lie there all the same; results can't."""
    verdict, found, cure = check_folder(Path("/proc/loaderbench"), enough=1, fewest=0)
    assert verdict == "warn"
    assert found.startswith("/proc/loaderbench (to be made): can't be written (")
    assert cure
    assert check_folder(Path("/proc/loaderbench"), enough=1, fewest=1)[0] == "fail"


def fake_torch(*, available: bool = False, cuda: str | None = "12.4", error: str = "") -> types.ModuleType:
    """A torch as far as the check of the GPU looks at it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(error)

    torch = types.ModuleType("torch")
    torch.__version__ = "2.9.0"
    torch.version = types.SimpleNamespace(cuda=cuda)
    torch.cuda = types.SimpleNamespace(is_available=lambda: available, init=fail)
    torch.ones = fail
    return torch


DEVICE = {"dev/nvidia0": "", "proc/driver/nvidia/version": "NVRM version: Kernel Module  535.129.03  Oct"}


@pytest.mark.parametrize(
    ("torch", "files", "try_it", "verdict", "told"),
    [
        (fake_torch(), {}, False, "ok", "none that CUDA can use"),
        (fake_torch(), {"proc/driver/nvidia/version": ""}, False, "ok", "docker: --gpus all"),
        (fake_torch(cuda=None), {}, False, "ok", "none that CUDA can use"),
        (fake_torch(cuda=None), DEVICE, False, "warn", "torch 2.9.0 is built without CUDA"),
        (
            fake_torch(error="driver too old"),
            DEVICE,
            False,
            "warn",
            "can't start: RuntimeError: driver too old",
        ),
        (fake_torch(available=True), DEVICE, False, "ok", "Some GPU, CUDA 12.4, driver 535.129.03"),
        (fake_torch(available=True, error="no kernel image"), DEVICE, True, "fail", "no kernel image"),
    ],
)
def test_gpu(torch, files, try_it, verdict, told, tmp_path: Path, monkeypatch) -> None:
    """None is no trouble; one that CUDA can't use is, and torch says why."""
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(package_checks, "look", lambda: GpuSnapshot({"name": "Some GPU"}, None, None))
    monkeypatch.setattr(package_checks.shutil, "which", lambda _: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = package_checks.gpu(write(tmp_path, files), try_it=try_it)
    assert found[0] == verdict
    assert told in found[1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if verdict == "warn":
        assert package_checks.gpu(tmp_path)[0] == "ok"


GIB = 2**30


@pytest.mark.parametrize(
    ("seen", "measured", "verdict", "told"),
    [
        (
            GpuSnapshot({"name": "Some GPU"}, 0.16, 3 * GIB),
            True,
            "warn",
            "in use 16% of the time now, with 3 GiB",
        ),
        (GpuSnapshot({"name": "Some GPU"}, 0.16, 3 * GIB), False, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.15, 3 * GIB), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.99, 0), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, None, 3 * GIB), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.99, None), True, "ok", "Some GPU, CUDA 12.4"),
        (None, True, "warn", "a GPU, CUDA 12.4: the process that should look at it fails"),
        (None, False, "ok", "a GPU, CUDA 12.4"),
    ],
    ids=["others", "not measured", "quiet", "driver", "use unknown", "memory unknown", "failed", "no matter"],
)
def test_who_else_uses_the_gpu(seen, measured, verdict, told, tmp_path: Path, monkeypatch) -> None:
    """Only who has memory there is somebody; a process that fails there is told of where it matters."""
    monkeypatch.setitem(sys.modules, "torch", fake_torch(available=True))
    monkeypatch.setattr(package_checks, "look", lambda: seen)
    found = package_checks.gpu(tmp_path, measured=measured)
    assert found[0] == verdict
    assert told in found[1]
    assert (verdict == "ok") == (found[2] is None)


@pytest.mark.parametrize(
    ("version", "verdict"), [("2.5.1+cu121", "fail"), ("1.13", "fail"), ("2.6.0a0", "ok"), ("2.15.0", "ok")]
)
def test_the_oldest_torch(version: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """2.6; 2.15 is newer than that."""
    torch = fake_torch()
    torch.__version__ = version
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert package_checks.torch_itself()[0] == verdict


def test_sizes() -> None:
    """Three digits, and a unit that suits."""
    assert [format_bytes(n) for n in (0, 999, 2**20, 188_776_448, 2**31, 2**45)] == [
        "0 bytes", "999 bytes", "1 MiB", "180 MiB", "2 GiB", "32,768 GiB",
    ]  # fmt: skip
