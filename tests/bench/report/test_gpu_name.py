"""The name of the GPU in a report."""

from __future__ import annotations

import json

import pytest

from bench.report.gpu_name import find_gpu_name, name_gpu

H100 = "NVIDIA H100 80GB HBM3"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"gpu": {"name": H100, "count": 1}}, H100),
        ({"gpu": {"name": H100, "count": 8}}, f"{H100}, one of 8"),
        # A part of a GPU has a name of its own.
        ({"gpu": {"name": f"{H100} MIG 1g.10gb", "count": 1}}, f"{H100} MIG 1g.10gb"),
        ({"gpu": {"name": H100}}, H100),
        ({"gpu": {}}, ""),
        ({"gpu": None}, ""),
        ({}, ""),
    ],
)
def test_the_name_says_which_of_several_it_is(environment, name, tmp_path) -> None:
    """It is empty where the GPU could not be looked at."""
    assert name_gpu(environment) == name
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    assert find_gpu_name(tmp_path) == name


def test_a_folder_may_lack_the_facts(tmp_path) -> None:
    """Such as one of tables alone."""
    assert find_gpu_name(tmp_path) == ""
