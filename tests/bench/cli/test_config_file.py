"""Options of a command in a TOML file, and the file that a run leaves of all its options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from bench import Explain, Sweep
from bench.cli.config_file import tomllib
from bench.cli.explain_command import make_explain_command
from bench.cli.python_options import name_option
from bench.cli.sweep_command import make_sweep_command
from bench.plan.screen import Screen
from bench.plan.sweep_options import SweepOptions
from loaders.registry import all_knobs
from tests.bench.cli.test_explain_command import parse as parse_explain
from tests.bench.cli.test_recorded_baseline import record
from tests.bench.cli.test_revisions_command import BOTH as REVISIONS
from tests.bench.cli.test_revisions_command import parse as parse_revisions
from tests.bench.report.sweeps import parse as parse_sweep
from tests.paths import ROOT

# Each option as a line of a file, the words that mean the same, and the words that both need beside it.
LOADER, SCRIPT, RESUMED = ("t.py:f",), ("t.py",), ("--resume", "DIR")
CASES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "target": ("target = 'train.py:loader'", ("train.py:loader",), ()),
    "script_args": ("script_args = ['--lr', '.1', 'a b']", ("--", "--lr", ".1", "a b"), SCRIPT),
    "param": ("param = { 'größe' = 64, t = '7' }", ("--param", "größe=64", "--param", "t='7'"), LOADER),
    "batches": ("batches = 9", ("--batches", "9"), LOADER),
    "pick": ("pick = '2'", ("--pick", "2"), SCRIPT),
    "dataset": ("dataset = 'synthetic:20'", ("--dataset", "synthetic:20"), ()),
    "data_dir": ("data-dir = 'my data'", ("--data-dir", "my data"), ()),
    "mirror": ("mirror = 'http://x/'", ("--mirror", "http://x/"), ()),
    "family": ("family = 'memory_map'", ("--family", "memory_map"), ()),
    "preset": ("preset = 'full'", ("--preset", "full"), ()),
    "device": ("device = 'cpu'", ("--device", "cpu"), ()),
    "step": ("step = 'autograd'", ("--step", "autograd"), ()),
    "step_ms": ("step-ms = 1.5", ("--step-ms", "1.5"), LOADER),
    "loss": ("loss = 'huber:0.5'", ("--loss", "huber:0.5"), ()),
    "num_threads": ("num_threads = 2", ("--num-threads", "2"), ()),
    "cuda_graph": ("cuda_graph = true", ("--cuda-graph",), ()),
    "learning_rate": ("learning_rate = 1e-05", ("--learning-rate", "1e-5"), ()),
    "blocks": ("blocks = 7", ("--blocks", "7"), ()),
    "epochs": ("epochs = 4", ("--epochs", "4"), ()),
    "precision": ("precision = '3.5%'", ("--precision", "3.5%"), ()),
    "budget": ("budget = 90.5", ("--budget", "90.5"), ()),
    "timeout": ("timeout = '2m'", ("--timeout", "2m"), ()),
    "memory_limit": ("memory-limit = '1.5G'", ("--memory-limit", "1.5G"), ()),
    "aa": ("aa = true", ("--aa",), ()),
    "seed": ("seed = 5", ("--seed", "5"), ()),
    "out": ("out = 'a\\\\b \"c\" ü'", ("--out", 'a\\\\b "c" ü'), ()),
    "name": ("name = 'mine'", ("--name", "mine"), ()),
    "resume": ("resume = 'DIR'", RESUMED, ()),
    "resume_anyway": ("resume_anyway = true", ("--resume-anyway",), RESUMED),
    "dry_run": ("dry_run = true", ("--dry-run",), ()),
    "json": ("json = true", ("--json",), ()),
    "quiet": ("quiet = true", ("--quiet",), ()),
    "verify": ("verify = true", ("--verify",), ()),
    "check": ("check = true", ("--check",), LOADER),
}  # fmt: skip
# A list is several values, and a knob of each kind is written alike.
LISTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "num_workers": ("num-workers = [0, 2]", ("--num-workers", "0,2"), ()),
    "pin_memory": ("pin_memory = ['none', false, true]", ("--pin-memory", "none,off,on"), ()),
    "resize": ("resize = ['none', 64]", ("--resize", "none,64"), ()),
    "scale_on": ("scale-on = ['host', 'device']", ("--scale-on", "host,device"), ()),
    "cuda_graph": ("cuda_graph = [false, true]", ("--cuda-graph", "off,on"), ()),
    "num_threads": ("num_threads = ['none', 2]", ("--num-threads", "none,2"), ()),
    "loss": ("loss = ['squared', 'huber:0.5']", ("--loss", "squared,huber:0.5"), ()),
    "family": ("family = ['stream', 'memory_map']", ("--family", "stream,memory_map"), ()),
    "step": ("step = ['none', 't.py:step']", ("--step", "none,t.py:step"), LOADER),
    "param": ("param = { a = [1, 2.5, 'x', true, '2'] }", ("--param", "a=1,2.5,x,True,'2'"), LOADER),
    "param with None": ("param = ['a=None,1', 'b=x']", ("--param", "a=None,1", "--param", "b=x"), LOADER),
    "one text": ("resize = '1,2'\nscript_args = '--lr .1'", ("--resize", "1,2", "--", "--lr", ".1"), SCRIPT),
}  # fmt: skip
PARSERS: dict[str, Callable[..., Any]] = {"sweep": parse_sweep, "explain": parse_explain}
COMMANDS = {"sweep": make_sweep_command, "explain": make_explain_command}


def list_names(command: str) -> set[str]:
    """Return the names of a command's options and arguments, save those that no file can hold."""
    return {name_option(one) for one in COMMANDS[command](lambda _: 0).params} - {"config"}


