"""Standard streams that a command outlives, in letters that they can take."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from bench.report.output import READABLE, SteadyOutput, complain, prepare_streams
from tests.paths import ROOT


@pytest.fixture
def pipe():
    """Make a pipe: a descriptor to read from, and a stream of text to write to."""
    end, start = os.pipe()
    with open(start, "w") as stream:  # noqa: PTH123 - a descriptor
        yield end, stream


def test_text_arrives(pipe) -> None:
    """The stream does everything that it does without the wrapper."""
    end, stream = pipe
    output = SteadyOutput(stream)
    assert output.write("a word") == 6
    output.flush()
    assert os.read(end, 100) == b"a word"
    assert output.encoding == stream.encoding
    assert not output.isatty()
    os.close(end)


def test_a_reader_that_has_gone_is_no_error(pipe) -> None:
    """Neither writing fails, nor closing the stream with text in its buffer."""
    end, stream = pipe
    os.close(end)
    output = SteadyOutput(stream)
    output.write("a word")
    output.flush()
    output.write("another")
    output.flush()
    assert output.lost is None


def test_a_full_disk_is_kept() -> None:
    """The first error is kept."""
    with open("/dev/full", "w") as stream:  # noqa: PTH123 - a device
        output = SteadyOutput(stream)
        output.write("a word")
        output.flush()
        output.write("another")
        output.flush()
    assert "No space left on device" in str(output.lost)


def test_a_process_may_have_no_output() -> None:
    """A process can be started with its descriptor closed."""
    output = SteadyOutput(None)
    output.write("a word")
    output.flush()
    assert output.lost is None


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("ascii", "3 × 2 – about… → ±2% ≥ 1 «q» ’s", b"3 x 2 - about... -> +/-2% >= 1 <<q>> 's"),
        ("latin-1", "3 × 2 – ±2%", b"3 \xd7 2 - \xb12%"),
        ("cp437", "│ 1 × 2", b"\xb3 1 x 2"),
        ("ascii", "╭─┬─╮ │ ┃ ━━ ╸ █▌", b"+-+-+ | | -- - ##"),
        ("ascii", "⠋ é 日 \udcff", b"* \\xe9 \\u65e5 \\udcff"),
        ("utf-8", "3 × \udcff", "3 × \\udcff".encode()),
    ],
)
def test_letters_are_replaced_by_readable_ones(encoding, text, written) -> None:
    """Only letters that the encoding lacks are replaced."""
    assert text.encode(encoding, READABLE) == written


def test_other_errors_of_codecs_are_not_hidden() -> None:
    """The handler is for encoding alone."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", READABLE)


def test_streams_take_every_letter(monkeypatch) -> None:
    """Both standard streams, whatever their encoding."""
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    prepare_streams()
    print("3 ×")
    complain("4 ×")
    sys.stdout.flush()
    assert sys.stdout.buffer.getvalue() == b"3 x\n"
    assert sys.stderr.buffer.getvalue() == b"error: 4 x\n"


def test_closed_descriptors_are_taken(tmp_path) -> None:
    """No file that is opened later gets the number of standard output."""
    code = (
        "import os, sys; from bench.report.output import complain, prepare_streams; prepare_streams(); "
        f"number = os.open({str(tmp_path / 'file')!r}, os.O_CREAT); complain('lost'); sys.exit(number)"
    )
    done = subprocess.run(
        ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code], cwd=ROOT, check=False
    )
    assert done.returncode > 2
