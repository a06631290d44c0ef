"""The command line as a user runs it: real processes, small data."""

from __future__ import annotations

import csv
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from bench.sweep import main
from tests.paths import REAL, ROOT


def run_sweep(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench.sweep", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def first_attempts(folder: Path) -> list[dict[str, str]]:
    """Return the rows without repetitions of disturbed trials."""
    return [row for row in rows_of(folder) if row["attempt"] == "0"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Run a sweep of 2 × 2 × 2 configurations, 2 blocks and 2 epochs: (its process, its results folder)."""
    folder = tmp_path_factory.mktemp("sweep")
    done = run_sweep(
        "--dataset", "synthetic:2000", "--data-dir", str(folder / "data"), "--num-workers", "0,1",
        "--batch-size", "64,256", "--resize", "none,32", "--blocks", "2", "--timeout", "60",
        "--out", str(folder / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, folder / "out"


def test_every_epoch_of_every_point_is_a_row(finished) -> None:
    """8 configurations × 2 blocks × 2 epochs, each with all its samples; repetitions come on top."""
    rows = first_attempts(finished[1])
    cells = {(r["num_workers"], r["batch_size"], r["resize"], r["block"], r["epoch"]) for r in rows}
    assert len(rows) == len(cells) == 32
    assert {r["samples"] for r in rows} == {"2000"}
    assert {r["status"] for r in rows} == {"ok"}
    assert {r["dataset"] for r in rows} == {"synthetic:2000"}
    assert {r["sample_shape"] for r in rows} == {"1x28x28", "1x32x32"}


def test_the_parts_of_an_epoch_add_up(finished) -> None:
    """The rest is the harness's own loop: at most a fiftieth of the usual epoch, and never negative."""
    rests = []
    for row in rows_of(finished[1]):
        parts = ("startup_s", "data_wait_s", "transfer_s", "step_s", "teardown_s")
        rest = float(row["wall_s"]) - sum(float(row[name]) for name in parts)
        assert rest >= -1e-6
        rests.append(rest / float(row["wall_s"]))
        speed = float(row["samples"]) / float(row["wall_s"])
        assert float(row["samples_per_s"]) == pytest.approx(speed, rel=1e-6)
    # The median: another process can interrupt the loop between two readings of the clock.
    assert statistics.median(rests) <= 0.02


def test_blocks_are_shuffled_and_complete(finished) -> None:
    """Each block holds each configuration, in another order."""
    orders = [
        [r["configuration"] for r in first_attempts(finished[1]) if r["block"] == block and r["epoch"] == "0"]
        for block in "01"
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == [str(n) for n in range(8)]
    assert orders[0] != orders[1]


def test_every_epoch_was_audited(finished) -> None:
    """Each row says how well it was shuffled, and how much of it was seen in the epoch itself."""
    for row in rows_of(finished[1]):
        assert 0.9 < float(row["shuffle_quality"]) < 1.1
        assert 0 <= float(row["audited_share"]) <= 1
        assert 0 <= float(row["other_cpu_share"]) < 1


def test_ceilings_stand_beside_the_runs(finished) -> None:
    """Ceilings are measured in the same blocks; the summary has each configuration's share of its ceiling."""
    with (finished[1] / "ceilings.csv").open(newline="") as stream:
        ceilings = list(csv.DictReader(stream))
    assert {(r["family"], r["batch_size"], r["resize"], r["block"]) for r in ceilings} == {
        (family, size, resize, block)
        for family, resize in (("step_ceiling", "none"), ("step_ceiling", "32"), ("read_ceiling", "none"))
        for size in ("64", "256")
        for block in "01"
    }
    with (finished[1] / "summary.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            assert line["ceiling"] in ("step", "read")
            assert 0 < float(line["ceiling_share"]) < 1


def test_the_folder_is_complete(finished) -> None:
    """It holds rows, summary, environment, charts and a page with code and samples."""
    names = {path.name for path in finished[1].iterdir()}
    assert {"runs.csv", "summary.csv", "environment.json", "config.toml", "trials.log"} <= names
    assert {"ranking.png", "where_time_goes.png", "throughput_by_workers.png"} <= names
    page = (finished[1] / "report.html").read_text()
    assert "Samples as delivered" in page
    assert "loader = " in page
    assert page.count("<svg") >= 3
    with (finished[1] / "summary.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 8
    found = json.loads((finished[1] / "environment.json").read_text())
    assert found["dataset"]["name"] == "synthetic:2000"
    assert found["sweep"]["blocks"] == 2
    assert found["command"].startswith("python -m bench.sweep --dataset synthetic:2000")


def test_progress_and_results_are_printed(finished) -> None:
    """One line a trial; then the answer, the table, the folder and the page, in this order."""
    text = finished[0].stdout
    # 8 configurations, 4 ceilings of the step and 2 of reading, in 2 blocks.
    assert "[ 1/28]" in text
    (of,) = re.findall(r"^\[(\d+/\d+)\].*$(?=\n\n)", text, re.MULTILINE)
    assert of.split("/")[0] == of.split("/")[1]
    assert re.search(r"about \d+ s left", text)
    parts = [
        "fewer than three blocks can't tell it from others",
        "loader = ",
        "Throughput of steady epochs",
        "Results: ",
    ]
    assert [text.count(part) > 0 for part in parts] == [True] * 4
    assert sorted(parts, key=text.find) == parts
    assert text.endswith(f"Results: {finished[1]}\nReport: {finished[1] / 'report.html'}\n")
    assert finished[0].stderr == ""


def test_real_pictures_are_labelled_as_what_they_are(tmp_path, sweep_here) -> None:
    """Valid files that are not the published ones carry their own digest."""
    code, text, _ = sweep_here(
        "--dataset", "auto", "--data-dir", str(REAL), "--num-workers", "0,2", "--blocks", "2",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    (name,) = {row["dataset"] for row in rows_of(tmp_path / "out")}
    assert re.fullmatch(r"idx-[0-9a-f]{8}", name)
    assert "NOTICE" not in text


def test_without_data_or_network_the_notice_is_there(tmp_path, sweep_here) -> None:
    """auto falls back to the synthetic set, says so in a box before and in one line after."""
    code, text, _ = sweep_here(
        "--data-dir", str(tmp_path / "data"), "--mirror", "http://127.0.0.1:9/", "--family",
        "tensor_slice", "--blocks", "1", "--epochs", "1",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    assert text.count("NOTICE") == 1
    assert text.count("\nNotice: Not Fashion-MNIST: ") == 1
    assert re.search(r"Chosen: device=.*, dataset=synthetic:60000, ", text)
    assert {row["dataset"] for row in rows_of(tmp_path / "out")} == {"synthetic:60000"}


def test_a_plan_can_be_read_by_a_program(tmp_path, monkeypatch, sweep_here) -> None:
    """Standard output holds one JSON document; the options come from a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.toml").write_text("num-workers = [0, 2]\nblocks = 5\n")
    code, text, errors = sweep_here("--config", "sweep.toml", "--dry-run", "--json")
    assert (code, errors) == (0, "")
    found = json.loads(text)
    assert [one["settings"]["num_workers"] for one in found["plan"]] == ["0", "2"]
    assert found["command"] == "python -m bench.sweep --num-workers 0,2 --blocks 5 --dry-run --json"
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]


def test_a_dry_run_runs_nothing(tmp_path, monkeypatch, sweep_here) -> None:
    """It prints the plan and an estimate of its time, and makes neither a folder nor data."""
    monkeypatch.chdir(tmp_path)
    code, text, _ = sweep_here("--dry-run", "--preset", "full", "--family", "torch_dataloader")
    assert code == 0
    assert "24 configurations × 3 blocks × 2 epochs of 60,000 samples" in text
    assert re.search(r"about \d+ min", text)
    assert "left out 72 configurations: pin_memory=on and transfer=prefetch take a CUDA device" in text
    assert list(tmp_path.iterdir()) == []


BAD_INPUT = [
    (["--family", "nope"], "--family: 'nope' is not batched_dataloader"),
    (["--num-workers", "-1"], "--num-workers: '-1' is not a whole number from 0 to 256"),
    (["--num-workers", "1e3"], "--num-workers: '1e3' is not a whole number"),
    (["--num-workers", ""], "--num-workers: '' is not a whole number"),
    (["--batch-size", "0"], "--batch-size: '0' is not a whole number from 1"),
    (["--resize", "big"], "--resize: 'big' is not none or a whole number from 1 to 1024"),
    (["--pin-memory", "maybe"], "--pin-memory: 'maybe' is not none, on or off"),
    (["--multiprocessing-context", "thread"], "'thread' is not none, fork, forkserver or spawn"),
    (["--device", "tpu"], "--device: 'tpu' is not auto, cpu or cuda"),
    (["--step", "adam"], "--step: 'adam' is not analytic, autograd or none"),
    (["--loss", "hinge"], "--loss: 'hinge' is not cross_entropy"),
    (["--num-threads", "0"], "--num-threads: '0' is not none or a whole number from 1"),
    (["--preset", "huge"], "quick"),
    (["--blocks", "0"], "--blocks: '0' is not a whole number from 1 to 10000"),
    (["--epochs", "-2"], "--epochs: '-2' is not a whole number from 1"),
    (["--timeout", "0"], "--timeout: '0' is not a time above 0, as 90s, 5m or 1h"),
    (["--budget", "5 minutes"], "--budget: '5 minutes' is not a time above 0"),
    (["--budget", "-1m"], "--budget: '-1m' is not a time above 0"),
    (["--precision", "0.03"], "--precision: '0.03' is not a percentage above 0% and below 100%, as 3%"),
    (["--precision", "0%"], "--precision: '0%' is not a percentage"),
    (["--aa", "none"], "--aa: 'none' is not a whole number from 1"),
    (["--aa", "--blocks", "2"], "--blocks: 2 give no interval, an A/A check needs 3"),
    (["--aa", "--precision", "3%"], "--precision: an A/A check has a fixed number of --blocks"),
    (["--timeout", "nan"], "--timeout"),
    (["--learning-rate", "nan"], "--learning-rate: 'nan' is not a finite number above 0"),
    (["--seed", "x"], "--seed: 'x' is not a whole number from 0"),
    (["--dataset", "cifar"], "'cifar' is unknown, expected auto, fashion-mnist"),
    (["--dataset", "synthetic:0"], "synthetic:<N>"),
    (["--data-dir", "a_file"], "a_file: can't be looked into (Not a directory)"),
    (["--out", "a_file"], "a_file is a file"),
    (["--out", "used"], "used is not empty"),
    (["--name", "../up"], "--name: '../up' is not 1 to 100 letters"),
    (["--name", "x" * 300], "is not 1 to 100 letters"),
    (["--out", "x" * 300], "can't be used: File name too long"),
    (["--mirror", "foo"], "--mirror: 'foo' is not a URL"),
    (["--memory-limit", "lots"], "--memory-limit: 'lots' is not a size above 0, as 4G or 512M"),
    (["--memory-limit", "0G"], "--memory-limit: '0G' is not a size"),
    (["--resume", "nowhere"], "environment.json can't be read: No such file or directory; give a folder"),
    (["--resume", "used"], "environment.json can't be read"),
    (["--resume", "begun"], "holds no command of a sweep: 'rm -r'"),
    (
        ["--resume", "used", "--blocks", "9"],
        "--blocks: the recorded command says what a resumed sweep measures",
    ),
    (["--resume-anyway"], "--resume-anyway: there is no --resume"),
    (["--out", "a\x1b[31m_file/x"], "error: a[31m_file/x"),
    (["--out", "~nobody-at-all/x"], "--out: the home folder of '~nobody-at-all/x' is not known"),
    (["--nope"], "No such option"),
    (["--config", "gone.toml"], "--config: gone.toml can't be read: No such file or directory"),
    (["--config", "bad.toml"], "bad.toml: num_worker: no option of a sweep has this name; did you mean"),
    (["--config", "plan.toml"], "plan.toml: num-workers: no knob of tensor_slice"),
    (["stray"], "'stray' is no target, expected FILE.py:NAME or package.module:NAME"),
    (["--pin-memory", "on", "--device", "cpu"], "nothing to measure: pin_memory=on needs a CUDA"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD_INPUT, ids=range(len(BAD_INPUT)))
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, arguments, says) -> None:
    """Exit 2; the error says what was wrong and what is allowed; nothing is written."""
    (tmp_path / "a_file").write_text("")
    (tmp_path / "bad.toml").write_text("num_worker = 2")
    (tmp_path / "plan.toml").write_text("num-workers = 2\nfamily = 'tensor_slice'")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "x").write_text("")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "environment.json").write_text('{"command": "rm -r"}')
    (tmp_path / "a\x1b[31m_file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sweep", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    errors = capsys.readouterr().err
    assert left.value.code == 2
    assert says in errors
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_bad_input_to_a_real_process(tmp_path) -> None:
    """Nothing is on standard output, and no traceback anywhere."""
    done = run_sweep("--num-workers", "four", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --num-workers: 'four' is not")
    assert list(tmp_path.iterdir()) == []


# Prints the help as `python -m bench.sweep --help` does, and then which slow imports it took.
HELP = """
import runpy, sys
sys.argv = ["-m", "--help"]
try:
    runpy.run_module("bench.sweep", run_name="__main__", alter_sys=True)
finally:
    print(sorted({"torchvision", "matplotlib", "seaborn"} & set(sys.modules)))
"""


def test_help_names_the_command_and_imports_what_it_needs() -> None:
    """The usage shows the command as it was typed. What only loaders and charts need is not imported."""
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m bench.sweep [OPTIONS]" in done.stdout
    assert done.stdout.endswith("\n[]\n")


def test_damaged_data_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    """A truncated file stops the sweep before its folder is made."""
    raw = tmp_path / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    monkeypatch.setattr(
        "sys.argv", ["sweep", "--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "train-images-idx3-ubyte" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_trial_past_its_deadline_is_a_row(tmp_path, sweep_here) -> None:
    """The sweep goes on, says so, and leaves with exit code 1."""
    code, text, _ = sweep_here(
        "--dataset", "synthetic:2000", "--data-dir", str(tmp_path / "data"), "--num-workers", "0",
        "--timeout", "0.001", "--blocks", "1", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 1
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["timeout"]
    assert "not done after 0.001 s" in text


SMALL = (
    "--family",
    "tensor_slice",
    "--step",
    "none",
    "--batch-size",
    "32",
    "--blocks",
    "1",
    "--device",
    "cpu",
)


def test_logs_get_plain_lines(tmp_path) -> None:
    """A log that takes ASCII only, where colours are asked for: no cursor moves, one line a trial."""
    where = ("--dataset", "synthetic:200", "--data-dir", str(tmp_path), "--out", str(tmp_path / "out"))
    done = subprocess.run(
        [sys.executable, "-m", "bench.sweep", *SMALL, *where],
        cwd=ROOT, capture_output=True, check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "FORCE_COLOR": "1", "TERM": "xterm"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("ascii")
    assert re.findall(r"\x1b\[[0-9;?]*[A-Za-ln-z]", text) == []
    trials = [line for line in text.splitlines() if re.match(r"\[\d+/\d+\]", line)]
    # The configuration and the ceiling of reading, and their repetitions.
    assert 2 <= len(trials) <= 4
    assert "x 1 block x" in text


@pytest.mark.usefixtures("without_git")
def test_a_sweep_is_resumed_elsewhere(tmp_path, monkeypatch, sweep_here) -> None:
    """Its data are found, and nothing is made in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    arguments = (*SMALL, "--dataset", "synthetic:200", "--epochs", "2")
    code, _, errors = sweep_here(*arguments, "--data-dir", "my/data", "--out", "out")
    assert (code, errors) == (0, "")
    assert (
        json.loads((tmp_path / "out" / "environment.json").read_text())["dataset"]["folder"] == "../my/data"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    code, _, errors = sweep_here("--resume", "../out")
    assert (code, errors) == (0, "")
    (tmp_path / "my").rename(tmp_path / "moved")
    code, _, errors = sweep_here("--resume", "../out")
    assert code == 2
    assert errors.count("\n") == 1
    assert "say with --data-dir where they lie now" in errors
    assert list(elsewhere.iterdir()) == []


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, sweep_here) -> None:
    """In the path of the data and in that of the results; no folder is called ~."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, _, _ = sweep_here(*SMALL, "--dataset", "synthetic:200", "--data-dir=~/data", "--out=~/results")
    assert code == 0
    assert (tmp_path / "home" / "results" / "runs.csv").exists()
    assert (tmp_path / "home" / "data" / "synthetic-200").exists()
    assert list((tmp_path / "here").iterdir()) == []


def test_a_dry_run_on_a_machine_with_a_gpu(sweep_here, monkeypatch) -> None:
    """It plans for the GPU, and looks at none."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("bench.runner.sweep_session.count_usable_cores", lambda: 16.0)
    code, text, errors = sweep_here("--dry-run")
    assert (code, errors) == (0, "")
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    assert [row[1:] for row in rows[:8]] == [
        ["torch_dataloader", "num_workers=4", "pin_memory=off", "baseline"],
        ["torch_dataloader", "num_workers=16", "pin_memory=off"],
        ["torch_dataloader", "num_workers=4", "pin_memory=on"],
        ["torch_dataloader", "num_workers=16", "pin_memory=on"],
        ["batched_dataloader", "num_workers=0", "pin_memory=off"],
        ["device_resident"],
        ["device_resident", "cuda_graph=on"],
        ["tensor_slice", "pin_memory=on"],
    ]
    assert "1 min 35 s at most" in " ".join(text.split())
