"""A training script as it is: a project of the shape that people have, and scripts that can't be measured."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from bench.runner.sweep_session import prepare_sweep
from bench.workloads.script.script_choice import choose_script
from bench.workloads.target.target import TargetError
from loaders.spec.loader_call import LoaderCall
from tests.bench.workloads.script.script_trials import choose, make_options, run

MODEL = """
    import torch

    class Model(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.layer = torch.nn.Linear(4, width)

        def forward(self, points):
            return self.layer(points)
"""
DATA = """
    import torch
    from torch.utils.data import Dataset

    class Points(Dataset):
        def __init__(self, count):
            self.points = torch.rand(count, 4)

        def __len__(self):
            return len(self.points)

        def __getitem__(self, index):
            return self.points[index], index % 2
"""
TRAIN = """
    import argparse
    import os
    import sys
    from pathlib import Path

    import torch
    from torch.utils.data import DataLoader

    import loaders
    from model import Model
    from utils.data import Points

    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", default="runs")
    parser.add_argument("--stop-at", type=int)
    parser.add_argument("--fail", action="store_true")


    def evaluate(model, loader):
        with torch.no_grad():
            return sum(model(points).sum().item() for points, _ in loader)


    def main():
        arguments = parser.parse_args()
        # It can be chosen once.
        torch.multiprocessing.set_start_method("fork")
        print("argv", sys.argv[1:], "folder", os.getcwd(), "trial", os.environ["LOADERBENCH_TRIAL"])
        train = DataLoader(Points(96), batch_size=8, shuffle=True, drop_last=True)
        validation = DataLoader(Points(40), batch_size=8)
        model = Model(loaders.WIDTH)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        # With fewer steps than batches this raises.
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, len(train) * arguments.epochs)
        print("a look", next(iter(train))[0].shape)
        evaluate(model, validation)
        folder = Path(arguments.out)
        folder.mkdir(exist_ok=True)
        # It is there already.
        Path("utils").mkdir(exist_ok=True)
        for epoch in range(arguments.epochs):
            for number, (points, labels) in enumerate(train):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(points), labels).backward()
                optimizer.step()
                schedule.step()
                if arguments.stop_at == number + 1:
                    break
                if arguments.fail and epoch == 1:
                    raise ValueError("no such weather")
            print("epoch", epoch, "is over")
            evaluate(model, validation)
            torch.save(model.state_dict(), folder / f"{epoch}.pt")
        Path("end.txt").write_text("the end")


    if __name__ == "__main__":
        main()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A folder with a script, modules that bear names of ours, and a package."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "utils").mkdir()
    files = {
        "model.py": MODEL,
        "loaders.py": "WIDTH = 2",
        "utils/__init__.py": "",
        "utils/data.py": DATA,
        "train.py": TRAIN,
    }
    for name, text in files.items():
        (folder / name).write_text(dedent(text))
    return folder


@pytest.fixture(scope="module")
def choice(project):
    return choose(project, "train.py")


def test_the_first_run_finds_the_training(project, choice) -> None:
    """The DataLoader that most samples go through is varied. What the script wrote is told."""
    workload = choice.workload
    picked, facts = workload.picked, workload.picked.facts
    assert (picked.name, facts.samples, facts.batches, facts.batch_samples) == ("Points", 96, 12, 8)
    assert [str(other) for other in choice.others] == [
        "Points-2 (40 samples, batch_size=8, SequentialSampler)"
    ]
    assert workload.epochs is None
    told: list[str] = []
    choice.find(told.append, None)
    assert len(told) == 2
    assert "--pick" in told[0]
    assert told[1].startswith("As train.py ran, runs appeared. ")
    assert "LOADERBENCH_TRIAL=1" in told[1]
    assert workload.find_changed() is None
    assert not (project / "end.txt").exists()
    # The validation has a call of its own.
    line = 1 + dedent(TRAIN).splitlines().index(
        "    train = DataLoader(Points(96), batch_size=8, shuffle=True, drop_last=True)"
    )
    assert choice.offer.loader_call == LoaderCall(str(project / "train.py"), line)


