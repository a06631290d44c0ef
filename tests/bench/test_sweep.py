"""The command line as a user runs it: real processes, small data."""

from __future__ import annotations

import csv
import json
import os
import re
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


@pytest.fixture
def sweep_here(monkeypatch, capsys):
    """Run a sweep in this process, which has imported everything already: (exit code, what it printed)."""

    def sweep(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sweep", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code, capsys.readouterr().out

    return sweep


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "runs.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def first_attempts(folder: Path) -> list[dict[str, str]]:
    """Without the trials that were run again, since somebody else used this machine."""
    return [row for row in rows_of(folder) if row["attempt"] == "0"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """One sweep of 2 × 2 × 2 configurations, 2 blocks and 2 epochs, and where it left its results."""
    folder = tmp_path_factory.mktemp("sweep")
    done = run_sweep(
        "--dataset", "synthetic:2000", "--data-dir", str(folder / "data"), "--num-workers", "0,1",
        "--batch-size", "64,256", "--resize", "none,32", "--blocks", "2", "--timeout", "60",
        "--out", str(folder / "out"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, folder / "out"


def test_every_epoch_of_every_point_is_a_row(swept) -> None:
    """8 configurations × 2 blocks × 2 epochs, each once (or again, where disturbed), with all its samples."""
    rows = first_attempts(swept[1])
    cells = {(r["num_workers"], r["batch_size"], r["resize"], r["block"], r["epoch"]) for r in rows}
    assert len(rows) == len(cells) == 32
    assert {r["samples"] for r in rows} == {"2000"}
    assert {r["status"] for r in rows} == {"ok"}
    assert {r["dataset"] for r in rows} == {"synthetic:2000"}
    assert {r["sample_shape"] for r in rows} == {"1x28x28", "1x32x32"}


def test_the_parts_of_an_epoch_add_up(swept) -> None:
    """What is not in a column is the harness's own loop: a small share, never negative."""
    for row in rows_of(swept[1]):
        parts = ("startup_s", "data_wait_s", "transfer_s", "step_s", "teardown_s")
        rest = float(row["wall_s"]) - sum(float(row[name]) for name in parts)
        assert -1e-6 <= rest <= 0.05 * float(row["wall_s"]) + 0.02
        speed = float(row["samples"]) / float(row["wall_s"])
        assert float(row["samples_per_s"]) == pytest.approx(speed, rel=1e-6)


def test_blocks_are_shuffled_and_complete(swept) -> None:
    """Each block holds each configuration, in another order."""
    orders = [
        [r["configuration"] for r in first_attempts(swept[1]) if r["block"] == block and r["epoch"] == "0"]
        for block in "01"
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == [str(n) for n in range(8)]
    assert orders[0] != orders[1]


def test_every_epoch_was_audited(swept) -> None:
    """Each row says how well it was mixed, and how much of it was seen in the epoch itself."""
    for row in rows_of(swept[1]):
        assert 0.9 < float(row["shuffle_quality"]) < 1.1
        assert 0 <= float(row["audited_share"]) <= 1
        assert 0 <= float(row["other_cpu_share"]) < 1


def test_limits_stand_beside_the_runs(swept) -> None:
    """What no loader can beat, in the same blocks; each configuration's share of it in the summary."""
    with (swept[1] / "ceilings.csv").open(newline="") as stream:
        limits = list(csv.DictReader(stream))
    assert {(r["family"], r["batch_size"], r["resize"], r["block"]) for r in limits} == {
        (family, size, resize, block)
        for family, resize in (("step_ceiling", "none"), ("step_ceiling", "32"), ("read_ceiling", "none"))
        for size in ("64", "256")
        for block in "01"
    }
    with (swept[1] / "summary.csv").open(newline="") as stream:
        for line in csv.DictReader(stream):
            assert line["limit"] in ("step", "read")
            assert 0 < float(line["ceiling_share"]) < 1


def test_the_folder_is_complete(swept) -> None:
    """Rows, summary, environment, charts."""
    names = {path.name for path in swept[1].iterdir()}
    assert {"runs.csv", "summary.csv", "environment.json", "trials.log"} <= names
    assert {"ranking.png", "where_time_goes.png", "throughput_by_workers.png"} <= names
    with (swept[1] / "summary.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 8
    found = json.loads((swept[1] / "environment.json").read_text())
    assert found["dataset"]["name"] == "synthetic:2000"
    assert found["sweep"]["blocks"] == 2
    assert found["command"].startswith("python -m bench.sweep --dataset synthetic:2000")


def test_progress_and_table_are_printed(swept) -> None:
    """What is measured now, how many are left, the time left; then the ranks and where the results are."""
    text = swept[0].stdout
    # 8 configurations, 4 limits of the step and 2 of reading, in 2 blocks.
    assert "[ 1/28]" in text
    (of,) = re.findall(r"^\[(\d+/\d+)\].*$(?=\nThroughput)", text, re.MULTILINE)
    assert of.split("/")[0] == of.split("/")[1]
    assert re.search(r"about \d+ s left", text)
    assert "Throughput of steady epochs" in text
    assert f"Results: {swept[1]}" in text
    assert swept[0].stderr == ""


def test_real_pictures_are_labelled_as_what_they_are(tmp_path, sweep_here) -> None:
    """Valid files that are not the published ones carry their own digest."""
    code, text = sweep_here(
        "--dataset", "auto", "--data-dir", str(REAL), "--num-workers", "0,2", "--blocks", "2",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    (name,) = {row["dataset"] for row in rows_of(tmp_path / "out")}
    assert re.fullmatch(r"idx-[0-9a-f]{8}", name)
    assert "NOTICE" not in text


def test_without_data_or_network_the_notice_is_there(tmp_path, sweep_here) -> None:
    """auto falls back to the synthetic set, and says so before and after."""
    code, text = sweep_here(
        "--data-dir", str(tmp_path / "data"), "--mirror", "http://127.0.0.1:9/", "--family",
        "batched_dataloader", "--num-workers", "0", "--blocks", "1", "--epochs", "1",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 0
    assert text.count("NOTICE") == 2
    assert {row["dataset"] for row in rows_of(tmp_path / "out")} == {"synthetic:60000"}


def test_a_dry_run_runs_nothing(tmp_path) -> None:
    """The plan and an estimate of its time; no folder, no data."""
    done = run_sweep("--dry-run", "--preset", "full", "--family", "torch_dataloader", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "24 configurations × 3 blocks × 2 epochs of 60,000 samples" in done.stdout
    assert re.search(r"about \d+ min", done.stdout)
    assert "left out 48 configurations: pin_memory=on needs a CUDA device" in done.stdout
    assert "left out 24 configurations: transfer=prefetch needs a CUDA device" in done.stdout
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
    (["--blocks", "0"], "--blocks"),
    (["--epochs", "-2"], "--epochs"),
    (["--timeout", "0"], "--timeout: '0' is not a time above 0, as 90s, 5m or 1h"),
    (["--budget", "5 minutes"], "--budget: '5 minutes' is not a time above 0"),
    (["--budget", "-1m"], "--budget: '-1m' is not a time above 0"),
    (["--precision", "0.03"], "--precision: '0.03' is not a percentage above 0% and below 100%, as 3%"),
    (["--precision", "0%"], "--precision: '0%' is not a percentage"),
    (["--aa", "none"], "--aa: 'none' is not a whole number of pairs from 1"),
    (["--aa", "--blocks", "2"], "--blocks: 2 give no interval, an A/A check needs 3"),
    (["--aa", "--precision", "3%"], "--precision: an A/A check has a fixed number of --blocks"),
    (["--timeout", "nan"], "--timeout"),
    (["--learning-rate", "nan"], "--learning-rate: 'nan' is not a finite number above 0"),
    (["--seed", "x"], "--seed"),
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
    (["--resume", "used", "--blocks", "9"], "--blocks: what a resumed sweep measures is on file; beside"),
    (["--resume-anyway"], "--resume-anyway: there is no --resume"),
    (["--out", "a\x1b[31m_file/x"], "error: a[31m_file/x"),
    (["--nope"], "No such option"),
    (["stray"], "unexpected extra argument"),
    (["--pin-memory", "on", "--device", "cpu"], "nothing to measure: pin_memory=on needs a CUDA"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD_INPUT, ids=range(len(BAD_INPUT)))
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, arguments, says) -> None:
    """Exit 2; what was wrong and what is allowed; nothing written."""
    (tmp_path / "a_file").write_text("")
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
    """The same from outside: nothing on standard output, no traceback."""
    done = run_sweep("--num-workers", "four", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: --num-workers: 'four' is not")
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_command() -> None:
    """As it was typed, with every knob."""
    done = run_sweep("--help")
    assert done.returncode == 0
    assert "Usage: python -m bench.sweep [OPTIONS]" in done.stdout
    assert "--persistent-workers" in done.stdout


def test_damaged_data_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    """A truncated file stops the sweep before it makes its folder."""
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
    """The sweep goes on, says so, and leaves with 1."""
    code, text = sweep_here(
        "--dataset", "synthetic:2000", "--data-dir", str(tmp_path / "data"), "--num-workers", "0",
        "--timeout", "0.001", "--blocks", "1", "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert code == 1
    assert [row["status"] for row in rows_of(tmp_path / "out")] == ["timeout"]
    assert "not done after 0.001 s" in text
