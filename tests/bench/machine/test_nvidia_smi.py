"""Facts of a GPU that nvidia-smi tells."""

from __future__ import annotations

import pytest

from bench.machine import nvidia_smi
from tests.bench.machine.fake_nvml import FACTS
from tests.bench.machine.fake_program import runs_scripts, write_program

SMI = """
import sys
names = sys.argv[2].removeprefix("--query-gpu=").split(",")
assert sys.argv[1:] == ["--id=GPU-second", sys.argv[2], "--format=csv,noheader,nounits"], sys.argv
known = {known!r}
unknown = [name for name in names if name not in known]
if unknown:
    print(f'Field "{{unknown[0]}}" is not a valid field to query.')
    sys.exit(2)
print(", ".join(known[name] for name in names))
"""
SMI_TELLS = {
    "driver_version": "580.65.06", "enforced.power.limit": "650.00", "clocks.max.sm": "1980",
    "pcie.link.gen.gpucurrent": "1", "pcie.link.gen.max": "5", "pcie.link.width.current": "8",
    "pcie.link.width.max": "16",
}  # fmt: skip  # fmt: skip
UNKNOWN = dict.fromkeys(FACTS)


@runs_scripts
@pytest.mark.parametrize(
    ("smi", "facts"),
    [
        (SMI.format(known=SMI_TELLS), FACTS),
        (
            SMI.format(known=SMI_TELLS | {"pcie.link.gen.max": "[N/A]", "clocks.max.sm": "[Not Supported]"}),
            FACTS | {"max_pcie_generation": None, "max_sm_mhz": None},
        ),
        (SMI.format(known=SMI_TELLS | {"enforced.power.limit": "ERR!"}), FACTS | {"power_limit_w": None}),
        (SMI.format(known={"driver_version": "418.226"}), UNKNOWN | {"driver": "418.226"}),
        ("print('No devices were found'); raise SystemExit(6)", UNKNOWN),
        ("import time; time.sleep(60)", UNKNOWN),
        (None, UNKNOWN),
    ],
    ids=["all", "not all", "broken", "old", "no device", "hangs", "no program"],
)
def test_what_nvidia_smi_tells(tmp_path, monkeypatch, smi, facts) -> None:
    """Numbers are in the units of NVML. An unknown fact is None."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nvidia_smi, "DEADLINE_S", 0.3 if smi and "sleep" in smi else 30.0)
    if smi:
        write_program(tmp_path / "nvidia-smi", smi)
    assert nvidia_smi.query_facts("second") == facts


@runs_scripts
@pytest.mark.parametrize(
    ("program", "listed"),
    [
        ("import sys; print('GPU 0: NVIDIA H100' if sys.argv[1:] == ['-L'] else '')", True),
        ("print('No devices found.')", False),
        ("print('GPU 0'); raise SystemExit(9)", False),
        (None, False),
    ],
    ids=["one", "none", "fails", "no program"],
)
def test_whether_it_lists_a_gpu(tmp_path, monkeypatch, program, listed) -> None:
    """A list counts if the command succeeds."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if program:
        write_program(tmp_path / "nvidia-smi", program)
    assert nvidia_smi.lists_gpu() == listed
