"""Changes of DataLoader calls in sources of all styles."""

from __future__ import annotations

import inspect
from pathlib import Path
from textwrap import dedent

import pytest

from bench.editing.call_text import POSITIONS
from bench.editing.errors import EditError
from bench.editing.make_edit import DEFAULTS, OF_WORKERS, make_edit

IMPORT = "from torch.utils.data import DataLoader\n"
FOUR = {"num_workers": 4}
MORE = {"num_workers": 4, "prefetch_factor": 4, "persistent_workers": True}


def edit(folder: Path, text: str | bytes, changes: dict[str, object], name: str | None = None, **more) -> str:
    path = folder / "train.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = make_edit(path, name, changes, **more)
    assert path.read_bytes() == found.before
    return found.after.decode(found.encoding)


# The source without its import, the changes, and what becomes of it.
CALLS = [
    ("DataLoader(a)", MORE, "DataLoader(a, num_workers=4, prefetch_factor=4, persistent_workers=True)"),
    ("DataLoader()", FOUR, "DataLoader(num_workers=4)"),
    ("DataLoader( )", FOUR, "DataLoader( num_workers=4)"),
    ("DataLoader(a, )", FOUR, "DataLoader(a, num_workers=4, )"),
    ("DataLoader((a))", FOUR, "DataLoader((a), num_workers=4)"),
    ("DataLoader((a),)", FOUR, "DataLoader((a), num_workers=4,)"),
    ("DataLoader(a, num_workers = 2) # two", FOUR, "DataLoader(a, num_workers = 4) # two"),
    ("DataLoader(a, num_workers=(2))", FOUR, "DataLoader(a, num_workers=(4))"),
    ("DataLoader(a, num_workers=True)", {"num_workers": 1}, "DataLoader(a, num_workers=1)"),
    ("DataLoader(a, 8, True, None, None, 2)", FOUR, "DataLoader(a, 8, True, None, None, 4)"),
    ("DataLoader(a, **options, num_workers=2)", FOUR, "DataLoader(a, **options, num_workers=4)"),
    ("DataLoader(*a, num_workers=2)", FOUR, "DataLoader(*a, num_workers=4)"),
    ("DataLoader[int](a)", FOUR, "DataLoader[int](a, num_workers=4)"),
    ("DataLoader(a, collate_fn=lambda b: b)", FOUR, "DataLoader(a, collate_fn=lambda b: b, num_workers=4)"),
    (
        "x = 'é\u2028ü'; DataLoader('é', num_workers=2)",
        FOUR,
        "x = 'é\u2028ü'; DataLoader('é', num_workers=4)",
    ),
    ("DataLoader(a,\n    b=1)", FOUR, "DataLoader(a,\n    b=1,\n    num_workers=4)"),
    ("DataLoader(a,\n\tb=1,\n\t)", FOUR, "DataLoader(a,\n\tb=1,\n\tnum_workers=4,\n\t)"),
    ("DataLoader(\n    a,  # x\n)", FOUR, "DataLoader(\n    a,  # x\n    num_workers=4,\n)"),
    (
        "DataLoader(\n    a  # x, y)\n)",
        MORE,
        "DataLoader(\n    a,  # x, y)\n    num_workers=4,\n"
        "    prefetch_factor=4,\n    persistent_workers=True\n)",
    ),
    ("DataLoader(\n    a,\n    # last\n)", FOUR, "DataLoader(\n    a,\n    num_workers=4,\n    # last\n)"),
    ("DataLoader(\n    a, b=1,\n)", FOUR, "DataLoader(\n    a, b=1, num_workers=4,\n)"),
    ("DataLoader(\n    a\n    , b=1\n)", FOUR, "DataLoader(\n    a\n    , b=1, num_workers=4\n)"),
    (
        "DataLoader(\n    a,\n    b=f(\n        1,\n    ),\n)",
        FOUR,
        "DataLoader(\n    a,\n    b=f(\n        1,\n    ),\n    num_workers=4,\n)",
    ),
    (
        "DataLoader(\n    a,\n    b=1, # 1\n    ) # 2",
        FOUR,
        "DataLoader(\n    a,\n    b=1, # 1\n    num_workers=4,\n    ) # 2",
    ),
    (
        "DataLoader(\r\n  a,\r\n  b=1\r\n)\r\n",
        FOUR,
        "DataLoader(\r\n  a,\r\n  b=1,\r\n  num_workers=4\r\n)\r\n",
    ),
    ("DataLoader(a,\\\n  b=1)", FOUR, "DataLoader(a,\\\n  b=1,\n  num_workers=4)"),
    (
        "DataLoader(a, multiprocessing_context='fork')",
        {"multiprocessing_context": "spawn"},
        'DataLoader(a, multiprocessing_context="spawn")',
    ),
    # What equals PyTorch's default isn't written anew, and what is there already isn't touched.
    ("DataLoader(a)", {"num_workers": 0, "prefetch_factor": None, "in_order": True}, "DataLoader(a)"),
    ("DataLoader(a, num_workers=0x4)", FOUR, "DataLoader(a, num_workers=0x4)"),
    (
        "DataLoader(a, prefetch_factor=8, num_workers=1)",
        {"prefetch_factor": None},
        "DataLoader(a, num_workers=1)",
    ),
    # Without workers, a DataLoader refuses what belongs to them.
    ("DataLoader(a, num_workers=2, prefetch_factor=4)", {"num_workers": 0}, "DataLoader(a, num_workers=0)"),
    ("DataLoader(a, prefetch_factor=4, num_workers=2)", {"num_workers": 0}, "DataLoader(a, num_workers=0)"),
    ("DataLoader(prefetch_factor=4, num_workers=2,)", {"num_workers": 0}, "DataLoader(num_workers=0,)"),
    (
        "DataLoader(a, num_workers=2, persistent_workers=x > 0, timeout=9)",
        {"num_workers": 0},
        "DataLoader(a, num_workers=0)",
    ),
    (
        "DataLoader(a, num_workers=2, persistent_workers=False, timeout=0)",
        {"num_workers": 0},
        "DataLoader(a, num_workers=0, persistent_workers=False, timeout=0)",
    ),
    (
        "DataLoader(a, multiprocessing_context=get('spawn'), num_workers=2)",
        {"num_workers": 0},
        "DataLoader(a, num_workers=0)",
    ),
    (
        "DataLoader(\n  a,\n  num_workers=2,\n  prefetch_factor=4,  # deep\n  # more\n)",
        {"num_workers": 0},
        "DataLoader(\n  a,\n  num_workers=0,\n  # more\n)",
    ),
    (
        "DataLoader(\n  a,\n  num_workers=2,\n  prefetch_factor=4\n)",
        {"num_workers": 0},
        "DataLoader(\n  a,\n  num_workers=0,\n)",
    ),
    (
        "DataLoader(a,\n  num_workers=2,  # x\n  prefetch_factor=4)",
        {"num_workers": 0},
        "DataLoader(a,\n  num_workers=0,  # x\n  )",
    ),
    (
        "DataLoader(a,\n  num_workers=2,\n  prefetch_factor=4)",
        {"num_workers": 0},
        "DataLoader(a,\n  num_workers=0)",
    ),
    (
        "DataLoader(a, prefetch_factor=4,\n  num_workers=2)",
        {"num_workers": 0},
        "DataLoader(a,\n  num_workers=0)",
    ),
    (
        "DataLoader(a, 8, True, None, None, 2, None, False, False, 60)",
        {"num_workers": 0},
        "DataLoader(a, 8, True, None, None, 0, None, False, False, 0)",
    ),
]


