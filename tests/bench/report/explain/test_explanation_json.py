"""JSON of explanations."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.explanation.explanation import Cause, Explanation
from bench.analysis.statistics import Estimate
from bench.report.explain.answer import answer_in_a_sentence
from bench.report.explain.explanation_json import SCHEMA, from_json, to_json
from bench.report.json_reader import JsonFormatError
from tests.bench.report.explain import explanations


def write(explanation: Explanation) -> dict:
    """Return what a file would hold."""
    return json.loads(json.dumps(to_json(explanation), allow_nan=False))


@pytest.mark.parametrize("make", explanations.ALL.values(), ids=explanations.ALL)
def test_nothing_is_lost(make) -> None:
    """Causes, estimates, tuples, indices and knobs come back as they were."""
    found = make()
    assert from_json(write(found)) == found


def test_every_attribute_is_written_by_its_name() -> None:
    """Beside the schema and the answer."""
    written = write(explanations.stragglers())
    names = {field.name for field in dataclasses.fields(Explanation)}
    assert set(written) == {"schema", "answer", *names}
    assert written["schema"] == SCHEMA
    assert written["answer"] == answer_in_a_sentence(explanations.stragglers())
    assert written["diagnosis"]["cause"] == "stragglers"
    assert written["slow_batches"][0]["indices"] == [33]
    assert written["samples_per_s"]["blocks"] == 5


def test_types_come_back() -> None:
    """Enums, integers and strings among indices, values of knobs."""
    found = explanations.stragglers()
    slow = replace(found.slow_batches[0], indices=(3, "a/b.png"))
    advice = replace(
        found.advice[0], knobs={"num_workers": 8, "pin_memory": True, "context": None, "size": (8, 8)}
    )
    back = from_json(write(replace(found, slow_batches=(slow,), advice=(advice,))))
    assert back.slow_batches[0].indices == (3, "a/b.png")
    assert back.advice[0].knobs == {"num_workers": 8, "pin_memory": True, "context": None, "size": (8, 8)}
    assert back.diagnosis.cause is Cause.STRAGGLERS
    assert isinstance(back.setup.cores, float)


def test_unknown_and_infinite_numbers_are_valid_json() -> None:
    """NaN is null, infinity is a word; both come back as numbers."""
    found = explanations.fetch_bound()
    point = replace(found.break_even[0], step_s=math.inf)
    written = write(
        replace(found, wall_s=math.nan, break_even=(point,), samples_per_s=Estimate(1, math.nan, None, 1))
    )
    assert written["wall_s"] is None
    assert written["break_even"][0]["step_s"] == "infinity"
    assert written["samples_per_s"]["low"] is None
    back = from_json(written)
    assert math.isnan(back.wall_s)
    assert back.break_even[0].step_s == math.inf


def test_numbers_of_numpy_are_written() -> None:
    """Analysis may hand them over."""
    found = explanations.stragglers()
    slow = replace(found.slow_batches[0], number=np.int64(4), is_own=np.bool_(True), load_s=np.float32(0.5))
    back = from_json(write(replace(found, slow_batches=(slow,), wall_s=np.float64("nan"))))
    assert (back.slow_batches[0].number, back.slow_batches[0].is_own, back.slow_batches[0].load_s) == (
        4,
        True,
        0.5,
    )


def test_attributes_of_a_later_version_take_their_defaults() -> None:
    """And a member that nobody knows is ignored."""
    written = write(explanations.fetch_bound())
    del written["cautions"], written["advice"][0]["note"]
    back = from_json({**written, "colour": "red"})
    assert back.cautions == ()
    assert back.advice[0].note == ""


@pytest.mark.parametrize(
    ("place", "value", "error"),
    [
        (("schema",), 99, "schema is 99: only explanations of schema 1 to"),
        (("schema",), None, "schema is None"),
        (("schema",), True, "schema is True"),
        (("diagnosis", "cause"), "magic", "explanation.diagnosis.cause is 'magic': one of start-up bound, "),
        (("wall_s",), "long", "explanation.wall_s is 'long': a number is needed"),
        (("wall_s",), True, "explanation.wall_s is True: a number is needed"),
        (
            ("setup", "num_workers"),
            1.5,
            "explanation.setup.num_workers is 1.5: a value of type int is needed",
        ),
        (("setup",), [], "explanation.setup is []: an object is needed"),
        (("parts",), {}, "explanation.parts is {}: an array is needed"),
        (("parts", 0, "batch_s"), None, "explanation.parts[0].batch_s is None: an object is needed"),
    ],
)
def test_other_json_is_refused_in_one_line(place, value, error) -> None:
    """It names the place, what was given and what is allowed."""
    written = write(explanations.fetch_bound())
    inner = written
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    with pytest.raises(JsonFormatError) as raised:
        from_json(written)
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_attribute_is_named() -> None:
    """One without a default."""
    written = write(explanations.fetch_bound())
    del written["diagnosis"]["evidence"]
    with pytest.raises(JsonFormatError, match=r"explanation\.diagnosis\.evidence is missing"):
        from_json(written)


@pytest.mark.parametrize("found", [[], "x", None, {}])
def test_what_is_no_object_is_refused(found) -> None:
    """Such as the JSON of another tool."""
    with pytest.raises(JsonFormatError, match="schema"):
        from_json(found)
