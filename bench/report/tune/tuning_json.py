"""JSON of a tuning, without loss in both directions.

The object has one member for each attribute of `Tuning`, by its name, and two more at its top:

    schema  number of this format
    answer  the answer in one sentence, for readers without Python
    ...     the attributes, such as "outcome": {"leader": 3, "chosen": 3, ...}

A dataclass is an object, a tuple is an array, and numbers of candidates as names are strings. All times are
seconds. An unknown number is null, an infinite one the string "infinity".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.analysis.tuning.tuning import Tuning
from bench.report.json_reader import JsonFormatError, check_schema, decode_value
from bench.report.json_values import encode_value
from bench.report.tune.answer import answer_in_a_sentence

SCHEMA = 1


def to_json(tuning: Tuning) -> dict[str, Any]:
    """Return a tuning as an object that `json.dumps(..., allow_nan=False)` takes."""
    return {"schema": SCHEMA, "answer": answer_in_a_sentence(tuning), **encode_value(tuning)}


def from_json(found: Mapping[str, Any]) -> Tuning:
    """Return the tuning that `to_json` has written.

    Attributes that were added to the format later take their defaults. Unknown members are ignored.

    Raises:
        JsonFormatError: the object is no tuning, or its format is newer than this one.
    """
    check_schema(found, SCHEMA, "tunings")
    tuning: Tuning = decode_value(found, Tuning, "tuning")
    _check_numbers(tuning)
    return tuning


def _check_numbers(tuning: Tuning) -> None:
    """Check that every number of a candidate names one.

    Raises:
        JsonFormatError: one doesn't.
    """
    outcome = tuning.outcome
    named = {
        "leader": (outcome.leader,),
        "cheapest": (outcome.cheapest,),
        "chosen": (outcome.chosen,),
        "tied": outcome.tied,
        "fates": outcome.fates,
        "confirmed": outcome.confirmed,
    }
    for name, numbers in named.items():
        for number in numbers:
            if not 0 <= number < len(tuning.candidates):
                allowed = f"0 to {len(tuning.candidates) - 1}" if tuning.candidates else "no candidate"
                raise JsonFormatError(f"tuning.outcome.{name} names candidate {number}: {allowed} is there")