@pytest.mark.parametrize(("call", "changes", "expected"), CALLS)
def test_arguments_change_in_the_style_of_the_call(tmp_path, call, changes, expected) -> None:
    """The rest of the file stays byte for byte, without a line feed at its end."""
    around = "def f(a, x, options, f, get, b=1):\n    pass # é\n\n"
    assert edit(tmp_path, IMPORT + around + call, changes) == IMPORT + around + expected


@pytest.mark.parametrize(
    ("imported", "known"),
    [
        ("import torch", "torch.utils.data.DataLoader"),
        ("import torch as t", "t.utils.data.DataLoader"),
        ("import torch.utils.data", "torch.utils.data.DataLoader"),
        ("import torch.utils.data as tud", "tud.DataLoader"),
        ("from torch.utils import data", "data.DataLoader"),
        ("from torch.utils import data as d", "d.DataLoader"),
        ("from torch import utils", "utils.data.DataLoader"),
        ("from torch.utils.data import DataLoader as DL", "DL"),
        ("from torch.utils.data.dataloader import DataLoader", "DataLoader"),
        ("from torch.utils.data import *", "DataLoader"),
        ("from torch_geometric.loader import DataLoader", "DataLoader"),
        ("if True:\n    from torch.utils.data import DataLoader", "DataLoader"),
    ],
)
def test_the_class_is_known_by_its_imports(tmp_path, imported, known) -> None:
    """Another class beside it isn't taken for it."""
    text = f"{imported}\nother.loader(1)\nDataLoaders(1)\n"
    assert edit(tmp_path, f"{text}{known}(a)\n", FOUR) == f"{text}{known}(a, num_workers=4)\n"


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff# é\r\nfrom torch.utils.data import DataLoader\r\nDataLoader(é, num_workers=2)".encode(),
        f"# coding: latin-1\n{IMPORT}DataLoader(é, num_workers=2)\n".encode("latin-1"),
        b"from torch.utils.data import DataLoader\rDataLoader(a, num_workers=2)\r",
        b"from torch.utils.data import DataLoader\n\x0c\nDataLoader(a, num_workers=2)\n\n\n",
        f"{IMPORT}x = '\x0b\x1c'; DataLoader(a, num_workers=2)".encode(),
    ],
)
def test_encodings_and_line_ends_stay(tmp_path, content) -> None:
    """Only one digit differs."""
    path = tmp_path / "train.py"
    path.write_bytes(content)
    assert make_edit(path, None, FOUR).after == content.replace(b"=2", b"=4")


