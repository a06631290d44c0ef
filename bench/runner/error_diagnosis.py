"""Causes: why a trial failed and what helps, where the text of its error tells that."""

from __future__ import annotations

from collections.abc import Iterable

from bench.runner.known_errors import DEATHS, KNOWN_ERRORS, UNSEEN, KnownError

# Of an error that is explained: the log has all of it.
LONGEST = 240
# Of what was printed.
MOST_LINES = 1000


def explain_error(error: str, printed: str = "") -> str:
    """The text of an error, one line, with its cause and cure before it where they are known; else unchanged.

    printed: what the trial's processes printed. A worker's thread that fails leaves its reason only there:
    seen from outside, the trial hangs or the worker ends.
    """
    lines = _ends_of_tracebacks(printed)
    # What was printed could have been survived.
    for table, sure in ((KNOWN_ERRORS, False), (DEATHS, True)):
        known = _first(table, error)
        if known is not None:
            return _put(known, error, sure=known.sure)
        for line in lines:
            known = _first(table, line)
            if known is not None:
                return _put(known, f"{_shortened(error, LONGEST // 2)}; it printed: {line}", sure=sure)
    known = _first(UNSEEN, error)
    return error if known is None else _put(known, error, sure=known.sure)


def _ends_of_tracebacks(printed: str) -> list[str]:
    """The lines that say what happened, the last one first: indented ones are code, but for C++'s."""
    lines = printed.splitlines()[-MOST_LINES:]
    return [line.strip() for line in reversed(lines) if line[:1].strip() or line.startswith("  what():")]


def _first(table: Iterable[KnownError], text: str) -> KnownError | None:
    return next((known for known in table if known.fits(text)), None)


def _put(known: KnownError, error: str, *, sure: bool) -> str:
    said = error.removeprefix(known.cause).removeprefix(": ")
    head = f"{'' if sure else 'perhaps '}{known.cause}: {known.cure}"
    return f"{head} ({_shortened(said)})" if said else head


def _shortened(text: str, room: int = LONGEST) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
