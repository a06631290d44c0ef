"""Values in the types of JSON, as every command writes them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

import numpy as np


def encode_value(value: object) -> Any:
    """Return a value in JSON's types.

    A dataclass becomes an object with a member for each attribute. An unknown number is null, and an infinite
    one the string `infinity` or `-infinity`.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return encode_value(value.item())
    if isinstance(value, Mapping):
        return {str(name): encode_value(content) for name, content in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode_value(content) for content in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "infinity" if value > 0 else "-infinity"
    return value
