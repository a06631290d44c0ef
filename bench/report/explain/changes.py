"""Changes in the terminal: those worth making with their gains, those that aren't, and break-even steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.explanation.explanation import Advice, BreakEven, Cause, Explanation
from bench.report.explain.answer import describe_possible, has_nothing_to_gain, is_ceiling_disturbed
from bench.report.explain.page import find_width, print_heading, print_paragraph
from bench.report.explain.wording import find_step_s, format_factor, format_gain, format_share, format_time
from bench.text import join_few, printable

MOST_CHANGES = 3


def print_changes(console: Console, explanation: Explanation) -> None:
    """Print the changes worth making with their gains, and below them those that aren't worth making."""
    if explanation.advice:
        _print_table(console, explanation)
    else:
        print_heading(console, _title_without_changes(explanation))
        print_paragraph(console, escape(_explain_no_changes(explanation)), indent=2)
    if explanation.useless:
        named = join_few(_name_useless(advice) for advice in explanation.useless)
        print_paragraph(console, f"[bold]Not worth changing:[/] {escape(named)}.", hanging=2)


def print_break_even(console: Console, explanation: Explanation) -> None:
    """Print from which step time on the loader no longer matters; nothing where it isn't known."""
    if not explanation.break_even:
        return
    now = find_step_s(explanation)
    beside = "" if now is None else f" The step takes {format_time(now)} now."
    *firsts, last = (_describe_point(point) for point in explanation.break_even)
    points = f"{', '.join(firsts)} or {last}" if firsts else last
    text = (
        "[bold]Break-even:[/] the loader no longer matters where the step of a batch takes "
        f"{escape(points)} or longer.{beside}"
    )
    console.print()
    print_paragraph(console, text, hanging=2)


def describe_knobs(knobs: Mapping[str, object]) -> str:
    """Return the options that make a change, such as `num_workers=8`; empty for none."""
    return printable(", ".join(f"{name}={value}" for name, value in knobs.items()))


def _print_table(console: Console, explanation: Explanation) -> None:
    """Print the changes, each with its note below it."""
    changes = explanation.advice[:MOST_CHANGES]
    verified = any(advice.actual is not None for advice in changes)
    basis = _find_common_basis(changes)
    title = f"Worth changing{f', predicted by {escape(basis)}' if basis else ''}"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=find_width(console))
    table.add_column("")
    table.add_column(title, ratio=1)
    table.add_column("predicted gain", no_wrap=True)
    if verified:
        table.add_column("actual gain", no_wrap=True)
    for number, advice in enumerate(changes, start=1):
        cells: list[str | Text] = [
            f"{number}",
            _describe_advice(advice, explanation, basis),
            _style_gain(format_gain(advice.gain)),
        ]
        if verified:
            cells.append("not verified" if advice.actual is None else _style_gain(format_gain(advice.actual)))
        table.add_row(*cells)
    console.print()
    console.print(table, crop=False)


def _style_gain(text: str) -> Text:
    return Text(text, style="bold green" if text.startswith("×") else "dim")


def _describe_advice(advice: Advice, explanation: Explanation, basis: str) -> Text:
    """Return a change, and below it the options that make it, its condition and the basis of its gain."""
    text = Text(printable(advice.change), style="bold")
    knobs = describe_knobs(advice.knobs)
    # Some changes are said by the option itself.
    settings = [knobs] if knobs and knobs != printable(advice.change) else []
    if advice.family != explanation.setup.family:
        settings.insert(0, f"family={printable(advice.family)}")
    sentences = [", ".join(settings), printable(advice.note)]
    if not basis and advice.basis:
        sentences.append(f"Predicted by {printable(advice.basis)}")
    notes = " ".join(sentence.rstrip(".") + "." for sentence in sentences if sentence)
    return text.append(f"\n{notes}", style="not bold dim") if notes else text


def _find_common_basis(changes: Sequence[Advice]) -> str:
    """Return how all gains were predicted; empty where they differ or nobody says."""
    found = {printable(advice.basis) for advice in changes if advice.gain is not None}
    return found.pop() if len(found) == 1 else ""


def _title_without_changes(explanation: Explanation) -> str:
    if has_nothing_to_gain(explanation):
        return "[green]Nothing to gain[/]"
    return "No change is known that gains"


def _explain_no_changes(explanation: Explanation) -> str:
    """Return why no change is advised."""
    possible = describe_possible(explanation)
    if explanation.diagnosis.cause is Cause.STARVED:
        return "While others take the cores, no gain can be predicted. Measure again without them."
    if has_nothing_to_gain(explanation):
        return f"Keep the loader as it is: {possible}."
    if is_ceiling_disturbed(explanation):
        return f"{possible[0].upper()}{possible[1:]}. Measure again with less beside it."
    if possible:
        return f"{possible[0].upper()}{possible[1:]}, but no change that was looked at comes nearer to it."
    if explanation.diagnosis.cause is Cause.UNDECIDED:
        return "Without a cause there is no change to advise."
    return "Whether another loader would gain depends on the step, and none was measured."


def _name_useless(advice: Advice) -> str:
    gain = "" if advice.gain is None else f" (×{format_factor(advice.gain.median)})"
    return f"{printable(advice.change)}{gain}"


def _describe_point(point: BreakEven) -> str:
    checked = "" if point.checked is None else f"; checked: {format_share(point.checked)} of the step's rate"
    return f"{format_time(point.step_s)} ({printable(point.change)}{checked})"