def list_cases() -> list[Any]:
    """Return each option of each command, and lists of values in a sweep."""
    cases = {name: case for name, case in CASES.items() if name not in all_knobs()}
    for name, knob in all_knobs().items():
        text = getattr(knob.kind, "options", ["on"])[0] if not hasattr(knob.kind, "minimum") else "3"
        cases[name] = (f"{name} = '{text}'", (f"--{name.replace('_', '-')}", text), ())
    every = [
        pytest.param(command, *case, id=f"{command} {name}")
        for command in COMMANDS
        for name, case in cases.items()
        if name in list_names(command)
    ]
    return [*every, *(pytest.param("sweep", *case, id=f"list {name}") for name, case in LISTS.items())]


def test_no_option_is_forgotten() -> None:
    """A new one needs a line above."""
    names = list_names("sweep") | list_names("explain")
    assert set(CASES) == names - set(all_knobs())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """The results folder of a sweep."""
    return record(tmp_path_factory.mktemp("recorded") / "out", "--num-workers", "0")


@pytest.fixture
def folder(tmp_path, monkeypatch, recorded) -> Path:
    """The current folder, with the results folder of a sweep as DIR below it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "DIR").symlink_to(recorded)
    return tmp_path


def write(text: str) -> str:
    """Write a configuration file into the current folder, and return its name."""
    Path("sweep.toml").write_text(text, encoding="utf-8")
    return "sweep.toml"


def get_order(options: Any) -> SweepOptions:
    """Return what a sweep or an explanation carries out."""
    return options if isinstance(options, SweepOptions) else options.order


def strip(options: Any) -> tuple[Any, ...]:
    """Return all that options mean, without the words that were typed."""
    order = get_order(options)
    request = replace(order.request, preset=order.request.effective_preset)
    extra = () if options is order else (options.verify, options.check)
    return replace(order, request=request, arguments=()), *extra


@pytest.mark.parametrize(("command", "line", "words", "beside"), list_cases())
def test_an_option_of_a_file_is_the_one_of_the_command_line(folder, command, line, words, beside) -> None:
    """Each means the same; and the recorded command says so without the file."""
    parse = PARSERS[command]
    # Arguments of a script come last.
    typed = parse(*beside, *words)
    filed = parse(*beside, "--config", write(f"{line}\n"))
    assert strip(filed) == strip(typed)
    order = get_order(filed)
    assert not any("config" in word for word in order.arguments)
    assert strip(parse(*order.arguments)) == strip(typed)


@pytest.mark.parametrize(("command", "line", "words", "beside"), list_cases())
def test_the_file_that_is_left_means_the_same(folder, command, line, words, beside) -> None:
    """It has every option of the command, and all but places and the screen come back from it."""
    parse = PARSERS[command]
    options = parse(*beside, *words)
    order = get_order(options)
    text = order.config
    known = {row.removeprefix("# ").partition(" = ")[0].partition(":")[0] for row in text.splitlines()}
    assert list_names(command) - {"target", "script_args"} <= known
    again = get_order(parse("--config", write(text)))
    assert again.config == text
    kept = {"out": None, "resume": None, "resume_anyway": False, "dry_run": False, "screen": Screen()}
    assert strip(again)[0] == strip(replace(order, **kept))[0]


def test_defaults_are_in_the_file_that_is_left() -> None:
    """With the values that they take for this command."""
    found = tomllib.loads(parse_sweep().config)
    assert {**found, "preset": "quick", "blocks": 3, "budget": "95s", "step": "analytic"} == found
    assert tomllib.loads(parse_sweep("t.py:f").config)["step"] == "none"
    assert "step" not in tomllib.loads(parse_sweep("t.py:f", "--step-ms", "3").config)
    assert tomllib.loads(parse_explain().order.config)["blocks"] == 5


def test_a_baseline_that_is_explained_leaves_its_values(folder) -> None:
    """With the folder that it came from, which is measured again."""
    options = parse_explain("DIR", "--blocks", "4")
    found = tomllib.loads(options.order.config)
    assert (found["target"], found["num_workers"], found["blocks"]) == ("DIR", 0, 4)
    assert strip(parse_explain("--config", write(options.order.config))) == strip(options)


def test_typed_options_come_before_those_of_the_file(folder) -> None:
    """The target and a script's arguments too; parameters one by one."""
    file = write(
        "target = 'a.py'\nscript_args = ['--old']\nnum-workers = 4\nblocks = 9\nbudget = '1m'\npick = 'x'\n"
    )
    order = parse_sweep("b.py", f"--config={file}", "--num-workers", "0,2", "--budget", "5", "--", "--new")
    assert (order.target, order.script_args, order.pick) == ("b.py", ("--new",), "x")
    assert (order.request.knobs, order.schedule.blocks, order.budget_s) == ({"num_workers": (0, 2)}, 9, 5)
    assert order.command == (
        "python -m bench.sweep --blocks 9 --pick x b.py --num-workers 0,2 --budget 5 -- --new"
    )
    assert parse_sweep("--config", file, "--").script_args == ()
    assert parse_sweep("--config", file).command.endswith(" --pick x -- --old")
    file = write("target = 'a.py:f'\nparam = { a = 1, b = 2 }\n")
    assert parse_sweep("--param", "a=3", "--config", file).request.knobs == {"param.a": (3,), "param.b": (2,)}