def test_epochs_of_a_script(project, choice, tmp_path) -> None:
    """Each epoch is the script's own, with the settings that were asked for; the others aren't run."""
    rows = run(choice, tmp_path, 2, num_workers=2, batch_size=4)
    assert [(row.status, row.epoch, row.samples, row.batches, row.audit) for row in rows] == [
        ("ok", 0, 96, 24, "index"),
        ("ok", 1, 96, 24, "index"),
    ]
    assert rows[0].build_s > 0
    assert rows[1].build_s is None
    for row in rows:
        assert (row.step, row.family, row.sample_shape, row.dtype) == ("script", "dataloader", "4", "float32")
        assert row.processes is None or row.processes >= 1
        parts = row.startup_s + row.data_wait_s + row.step_s + row.teardown_s
        assert 0.5 * row.wall_s < parts <= row.wall_s * 1.001
    printed = (tmp_path / "trials.log").read_text()
    assert f"argv [] folder {project} trial 1" in printed
    assert printed.count("is over") == 1
    assert not (project / "end.txt").exists()


def test_an_epoch_ends_after_some_batches(project, tmp_path) -> None:
    """The script goes on as after an epoch of its own."""
    choice = choose(project, "train.py", batches=3)
    assert choice.workload.picked.name == "Points"
    rows = run(choice, tmp_path, 2, num_workers=2)
    assert [(row.status, row.samples, row.batches, row.audit) for row in rows] == [("ok", 24, 3, "index")] * 2


def test_a_script_with_fewer_epochs(project, tmp_path) -> None:
    """Its only epoch counts. A loop that breaks off has its epochs, too, and a look at a batch is none."""
    choice = choose(project, "train.py", ["--epochs", "1", "--stop-at", "11"])
    assert (choice.workload.epochs, choice.workload.picked.facts.batches) == (1, 11)
    schedule = prepare_sweep(make_options(project, "train.py"), choice.offer).options.schedule
    assert (schedule.epochs, schedule.steady_s) == (1, 0)
    rows = run(choice, tmp_path, 2)
    assert [(row.status, row.epoch, row.samples, row.batches) for row in rows] == [("ok", 0, 88, 11)]
    printed = (tmp_path / "trials.log").read_text()
    assert "argv ['--epochs', '1', '--stop-at', '11']" in printed
    assert "is over" not in printed


def test_another_loader_is_picked(project, tmp_path) -> None:
    """It goes by its name or its number."""
    choice = choose(project, "train.py", pick="Points-2")
    assert choice.workload.picked.facts.samples == 40
    rows = run(choice, tmp_path, 1, batch_size=20)
    assert [(row.status, row.samples, row.batches) for row in rows] == [("ok", 40, 2)]
    with pytest.raises(TargetError, match=r"no DataLoader '3'; it has 1 Points \(96 samples.*; 2 Points-2"):
        choose(project, "train.py", pick="3")


def test_a_loader_that_is_only_looked_at(tmp_path) -> None:
    """It has no epoch that could be measured."""
    (tmp_path / "look.py").write_text(
        "from torch.utils.data import DataLoader\n"
        "for count in (8, 80):\n"
        "    next(iter(DataLoader(list(range(count)), batch_size=4)))\n"
        "for _ in DataLoader(list(range(8)), batch_size=4):\n"
        "    pass\n"
    )
    with pytest.raises(TargetError, match=r"takes no more than a first batch of list-2 \(80 samples"):
        choose(tmp_path, "look.py", pick="2")


def test_the_ceiling_of_a_script(choice, tmp_path) -> None:
    """Captured batches go through the script's own loop, as many as in an epoch."""
    rows = run(choice, tmp_path, 2, ceiling=True)
    assert [(row.status, row.samples, row.batches, row.audit) for row in rows] == [("ok", 96, 12, None)] * 2
    assert "captured 12 of 12 batches" in (tmp_path / "trials.log").read_text()


def test_a_script_that_raises_in_an_epoch(project, tmp_path) -> None:
    """The row of that epoch says so. The epoch that was broken off is no epoch."""
    choice = choose(project, "train.py", ["--fail"])
    rows = run(choice, tmp_path, 2)
    assert [(row.status, row.epoch) for row in rows] == [("ok", 0), ("failed", 1)]
    assert rows[1].error.startswith("ValueError: no such weather (train.py:")


