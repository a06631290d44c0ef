"""A sweep of a script as it is: what is printed, and what is left in the folder."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

from bench.records.results_folder import read_ceilings, read_runs
from bench.report.sweep.sweep_results import SweepResults

SCRIPT = """
    import sys
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    if __name__ == "__main__":
        open("notes.txt", "w").close()
        loader = DataLoader(TensorDataset(torch.zeros(48, 2)), batch_size=8)
        layer = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        for epoch in range(int(sys.argv[2])):
            for (points,) in loader:
                layer(points).sum().backward()
                optimizer.step()
            print("a line of the script")
"""


def test_a_sweep_of_a_script(sweep_here, tmp_path, monkeypatch) -> None:
    """A script with a single epoch is ranked by its cold epochs. What it prints goes to the log."""
    monkeypatch.chdir(tmp_path)
    script, folder = tmp_path / "train.py", tmp_path / "out"
    script.write_text(dedent(SCRIPT))
    code, out, err = sweep_here(
        str(script), "--num-workers", "0,1", "--num-threads", "1", "--blocks", "1", "--out", str(folder),
        "--", "--epochs", "1",
    )  # fmt: skip
    assert code == 0, out + err
    runs, ceilings = read_runs(folder), read_ceilings(folder)
    # A disturbed trial is repeated.
    assert {*runs["epoch"], *ceilings["epoch"]} == {0}
    assert set(runs["samples"]) == set(ceilings["samples"]) == {48}
    assert set(runs["step"]) == {"script"}
    assert set(runs["audit"]) == {"index"}
    summary = SweepResults.read(folder).summary
    assert summary["phase"].tolist() == ["cold", "cold"]
    assert sorted(summary["rank"]) == [1, 2]
    assert summary["ceiling"].tolist() == ["step", "step"]
    assert "The ceiling is your loop on batches that are in memory already" in out
    assert "a line of the script" not in out + err
    assert "notes.txt" in out
    assert (tmp_path / "notes.txt").is_file()
    # The first run and the trials end with the epoch that they are about.
    log = (folder / "trials.log").read_text()
    assert "a line of the script" not in log
    assert "captured 6 of 6 batches" in log
    recorded = json.loads((folder / "environment.json").read_text())
    assert recorded["command"].endswith("-- --epochs 1")
    assert recorded["sweep"]["epochs"] == 1


def test_a_script_without_a_loader_is_one_line(sweep_here, tmp_path) -> None:
    """On standard error, with exit code 2."""
    script = tmp_path / "train.py"
    script.write_text("print('hello')\n")
    code, out, err = sweep_here(str(script), "--num-workers", "0", "--out", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "has no DataLoader" in err
    assert not (tmp_path / "out").exists()
    Path(err.rpartition("its output is in ")[2].strip()).unlink()
