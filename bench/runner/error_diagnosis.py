"""Error diagnosis: the cause of a trial's failure and its cure, where the text of the error tells them."""

from __future__ import annotations

from collections.abc import Iterable

from bench.runner.known_errors import DEATHS, KNOWN_ERRORS, UNSEEN, KnownError

# Most letters of an explained error. The log has all of it.
LONGEST = 240
# Most lines of printed text that are searched.
MOST_LINES = 1000


def explain_error(error: str, printed: str = "") -> str:
    """Return an error with its cause and cure before it, in one line; unchanged where they are unknown.

    Args:
        error: text of the error, one line.
        printed: text that the trial's processes printed. It alone tells why a worker's thread failed, after
            which the trial hangs or the worker ends.
    """
    lines = _find_error_lines(printed)
    # The error counts first, as the trial may have survived an error that it printed.
    for table, sure in ((KNOWN_ERRORS, False), (DEATHS, True)):
        known = _find_known(table, error)
        if known is not None:
            return _put_first(known, error, sure=known.sure)
        for line in lines:
            known = _find_known(table, line)
            if known is not None:
                return _put_first(known, f"{_shorten(error, LONGEST // 2)}; it printed: {line}", sure=sure)
    known = _find_known(UNSEEN, error)
    return error if known is None else _put_first(known, error, sure=known.sure)


def _find_error_lines(printed: str) -> list[str]:
    """Return the lines that may name an error, the last one first.

    Indented lines are code, except C++'s `what()`.
    """
    lines = printed.splitlines()[-MOST_LINES:]
    return [line.strip() for line in reversed(lines) if line[:1].strip() or line.startswith("  what():")]


def _find_known(table: Iterable[KnownError], text: str) -> KnownError | None:
    return next((known for known in table if known.fits(text)), None)


def _put_first(known: KnownError, error: str, *, sure: bool) -> str:
    rest = error.removeprefix(known.cause).removeprefix(": ")
    head = f"{'' if sure else 'perhaps '}{known.cause}: {known.cure}"
    return f"{head} ({_shorten(rest)})" if rest else head


def _shorten(text: str, room: int = LONGEST) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
