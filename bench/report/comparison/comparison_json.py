"""A comparison as JSON."""

from __future__ import annotations

from typing import Any

from bench.analysis.comparison.comparison import ComparedConfiguration, Comparison
from bench.analysis.statistics import Estimate
from bench.report.comparison.words import describe_answer


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as values of JSON. docs/compare.md explains the keys. An unknown is null."""
    options = comparison.options
    return {
        "answer": describe_answer(comparison),
        "exit_code": comparison.exit_code,
        "a": {"name": comparison.name_a, "folder": str(comparison.folder_a)},
        "b": {"name": comparison.name_b, "folder": str(comparison.folder_b)},
        "margin": options.margin,
        "across_machines": options.across_machines,
        "common_blocks": options.paired,
        "configurations": [_write_configuration(one) for one in comparison.configurations],
        "obstacles": [*comparison.obstacles],
        "notices": [*comparison.notices],
        "only_a": [*comparison.only_a],
        "only_b": [*comparison.only_b],
    }


def _write_configuration(one: ComparedConfiguration) -> dict[str, Any]:
    return {
        "name": one.name,
        "configuration_a": one.number_a,
        "configuration_b": one.number_b,
        "a": one.a,
        "b": one.b,
        **_write_ratio(one.ratio),
        "judgement": one.judgement,
        "reason": one.reason,
    }


def _write_ratio(ratio: Estimate | None) -> dict[str, Any]:
    if ratio is None:
        return {"ratio": None, "ratio_low": None, "ratio_high": None, "blocks": 0}
    return {"ratio": ratio.median, "ratio_low": ratio.low, "ratio_high": ratio.high, "blocks": ratio.blocks}
