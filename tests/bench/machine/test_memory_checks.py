"""Memory and /dev/shm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.machine.memory_checks import check_memory, check_shared_memory
from bench.machine.requirements import LoaderSettings, Requirements, estimate_requirements
from tests.bench.machine.fake_root import in_shm, write

NEEDS = estimate_requirements(LoaderSettings(1024, 2))
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
    """The limit counts. Pages of files are free when they are needed."""
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
    """The machine's memory counts without a control group."""
    assert check_memory(Requirements(memory_bytes=1), tmp_path)[0] == "ok"
    verdict, found, cure = check_memory(Requirements(memory_bytes=2**60), tmp_path)
    assert verdict == "fail"
    assert "container" not in found + (cure or "")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has it")
def test_shared_memory(tmp_path: Path) -> None:
    """It may be missing, too small, full or roomy enough. Without workers none is needed."""
    assert check_shared_memory(Requirements(), tmp_path) == ("ok", "not needed without workers", None)
    assert "mount" in (check_shared_memory(NEEDS, tmp_path) or ("", "", ""))[2]
    script = (
        "from bench.machine.memory_checks import *\nfrom bench.machine.requirements import *\n"
        "print(*check_shared_memory(estimate_requirements(LoaderSettings(8192, 8))), sep='|')"
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
