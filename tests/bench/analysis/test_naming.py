"""Names of configurations: the columns that tell them apart."""

from __future__ import annotations

from dataclasses import replace

from bench.analysis.naming import find_varied, make_labels, split_names
from bench.analysis.summary import summarise
from tests.bench import runs
from tests.bench.runs import row


def test_work_is_told_apart_by_what_was_delivered(tmp_path) -> None:
    """Resizes to none and 28 give one shape, 64 another. The knob can't name these two kinds of work."""
    rows = [
        replace(row(n), knobs={**row(n).knobs, "resize": resize}, sample_shape=shape)
        for n, (resize, shape) in enumerate([("none", "1x28x28"), ("28", "1x28x28"), ("64", "1x64x64")])
    ]
    of_work, _ = split_names(summarise(runs.table(tmp_path, rows)))
    assert of_work == ["sample_shape"]


def test_labels_hold_what_varies(tmp_path) -> None:
    """Only the number of workers varies, so it is the name."""
    summary = summarise(runs.table(tmp_path, [row(0), row(2)]))
    assert make_labels(summary).tolist() == ["num_workers=0", "num_workers=2"]


def test_labels_leave_out_what_follows(tmp_path) -> None:
    """`prefetch_factor` is `none` exactly where there are no workers, so it adds nothing."""
    rows = [
        replace(row(n), knobs={**row(n).knobs, "prefetch_factor": "none" if n == 0 else "2"})
        for n in (0, 1, 2)
    ]
    assert find_varied(summarise(runs.table(tmp_path, rows))) == ["num_workers"]


def test_a_knob_that_a_parameter_sets_is_left_out(tmp_path) -> None:
    """Beside one that it doesn't set, which stays."""
    knobs = [
        {"param.size": size, "batch_size": size, "num_workers": workers}
        for size in ("8", "16")
        for workers in ("0", "2")
    ]
    rows = [replace(row(n), knobs=k, sample_shape="3") for n, k in enumerate(knobs)]
    summary = summarise(runs.table(tmp_path, rows))
    assert split_names(summary) == (["param.size"], ["num_workers"])
    assert make_labels(summary).is_unique


def test_labels_keep_a_resize_beside_none(tmp_path) -> None:
    """It varies independently of the workers."""
    base = row(0).knobs
    knobs = [base, {**base, "num_workers": "4"}, {**base, "resize": "64"}]
    summary = summarise(runs.table(tmp_path, [replace(row(n), knobs=k) for n, k in enumerate(knobs)]))
    assert make_labels(summary).is_unique
    assert make_labels(summary).tolist()[2] == "resize=64 num_workers=0"


def test_a_step_beside_none_is_told_apart(tmp_path) -> None:
    """The step determines the loss. The step itself is never left out."""
    rows = [row(0), replace(row(1), knobs=row(0).knobs, step="none", loss=None)]
    found = make_labels(summarise(runs.table(tmp_path, rows))).tolist()
    assert found == ["step=analytic", "step=none"]


def test_one_configuration_has_a_name(tmp_path) -> None:
    """Nothing varies, so the family is the name."""
    assert make_labels(summarise(runs.table(tmp_path, [row(0)]))).tolist() == ["torch_dataloader"]


def test_a_transfer_that_follows_is_not_named(tmp_path) -> None:
    """The usual transfer of each kind of memory is not named. Another one is."""
    loop = [{"pin_memory": "off", "transfer": "blocking"}, {"pin_memory": "on", "transfer": "non_blocking"}]
    asked = [*loop, {"pin_memory": "on", "transfer": "prefetch"}]
    for knobs, names in ((loop, ["pin_memory"]), (asked, ["transfer", "pin_memory"])):
        sized = [{"batch_size": "256", "resize": "none", **its} for its in knobs]
        rows = [replace(row(n), device="cuda", knobs=its) for n, its in enumerate(sized)]
        assert sorted(find_varied(summarise(runs.table(tmp_path / str(len(knobs)), rows)))) == sorted(names)


def test_labels_leave_out_a_default(tmp_path) -> None:
    """`none` stands for the default of a knob, so it says nothing; a family alone is a name too."""
    ring = {"batch_size": "256", "resize": "none", "num_workers": "", "loader_threads": "none"}
    knobs = [ring, {**ring, "loader_threads": "2"}]
    rows = [replace(row(n), family="tensor_slice", knobs=its) for n, its in enumerate(knobs)]
    found = make_labels(summarise(runs.table(tmp_path / "alone", rows))).tolist()
    assert found == ["tensor_slice", "tensor_slice loader_threads=2"]
    other = replace(row(2), family="stream", knobs={**ring, "loader_threads": ""})
    found = make_labels(summarise(runs.table(tmp_path / "beside", [*rows, other]))).tolist()
    assert found == ["tensor_slice", "tensor_slice loader_threads=2", "stream"]


def test_a_graph_is_named_where_there_is_one(tmp_path) -> None:
    """A configuration without one has no word of it, unless nothing else names it."""
    rows = [
        replace(row(0), device="cuda", cuda_graph="off"),
        replace(row(1), device="cuda", cuda_graph="off"),
        replace(row(2), device="cuda", cuda_graph="on"),
    ]
    summary = summarise(runs.table(tmp_path, rows))
    assert make_labels(summary).tolist() == [
        "num_workers=0", "num_workers=1", "cuda_graph=on num_workers=2",
    ]  # fmt: skip
    alone = summary[summary["configuration"] > 0].assign(num_workers="1")
    assert make_labels(alone).tolist() == ["torch_dataloader", "torch_dataloader cuda_graph=on"]
