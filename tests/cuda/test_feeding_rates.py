"""Rates of loaders that feed a GPU, and the targets that they are held against."""

from __future__ import annotations

import pytest

from tests.cuda.feeding_rates import REHEARSAL, FeedingRates, describe_rates


def make_rates(loader: str = "device_resident", batch_size: int = 256, **more) -> FeedingRates:
    given = {"training": [9.0, 12.0, 12.0], "ceilings": {"step alone": [12.0, 15.0, 12.0]}, **more}
    return FeedingRates(loader, batch_size, given.pop("device", "a GPU"), **given)


def test_the_share_is_that_of_each_turns_lowest_ceiling() -> None:
    """The median of 9/10, 4/10 and 8/10."""
    ceilings = {"host alone": [10.0, 20.0, 30.0], "step alone": [20.0, 10.0, 10.0]}
    assert make_rates(training=[9.0, 4.0, 8.0], ceilings=ceilings).share == 0.8


@pytest.mark.parametrize(
    ("rates", "line"),
    [
        (
            make_rates(),
            "device_resident, batch size 256: 12.00 M samples/s (target 10: reached); "
            "0.80 of the lowest of step alone (target 0.769: reached)",
        ),
        (
            make_rates(batch_size=4096, ceilings={"step alone": [20.0, 20.0, 20.0]}),
            "device_resident, batch size 4096: 12.00 M samples/s (target 60: missed); "
            "0.60 of the lowest of step alone (target 0.769: missed)",
        ),
        (
            make_rates("tensor_slice", 1024),
            "tensor_slice, batch size 1024: 12.00 M samples/s; "
            "0.80 of the lowest of step alone (target 0.9: missed)",
        ),
        (
            make_rates(device=REHEARSAL),
            "device_resident, batch size 256: rehearsed; these rates say nothing of a GPU",
        ),
    ],
)
def test_a_target_is_reached_or_missed(rates, line) -> None:
    assert rates.judge() == line


def test_rates_are_kept_in_files(tmp_path) -> None:
    """A file that was not completed is left out, as is a rehearsal."""
    make_rates("tensor_slice", 256, device=REHEARSAL).write(tmp_path)
    for rates in (make_rates("tensor_slice", 1024), make_rates(batch_size=4096), make_rates(batch_size=256)):
        rates.write(tmp_path)
    (tmp_path / "rates-other-1.json").write_text('{"loader": "ot')
    lines = describe_rates(tmp_path)
    assert [line.partition(":")[0] for line in lines] == [
        "device_resident, batch size 256",
        "device_resident, batch size 4096",
        "tensor_slice, batch size 1024",
    ]