TWO = """
    def train_loader(workers=2):
        return DataLoader(a, num_workers=2)

    class Config:
        def loader(self):
            return wrap(DataLoader(b, num_workers=2))

    val_loader = DataLoader(c, num_workers=2)
    one, two = DataLoader(d, num_workers=2), DataLoader(e, num_workers=2)
    if x:
        late: object = DataLoader(f, num_workers=2)
"""


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("train_loader", "a"),
        ("Config.loader", "b"),
        ("Config", "b"),
        ("val_loader", "c"),
        ("two", "e"),
        ("late", "f"),
    ],
)
def test_a_name_tells_the_call(tmp_path, name, dataset) -> None:
    """The others stay."""
    text = IMPORT + dedent(TWO)
    expected = text.replace(f"({dataset}, num_workers=2", f"({dataset}, num_workers=4")
    assert expected != text
    assert edit(tmp_path, text, FOUR, name) == expected


def test_a_line_tells_the_call(tmp_path) -> None:
    """A script's call is found by any of its lines."""
    text = f"{IMPORT}DataLoader(\n    a,\n    8\n)\nDataLoader(b)\n"
    assert edit(tmp_path, text, FOUR, line=4).endswith("8,\n    num_workers=4\n)\nDataLoader(b)\n")


# The source, a line of the call, the name of the loader, and what becomes of the source.
AT_A_LINE = [
    (
        "a, b = f(\n    DataLoader(a),\n    DataLoader(b))",
        3,
        None,
        "DataLoader(a)",
        "DataLoader(a, num_workers=4)",
    ),
    # The first one ends in the line in which the second one begins.
    ("f(DataLoader(\n  a), DataLoader(\n  b))", 3, None, "\n  b)", "\n  b,\n  num_workers=4)"),
    ("DataLoader(a, 8, False, None, None, 2)\nDataLoader(b)", 2, None, "None, 2)", "None, 4)"),
    (
        "DataLoader(a, num_workers=2, **more)\nDataLoader(b, **more)",
        2,
        None,
        "num_workers=2",
        "num_workers=4",
    ),
    # A name's value may be made elsewhere in the file.
    (
        "def make(d):\n    return DataLoader(d)\nloader = make(a)\nother = DataLoader(b)",
        3,
        "loader",
        "DataLoader(d)",
        "DataLoader(d, num_workers=4)",
    ),
    # A function that the user has named may be called anywhere.
    (
        "def loader():\n    return DataLoader(a)\nDataLoader(b)\nf(loader(), loader())",
        3,
        "loader",
        "DataLoader(a)",
        "DataLoader(a, num_workers=4)",
    ),
    (
        "class Data:\n    def train(self):\n        return DataLoader(a)\nf(Data().train(), DataLoader(b))",
        4,
        None,
        "DataLoader(a)",
        "DataLoader(a, num_workers=4)",
    ),
]