def test_a_file_works_in_python(folder) -> None:
    """Arguments of the call come before the file's options; its errors are ValueErrors."""
    file = write("target = 'a.py:f'\nnum-workers = [0, 2]\nblocks = 4\n")
    sweep = Sweep(config=Path(file), blocks=5)
    assert sweep.command == "python -m bench.sweep a.py:f --num-workers 0,2 --blocks 5"
    with pytest.raises(ValueError, match=r"^sweep.toml: num-workers: 0, 2 are 2 values"):
        Explain(config=file)
    with pytest.raises(ValueError, match=r"^--config: gone.toml can't be read: No such file or directory$"):
        Sweep(config="gone.toml")


def test_a_comparison_of_commits_reads_a_file(folder) -> None:
    """All but the revisions and what is measured, which are typed."""
    file = write("num-workers = [0, 2]\nmargin = '5%'\nlink = ['data', 'more']\nblocks = 4\n")
    options, compared = parse_revisions(*REVISIONS, "--config", file, "--blocks", "6", "--", "t.py:f")
    assert (options.order.target, options.links) == ("t.py:f", (Path("data"), Path("more")))
    assert (options.order.request.knobs, options.order.schedule.blocks) == ({"num_workers": (0, 2)}, 6)
    assert compared.margin == 0.05
    options, _ = parse_revisions("--config", write("revisions = ['a', 'b']"), "--", "t.py:f")
    assert options.revisions == ("a", "b")
    for line, error in {
        "target = 't.py:f'": "target: it is for the command line alone",
        "words = ['t.py:f']": "words: it is for the command line alone",
        "blokcs = 3": "blokcs: no option of a comparison has this name; did you mean blocks?",
    }.items():
        with pytest.raises(click.UsageError) as raised:
            parse_revisions(*REVISIONS, "--config", write(line), "--", "t.py:f")
        assert raised.value.message == f"sweep.toml: {error}"


