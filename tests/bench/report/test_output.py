"""Standard output that goes on when writing to it fails."""

from __future__ import annotations

import os

import pytest

from bench.report.output import SteadyOutput


@pytest.fixture
def pipe():
    """A pipe: the end to read, as a descriptor, and the one to write, as a stream of text."""
    end, start = os.pipe()
    with open(start, "w") as stream:  # noqa: PTH123 - a descriptor
        yield end, stream


def test_what_is_written_arrives(pipe) -> None:
    """As without it."""
    end, stream = pipe
    output = SteadyOutput(stream)
    assert output.write("a word") == 6
    output.flush()
    assert os.read(end, 100) == b"a word"
    assert output.encoding == stream.encoding
    assert not output.isatty()
    os.close(end)


def test_a_reader_that_has_gone_is_no_error(pipe) -> None:
    """Nor when the stream is closed with what it still holds."""
    end, stream = pipe
    os.close(end)
    output = SteadyOutput(stream)
    output.write("a word")
    output.flush()
    output.write("another")
    output.flush()
    assert output.lost is None


def test_a_full_disk_is_told_once() -> None:
    """The first error is kept."""
    with open("/dev/full", "w") as stream:  # noqa: PTH123 - a device
        output = SteadyOutput(stream)
        output.write("a word")
        output.flush()
        output.write("another")
        output.flush()
    assert "No space left on device" in str(output.lost)


def test_a_process_may_have_no_output() -> None:
    """As where it was started with its descriptor closed."""
    output = SteadyOutput(None)
    output.write("a word")
    output.flush()
    assert output.lost is None
