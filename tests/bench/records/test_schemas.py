"""Files of older schemas, as the versions of then wrote them."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from bench.records.errors import ResultsError
from bench.records.results_folder import CEILINGS, LIMITS, RUNS, read_ceilings, read_runs
from bench.records.row import find_knobs, list_fixed_columns, make_header
from bench.records.schemas import ADDED, READABLE
from tests.bench import runs
from tests.paths import ROOT

OLDER = ROOT / "tests" / "data" / "older_schemas"


def read_older(folder, schema: int) -> pd.DataFrame:
    shutil.copy(OLDER / f"schema-{schema}.csv", folder / RUNS)
    return read_runs(folder)


@pytest.mark.parametrize("schema", [schema for schema in READABLE if schema < max(READABLE)])
def test_an_older_file_has_the_columns_of_this_schema(tmp_path, schema) -> None:
    """In their order, under their names, with the cells of then."""
    frame = read_older(tmp_path, schema)
    assert list(frame.columns) == make_header(find_knobs(list(frame.columns)))
    assert set(frame["schema"]) == {schema}
    assert set(frame["step"]) == {"analytic"}
    assert frame["shuffle_quality"].between(0.99, 1.01).all()
    assert frame["wall_s"].gt(0).all()
    assert frame["epoch"].tolist()[:2] == [0, 1]
    assert frame["between_epochs_cpu_s"].notna().any() == (schema >= 6)
    assert set(frame["audit"]) == {"content"}


def test_what_was_not_audited_then_is_not_now(tmp_path) -> None:
    """A ceiling's rows have no audit."""
    shutil.copy(OLDER / LIMITS, tmp_path / LIMITS)
    ceilings = read_ceilings(tmp_path)
    assert set(ceilings["audit"]) == {""}


def test_columns_that_were_added_since(tmp_path) -> None:
    """An unknown is NaN; `off` and `clock` are what every sweep of then had."""
    frame = read_older(tmp_path, 2)
    assert frame["peak_anonymous_bytes"].isna().all()
    assert frame["peak_memory_bytes"].tolist() == [521019392, 540979200]
    assert set(frame["cuda_graph"]) == {"off"}
    assert set(frame["timed_by"]) == {"clock"}
    assert set(frame["resumed_with"]) == {""}


@pytest.mark.parametrize("schema", [3, 4, 5])
def test_names_that_changed_since(tmp_path, schema) -> None:
    """The memory, and the knobs of a ring."""
    frame = read_older(tmp_path, schema)
    assert frame["peak_anonymous_bytes"].notna().all()
    ring = frame[frame["family"] == "tensor_slice"]
    assert len(ring) == 2
    assert (ring["loader_threads"] != "").all()
    assert (ring["prefetch_batches"] != "").all()
    assert not {"threads", "prefetch", "mixing", "peak_private_bytes"} & set(frame.columns)


def test_limits_are_ceilings(tmp_path) -> None:
    """The file's name and its families changed with schema 6."""
    shutil.copy(OLDER / LIMITS, tmp_path / LIMITS)
    assert read_ceilings(tmp_path)["family"].tolist() == ["step_ceiling", "read_ceiling"]
    runs.written(tmp_path, runs.ceiling("step", [1.0]))
    (tmp_path / RUNS).rename(tmp_path / CEILINGS)
    assert read_ceilings(tmp_path)["family"].tolist() == ["step_ceiling"]


def test_no_ceilings_are_none(tmp_path) -> None:
    """Neither file is there."""
    assert read_ceilings(tmp_path) is None


def test_a_knob_of_this_schema_keeps_its_name(tmp_path) -> None:
    """A loader may have a knob that is called as one of a ring was once."""
    frame = runs.table(tmp_path, [runs.row(knobs={"batch_size": "1", "threads": "3"})])
    assert find_knobs(list(frame.columns)) == ["batch_size", "threads"]


def test_another_schema_is_refused(tmp_path) -> None:
    """A file of a later version is not read as if it were of this one."""
    runs.written(tmp_path, [runs.row(schema=99)])
    with pytest.raises(
        ResultsError, match=r"runs\.csv has schema 99; this version reads 2, 3, 4, 5, 6, 7 and 8$"
    ):
        read_runs(tmp_path)


def test_a_column_of_the_schema_must_be_there(tmp_path) -> None:
    """A file of schema 5 that lacks one of schema 4 isn't whole."""
    text = (OLDER / "schema-5.csv").read_text().replace("resumed_with", "other")
    (tmp_path / RUNS).write_text(text)
    with pytest.raises(ResultsError, match=r"lacks the columns resumed_with$"):
        read_runs(tmp_path)


def test_every_column_that_was_added_is_one(tmp_path) -> None:
    """The list of additions holds no other name."""
    assert {name for names in ADDED.values() for name in names} <= set(list_fixed_columns())
