"""JSON of an explanation, without loss in both directions.

The object has one member for each attribute of `Explanation`, by its name, and two more at its top:

    schema  number of this format
    answer  the answer in one sentence, for readers without Python
    ...     the attributes, such as "possible": {"median": 3.1, "low": 3.0, "high": 3.2, "blocks": 5}

A dataclass is an object, a tuple is an array and an enum is its value. All times are seconds. An unknown
number is null, NaN among them. An infinite one is the string "infinity" or "-infinity".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.answer import answer_in_a_sentence
from bench.report.json_reader import check_schema, decode_value
from bench.report.json_values import encode_value

SCHEMA = 1


def to_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as an object that `json.dumps(..., allow_nan=False)` takes."""
    attributes = encode_value(explanation)
    return {"schema": SCHEMA, "answer": answer_in_a_sentence(explanation), **attributes}


def from_json(found: Mapping[str, Any]) -> Explanation:
    """Return the explanation that `to_json` has written.

    Attributes that were added to the format later take their defaults. Unknown members are ignored.

    Raises:
        JsonFormatError: the object is no explanation, or its format is newer than this one.
    """
    check_schema(found, SCHEMA, "explanations")
    explanation: Explanation = decode_value(found, Explanation, "explanation")
    return explanation
