"""The JSON of a tuning, and its file."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace

import pytest

from bench.analysis.tuning.tuning import Tuning
from bench.records.errors import ResultsError, StorageError
from bench.report.json_reader import JsonFormatError
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.tuning_file import has_tuning, read_tuning, write_tuning
from bench.report.tune.tuning_json import SCHEMA, from_json, to_json
from tests.bench.report.tune import tunings


def write(tuning: Tuning) -> dict:
    """Return what a file would hold."""
    return json.loads(json.dumps(to_json(tuning), allow_nan=False))


@pytest.mark.parametrize("make", tunings.ALL.values(), ids=tunings.ALL)
def test_nothing_is_lost(tmp_path, make) -> None:
    """Numbers of candidates, estimates, cells and reasons come back as they were."""
    assert not has_tuning(tmp_path)
    path = write_tuning(tmp_path, make())
    assert path.name == "tuning.json"
    assert has_tuning(tmp_path)
    assert read_tuning(tmp_path) == make()


def test_every_attribute_is_written_by_its_name() -> None:
    """Beside the schema and the answer."""
    written = write(tunings.make_gain())
    assert set(written) == {"schema", "answer", *(field.name for field in dataclasses.fields(Tuning))}
    assert (written["schema"], written["answer"]) == (SCHEMA, answer_in_a_sentence(tunings.make_gain()))
    assert written["outcome"]["fates"]["0"]["end"] == "slower"


def test_an_infinite_bound_comes_back() -> None:
    """It is a word in JSON."""
    found = tunings.make_gain()
    unbound = replace(found, outcome=replace(found.outcome, regret_bound=math.inf))
    assert write(unbound)["outcome"]["regret_bound"] == "infinity"
    assert from_json(write(unbound)) == unbound


def test_attributes_of_a_later_version_take_their_defaults() -> None:
    """And a member that nobody knows is ignored."""
    written = write(tunings.make_infeasible())
    del written["cautions"], written["outcome"]["noise"]
    back = from_json({**written, "colour": "red"})
    assert back.cautions == ()
    assert back.outcome.noise is None


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (("schema",), 99, "schema is 99: only tunings of schema 1 to"),
        (
            ("outcome", "verdict"),
            "magic",
            "tuning.outcome.verdict is 'magic': one of gain, nothing, undecided",
        ),
        (("outcome", "fates"), {"first": {}}, "tuning.outcome.fates is 'first': an integer as a name"),
        (("outcome", "leader"), 24, "tuning.outcome.leader names candidate 24: 0 to 23 is there"),
        (("candidates",), [], "tuning.outcome.leader names candidate 2: no candidate is there"),
        (("regret",), "3%", "tuning.regret is '3%': a number is needed"),
    ],
)
def test_other_json_is_refused_in_one_line(place, value, error) -> None:
    """It names the place, what was given and what is allowed."""
    written = write(tunings.make_gain())
    inner = written
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(JsonFormatError) as raised:
        from_json(written)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_tuning_is_one_line(tmp_path) -> None:
    """So is one that is missing, or can't be written."""
    with pytest.raises(ResultsError, match=r"tuning\.json can't be read: .*; run bench\.tune again"):
        read_tuning(tmp_path)
    (tmp_path / "tuning.json").write_text('{"schema": 1}')
    with pytest.raises(
        ResultsError, match=r"tuning\.json is not what bench\.tune wrote: tuning\.name is missing"
    ):
        read_tuning(tmp_path)
    (tmp_path / "tuning.json").unlink()
    (tmp_path / "tuning.json").mkdir()
    with pytest.raises(StorageError, match=r"tuning\.json can't be written"):
        write_tuning(tmp_path, tunings.make_gain())