def test_a_script_copies_its_batches_itself(choice) -> None:
    """On a GPU, too: the plan has no transfer, and none can be asked for."""
    spec = choice.offer.specs["dataloader"]
    assert spec.resolve(cuda=True).transfer is None
    assert "copies its batches itself" in spec.with_knobs({"transfer": "blocking"}).invalid(cuda=True)
    assert not choice.workload.has_device_pass


LOADER = """
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    loader = DataLoader(TensorDataset(torch.rand(32, 4)), batch_size=4)
"""
PROCESSES = """
    import multiprocessing

    def train(rank):
        for _ in loader:
            pass

    if __name__ == "__main__":
        children = [multiprocessing.get_context("fork").Process(target=train, args=(n,)) for n in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
"""
FORK = """
    import os

    if os.fork():
        os.wait()
    else:
        for _ in loader:
            pass
        os._exit(0)
"""
FAULTS = {
    "no loader": (
        "print('hello')",
        r"has no DataLoader: .* name what makes them, as in .*script\.py:NAME; its output",
    ),
    "not iterated": (LOADER, "ended before its first batch: it makes 1 DataLoader and iterates none"),
    "empty": (f"{LOADER}    for _ in DataLoader([]): pass", "ended before its first batch"),
    "exit": (
        "import sys\n    sys.exit('no GPU here')",
        r"left by sys.exit\('no GPU here'\), before its first batch",
    ),
    "usage": (
        "import argparse\n    argparse.ArgumentParser(prog='x').parse_args(['--lr'])",
        r"sys.exit\(2\), before its first batch \(x: error: unrecognized arguments: --lr\)",
    ),
    "input": ("input('Go on? ')", "asks for input"),
    "raises": (
        "import math\n    math.sqrt(-1)",
        r"ValueError: .* \(script.py:3 in <module>\), before its first batch",
    ),
    "raises later": (f"{LOADER}    for _ in loader: 1 / 0", "division by zero.*before the end of an epoch"),
    "processes": (f"{LOADER}{PROCESSES}", "iterates no DataLoader itself, and starts 2 processes"),
    "forks": (f"{LOADER}{FORK}", "iterates no DataLoader itself, and starts 1 process: give a script that"),
    "ends its process": ("import os\n    os._exit(3)", r"left by os._exit\(3\), before its first batch"),
    "restarts": (
        "import os, sys\n    os.execvp(sys.executable, [sys.executable, *sys.argv])",
        "starts itself anew by os.execv, which can't be followed: .*variable before the command, before its",
    ),
    "is killed": (
        "import os\n    os.kill(os.getpid(), 9)",
        "script.py: the trial's process .*its output is in",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_script_that_cannot_be_measured(tmp_path, name) -> None:
    """One line says what is wrong, and where the script's output is."""
    text, expected = FAULTS[name]
    (tmp_path / "script.py").write_text(dedent(f"\n    {text.strip()}\n"))
    with pytest.raises(TargetError, match=expected) as caught:
        choose(tmp_path, "script.py")
    message = str(caught.value)
    assert "\n" not in message
    log = Path(message.rpartition("its output is in ")[2])
    assert log.is_file()
    log.unlink()


@pytest.mark.parametrize(("timeout_s", "within_s", "limit"), [(0.2, 60, "--timeout"), (60, 0.2, "--budget")])
def test_a_script_that_takes_too_long(tmp_path, timeout_s, within_s, limit) -> None:
    """The time of a trial is that of its first run, too. The shorter limit counts."""
    (tmp_path / "script.py").write_text("import time\ntime.sleep(60)\n")
    options = make_options(tmp_path, "script.py", timeout_s=timeout_s)
    with pytest.raises(TargetError, match=rf"ended no epoch within .* \({limit}\); --batches N") as caught:
        choose_script(options, tmp_path, within_s)
    Path(str(caught.value).rpartition("its output is in ")[2]).unlink()


def test_no_such_script(tmp_path) -> None:
    """The path is named, and the nearest file."""
    (tmp_path / "trains.py").touch()
    with pytest.raises(
        TargetError, match=r"train.py: there is no file .*train.py; did you mean trains.py\?$"
    ):
        choose(tmp_path, "train.py")