@pytest.mark.parametrize(("text", "line", "name", "before", "after"), AT_A_LINE)
def test_a_line_tells_one_of_several_calls(tmp_path, text, line, name, before, after) -> None:
    """The others stay."""
    assert text.count(before) == 1
    assert edit(tmp_path, IMPORT + text, FOUR, name, line=line) == IMPORT + text.replace(before, after)


REFUSED_AT_A_LINE = [
    ("a = 1\nDataLoader(a)", 2, "line 2 has no call of DataLoader: set num_workers=4 there yourself"),
    ("f(DataLoader(a), DataLoader(b))", 2, "line 2 calls DataLoader more than once: set"),
    ("DataLoader(a, **more)\nDataLoader(b)", 2, r"line 2: \*\*more may hold num_workers"),
    ("DataLoader(a, 8, False, None, None, n)\nDataLoader(b)", 2, "num_workers=n is no literal"),
    (
        "def make(d):\n    return DataLoader(d)\nf(make(a), make(b))",
        3,
        "line 3 may make other loaders too, as make is used 2 times, in line 4: set num_workers=4",
    ),
    (
        "def outer():\n    def make():\n        return DataLoader(d)\n    return make()\nouter()\nouter()",
        4,
        "as outer is used 2 times, in lines 6 and 7",
    ),
    ("make = lambda d: DataLoader(d)\nmake(a)\nmake(b)", 2, "as make is used 2 times, in lines 3 and 4"),
    (
        "class Data:\n    def __init__(self, d):\n        self.loader = DataLoader(d)\nData(a)\nData(b)",
        4,
        "as Data is used 2 times, in lines 5 and 6",
    ),
    (
        "class Data:\n    def make(self, d):\n        return DataLoader(d)\n"
        "    def train(self):\n        return self.make(a)\n    def test(self):\n        return self.make(b)",
        4,
        "as make is used 2 times, in lines 6 and 8",
    ),
]


@pytest.mark.parametrize(("text", "line", "problem"), REFUSED_AT_A_LINE)
def test_a_line_that_is_not_clear_is_refused(tmp_path, text, line, problem) -> None:
    """A call that may make other loaders too is changed by nobody."""
    with pytest.raises(EditError, match=problem) as caught:
        edit(tmp_path, IMPORT + text, FOUR, line=line)
    assert "\n" not in str(caught.value)