def test_the_example_of_the_docs_works(folder) -> None:
    """It means the command line that a reader would expect."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert strip(parse_sweep("--config", write(example))) == strip(
        parse_sweep(
            "train.py:train_loader", "--param", "size=128,224", "--num-workers", "0,2,4",
            "--persistent-workers", "on", "--batch-size", "64", "--step-ms", "12", "--blocks", "5",
            "--precision", "3%", "--budget", "10m",
        )
    )  # fmt: skip


MISTAKES = {
    "num_worker = 3": "num_worker: no option of a sweep has this name; did you mean num_workers?",
    "xyzzy = 3": "xyzzy: no option of a sweep has this name",
    "[sweep]\nblocks = 3": "sweep: no option of a sweep has this name",
    "config = 'x'": "config: it is for the command line alone",
    "help = true": "help: it is for the command line alone",
    "num-workers = 2\nnum_workers = 3": "num_workers: num-workers gives the same option",
    "num-workers = 'four'": "num-workers: 'four' is not a whole number from 0 to 256",
    "num_workers = [0, 1.5]": "num_workers: '1.5' is not a whole number from 0 to 256",
    "num_workers = []": "num_workers: '' is not a whole number",
    "num_workers = { a = 1 }": "num_workers: a dict is no number, no text and no list of these",
    "name = 2026-11-27": "name: a date is no number, no text and no list of these",
    "family = 'tensor_slise'": "family: 'tensor_slise' is not batched_dataloader",
    "preset = 'fast'": "preset: 'fast' is not one of 'quick', 'full'.",
    "blocks = true": "blocks: 'on' is not a whole number from 1 to 10000",
    "budget = 0": "budget: '0' is not a time above 0",
    "precision = 3": "precision: '300%' is not a percentage above 0% and below 100%",
    "dry_run = 'yes'": "dry_run: 'yes' is not True or False",
    "out = '~nobody-at-all/x'": "out: the home folder of '~nobody-at-all/x' is not known",
    "target = 3": "target: a value of type int can't be sent to a trial's process",
    "param = { size = 3 }": "param: there is no TARGET that it could be for",
    "step-ms = 3": "step-ms: there is no TARGET that it could be for",
    "script_args = ['x']": "script_args: x: arguments are for a script",
    "script_args = 5": "script_args: a int is no text and no list",
    'script_args = "it\'s"': "script_args: \"it's\" can't be split into words: No closing quotation",
    "resume = 'DIR'\nblocks = 3": "blocks: the recorded command says what a resumed sweep measures",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_names_the_file_and_the_key(folder, text) -> None:
    """In one line, which is otherwise that of the command line."""
    with pytest.raises(click.UsageError) as error:
        parse_sweep("--config", write(text))
    assert error.value.format_message().startswith(f"sweep.toml: {MISTAKES[text]}")
    assert "\n" not in error.value.format_message()


def test_a_mistake_of_the_command_line_is_its_own(folder) -> None:
    """Also where the file gives the same option."""
    file = write("num_workers = 2\nblocks = 3\n")
    with pytest.raises(click.UsageError) as error:
        parse_sweep("--config", file, "--seed", "x")
    assert error.value.message.startswith("--seed: 'x' is not")
    with pytest.raises(click.UsageError, match=r"^No such option"):
        parse_sweep("--config", file, "--nope")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"blocks = ", "sweep.toml is no TOML file: Invalid value (at"),
        (b"blocks = 3\nblocks = 4\n", "sweep.toml is no TOML file: Cannot overwrite a value"),
        (b"name = '\xff'", "sweep.toml is not in UTF-8: 'utf-8' codec can't decode byte 0xff"),
        (None, "--config: sweep.toml can't be read: Is a directory; did you mean sweep.toml/config.toml?"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(folder, content, line) -> None:
    """A results folder has its file inside."""
    path = folder / "sweep.toml"
    if content is None:
        path.mkdir()
        (path / "config.toml").write_text("")
    else:
        path.write_bytes(content)
    with pytest.raises(click.UsageError) as error:
        parse_sweep("--config", "sweep.toml")
    assert error.value.message.startswith(line)


def test_an_editor_may_begin_the_file_with_a_mark(folder) -> None:
    """And end its lines as Windows does."""
    (folder / "sweep.toml").write_bytes(b"\xef\xbb\xbfblocks = 4\r\nseed = 2\r\n")
    schedule = parse_sweep("--config", "sweep.toml").schedule
    assert (schedule.blocks, schedule.seed) == (4, 2)
