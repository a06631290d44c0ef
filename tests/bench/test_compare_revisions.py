"""Tests of comparing two commits: what is measured, what is left behind, and what can't be measured."""

from __future__ import annotations

import json
from multiprocessing.context import BaseContext

import pytest

from bench import compare_revisions
from bench.compare import main
from bench.records.results_folder import read_environment, read_runs
from bench.report.report_files import ReportFiles
from tests.git_project import GitProject, needs_git

pytestmark = needs_git

# A user's modules may bear the names of ours.
FILES = {
    ".gitignore": "data/\n",
    "work/bench.py": "def read():\n    return open('data/count.txt').read()\n",
    "work/loaders.py": "WORKERS = 0\n",
    "work/model.py": "NUMBER = 1.0\n",
    "work/train.py": """
        import sys
        import torch
        from torch.utils.data import DataLoader, TensorDataset
        from bench import read
        from loaders import WORKERS
        from model import NUMBER

        def loader():
            dataset = TensorDataset(torch.full((int(read()), 2), NUMBER))
            return DataLoader(dataset, batch_size=8, num_workers=WORKERS)

        def make_step():
            def step(batch):
                assert float(batch[0][0, 0]) == NUMBER
            return step

        if __name__ == "__main__":
            for epoch in range(int(sys.argv[1])):
                for batch in loader():
                    pass
    """,
}
COMMON = ("--blocks", "2", "--epochs", "2", "--num-threads", "1")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> GitProject:
    """A project whose second commit changes the data, its number of workers, and the step."""
    project = GitProject(tmp_path_factory.mktemp("compare") / "project")
    project.commit("first", FILES)
    project.git("tag", "first")
    project.commit("second", {"work/loaders.py": "WORKERS = 1\n", "work/model.py": "NUMBER = 2.0\n"})
    project.write({"work/data/count.txt": "24", "work/model.py": "NUMBER = 3.0\n"})
    return project


@pytest.fixture
def compare(project, context: BaseContext, monkeypatch, capsys):
    """Return a function that compares two commits in this process, which has imported everything already."""
    monkeypatch.chdir(project.root / "work")

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*arguments], "python -m bench.compare")
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


def test_two_commits_are_measured_in_common_blocks(project, compare, tmp_path) -> None:
    """Each one runs its own modules, in the folder from which the user starts, on the same data."""
    folder = tmp_path / "out"
    before = project.read_state()
    code, out, err = compare(
        "--revisions", "first", "main", *COMMON, "--step", "train.py:make_step", "--out", str(folder), "--",
        "train.py:loader",
    )  # fmt: skip
    # Two blocks give no interval.
    assert code == 3, out + err
    assert err == ""
    assert project.read_state() == before
    tables = {side: read_runs(folder / side) for side in ("old", "new")}
    assert {side: set(runs["num_workers"]) for side, runs in tables.items()} == {"old": {"0"}, "new": {"1"}}
    for side, runs in tables.items():
        assert set(runs["status"]) == {"ok"}, side
        assert set(runs["samples"]) == {24}
        assert set(runs["dataset"]) == {"train.py:loader"}
        assert (folder / side / "summary.csv").exists()
        assert not (folder / side / "ceilings.csv").exists()
    assert {"old", "new", "comparison.json", "comparison.md", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    environments = [read_environment(folder / side) for side in tables]
    records = [environment["common_blocks"] for environment in environments]
    assert [record["revision"] for record in records] == ["first", "main"]
    assert [record["commit"] for record in records] == project.git("rev-list", "--reverse", "main").split()
    assert records[0]["id"] == records[1]["id"]
    assert [record["configurations"] for record in records] == [[{}], [{}]]
    assert environments[0]["dataset"]["sha256"] != environments[1]["dataset"]["sha256"]
    assert "Uncommitted changes of model.py aren't measured" in out
    assert "Both commits read the same data" in out
    assert "as it is" in out
    # The folder can be compared again.
    assert compare(str(folder), "--json")[0] == 3


def test_a_comparison_for_programs_has_only_json_on_standard_output(compare, tmp_path, monkeypatch) -> None:
    """One script's knob is varied. Two runs of the same commit are compared, too."""
    # Drawing takes longer than measuring.
    monkeypatch.setattr(ReportFiles, "write_sweep", lambda results, with_charts: ReportFiles())
    monkeypatch.setattr(compare_revisions, "write_comparison", lambda comparison, folder: [])
    code, out, err = compare(
        "--revisions", "first", "first", "--json", "--blocks", "1", "--num-workers", "1", "--pick", "1",
        "--out", str(tmp_path / "out"), "--", "train.py", "--", "1",
    )  # fmt: skip
    found = json.loads(out)
    assert (code, found["exit_code"], found["common_blocks"]) == (3, 3, True), err
    assert [one["name"] for one in found["configurations"]] == ["num_workers=1"]
    assert "Uncommitted changes" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frist", "main", "--", "train.py:loader"), "'frist' is no commit of"),
        (("first", "main", "--", "train.py:lodaer"), ": train.py:lodaer: train has no lodaer; it has "),
        (("first", "main", "--", "gone.py:loader"), "gone.py:loader: there is no file first:work/gone.py"),
        (("first", "main", "--", "/usr/train.py"), "/usr/train.py lies outside the repository"),
        (("first", "main", "--link", "gone", "--", "train.py:loader"), "--link: gone is not there"),
        (("first", "main", "--num-workers", "0", "--family", "ring", "--", "train.py:loader"), "--family"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_an_error_in_one_line(
    project, compare, tmp_path, arguments, message
) -> None:
    """Nothing is written, and nothing is left in the repository."""
    before = project.read_state()
    code, _, err = compare("--revisions", *arguments[:2], "--out", str(tmp_path / "out"), *arguments[2:])
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert project.read_state() == before


def test_a_folder_in_no_repository_is_an_error(compare, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = compare("--revisions", "a", "b", "--", "train.py:loader")
    assert code == 2
    assert f"{tmp_path} lies in no git repository" in err