REFUSED = [
    ("x = 1", FOUR, None, r"train.py has no call of DataLoader: set num_workers=4 there yourself"),
    ("DataLoader(a)\nDataLoader(b)", FOUR, None, "calls DataLoader more than once, in lines 2 and 3: set"),
    ("def f():\n    g()", FOUR, "f", "train.py:f has no call of DataLoader"),
    ("def fa():\n    g()", FOUR, "f", "train.py doesn't define f"),
    ("if x:\n  f = DataLoader(a)\nelse:\n  f = DataLoader(b)", FOUR, "f", "more than once, in lines 3 and 5"),
    ("DataLoader(a, **options)", FOUR, None, r"line 2: \*\*options may hold num_workers: set num_workers=4"),
    (
        "DataLoader(a, num_workers=1, **options)",
        {"num_workers": 0},
        None,
        r"\*\*options may hold prefetch_factor",
    ),
    ("DataLoader(*a)", FOUR, None, r"line 2: \*a may hold num_workers"),
    (
        "DataLoader(\n  a,\n  num_workers=args.workers)",
        FOUR,
        None,
        "line 4: num_workers=args.workers is no literal: set",
    ),
    (
        "N = 2\nDataLoader(a, num_workers=N)",
        FOUR,
        None,
        r"num_workers=N is no literal \(line 2 sets it\): set",
    ),
    ("N = 2\nN = 3\nDataLoader(a, num_workers=N)", FOUR, None, "num_workers=N is no literal: set"),
    ("DataLoader(a, 1, False, None, None, n)", FOUR, None, "num_workers=n is no literal"),
    (
        "partial(DataLoader, num_workers=2)",
        FOUR,
        None,
        "line 2 makes a partial, which may be called anywhere",
    ),
    ("functools.partial(DataLoader)(a)\nDataLoader(b)", FOUR, None, "more than once, in lines 2 and 3"),
    ("DataLoader(x for x in y)", FOUR, None, "line 2: .*: set num_workers=4 there yourself"),
    ("DataLoader(a", FOUR, None, "train.py line 2: .*never closed"),
    ("DataLoader(a)\0", FOUR, None, "null bytes"),
    ("DataLoader(a)", {"num_worker": 4}, None, "num_worker can't be set; did you mean num_workers?"),
]


@pytest.mark.parametrize(("text", "changes", "name", "problem"), REFUSED)
def test_what_is_not_clear_is_refused(tmp_path, text, changes, name, problem) -> None:
    """The line says where to change it."""
    with pytest.raises(EditError, match=problem) as caught:
        edit(tmp_path, IMPORT + text, changes, name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"# coding: nothing\n", b"\xff\xfe", b"# coding: ascii\n\xc3\xa9"])
def test_a_file_in_no_known_encoding_is_refused(tmp_path, content) -> None:
    """Its bytes could not be kept."""
    with pytest.raises(EditError, match="can't be read as Python"):
        edit(tmp_path, content, FOUR)


def test_a_missing_file_is_refused(tmp_path) -> None:
    """It is named."""
    with pytest.raises(EditError, match=r"train\.py can't be read: No such file"):
        make_edit(tmp_path / "train.py", None, FOUR)


def test_threads_are_no_argument(tmp_path) -> None:
    """A note says where they belong; alone they change nothing."""
    path = tmp_path / "train.py"
    path.write_text(f"{IMPORT}DataLoader(a)\n")
    found = make_edit(path, None, {"num_threads": 1})
    assert not found.has_changes
    assert found.notes == (
        "num_threads=1 is no argument of a DataLoader: call torch.set_num_threads(1) where the training "
        "begins",
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("blocking", "copy the batches by .to(device) in the loop"),
        ("non_blocking", "copy the batches by .to(device, non_blocking=True) in the loop"),
        ("prefetch", "take its batches from NestedPrefetcher(loader)"),
    ],
)
def test_the_copy_to_a_gpu_is_no_argument(tmp_path, value, said) -> None:
    """Page-locked memory is one, and is written; a note says how the loop copies."""
    path = tmp_path / "train.py"
    path.write_text(f"{IMPORT}DataLoader(a)\n")
    found = make_edit(path, None, {"pin_memory": True, "transfer": value})
    assert "DataLoader(a, pin_memory=True)" in found.after.decode()
    (note,) = found.notes
    assert said in note


def test_arguments_are_those_of_pytorch() -> None:
    """Their order and their defaults are PyTorch's."""
    from torch.utils.data import DataLoader

    parameters = inspect.signature(DataLoader).parameters
    positional = [name for name, one in parameters.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert tuple(positional) == POSITIONS
    for name, value in {**DEFAULTS, **OF_WORKERS}.items():
        assert parameters[name].default == value
