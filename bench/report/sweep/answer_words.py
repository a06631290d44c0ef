"""Words of a sweep's answer: the possible gain, the configuration to use, what bounds it.

The terminal, a notebook and the page show these sentences. Bold parts are spans of rich's Text; its attribute
`plain` is the sentence without them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.text import Text

from bench.analysis.answer import Answer
from bench.analysis.statistics import Estimate
from bench.analysis.ties import INDIFFERENT
from bench.analysis.warnings import NOISE_OVER_CEILING
from bench.report.busy_words import describe_busy
from bench.report.labels import Labels
from bench.text import capitalise, format_count, format_rate, format_ratio, join_few

# Kinds of work with an answer of their own; the table has the others.
MOST_ANSWERS = 3
# Losses beside the waits that take this share of an epoch are told.
COSTLY = 0.05
BOUNDS = {
    "step": "The train step bounds it then",
    "read": "Reading the data from memory bounds it then",
    "bus": "The bus to the GPU bounds it then",
    "loader": "Loading still bounds it",
}
CEILINGS = {"step": "the train step alone", "read": "reading the data alone", "bus": "the bus alone"}


@dataclass(frozen=True)
class AnswerText:
    """The sentences of an answer.

    Attributes:
        possible: how much there is to gain at all; empty where nobody knows.
        choice: the configuration to use, its gain, and how sure that is.
        device: the GPU, and how busy it is; empty without one.
        bound: what bounds the configuration.
    """

    possible: Text
    choice: Text
    device: Text
    bound: Text

    @property
    def whole(self) -> Text:
        """All sentences in one line."""
        return Text(" ").join(filter(None, (self.possible, self.choice, self.device, self.bound)))


def select_telling(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers that are worth a sentence, the most important first.

    A configuration without a rival needs no word beside others that have some.
    """
    return [answer for answer in answers if answer.kind != "alone"] or list(answers)


def describe_answer(answer: Answer, labels: Labels, gpu: str = "") -> AnswerText:
    """Return the answer for one kind of work in words.

    Args:
        answer: the answer.
        labels: names of the configurations.
        gpu: name of the GPU; default empty where it isn't known.
    """
    sentences = (
        _describe_possible(answer, labels),
        _describe_choice(answer, labels),
        _describe_device(answer, gpu),
        _describe_bound(answer),
    )
    return AnswerText(*(Text.from_markup(sentence, emoji=False) for sentence in sentences))


def _describe_possible(answer: Answer, labels: Labels) -> str:
    """Return the sentence on how much there is to gain at all; empty where nobody knows."""
    if (possible := answer.possible_gain) is None:
        return ""
    training = f"this training ({escape(answer.work)})" if answer.work else "this training"
    if possible.is_none and (share := possible.baseline_share) is not None:
        baseline = escape(labels.full.get(answer.baseline, f"configuration {answer.baseline}"))
        amount = "nothing" if answer.is_baseline else "little"
        reached = f"{share.median:.0%}{_format_interval(share, '{:.0%}'.format)}"
        return (
            f"[bold]There is {amount} to gain:[/] the baseline {baseline} reaches {reached} of the "
            f"throughput of {training} with an infinitely fast loader."
        )
    settings = f" with {escape(possible.settings)}" if possible.settings else ""
    rate = f"{format_rate(possible.samples_per_s)} samples/s"
    sentence = f"With an infinitely fast loader {training} would run at {rate}{settings}"
    sentence += _format_times(possible.ratio)
    if not answer.is_baseline:
        name = escape(labels.short[answer.configuration])
        sentence += f": {name} reaches {_describe_part(possible.share)} of it"
    if (faster := possible.faster) is None:
        return f"{sentence}."
    rate = f"{format_rate(faster.samples_per_s)} samples/s"
    return f"{sentence}. With {escape(faster.settings)} it would run at {rate}{_format_times(faster.ratio)}."


def _describe_part(share: float) -> str:
    """Return the share that a configuration reaches in words. Noise may bring it above the whole."""
    if share >= 0.995:
        return "all"
    return "less than 1%" if share < 0.01 else f"{share:.0%}"


def _format_times(ratio: Estimate | None) -> str:
    """Return how many times the throughput of the baseline it is; empty where that is unknown."""
    if ratio is None:
        return ""
    return f", {format_ratio(ratio.median)} times the baseline{_format_interval(ratio, format_ratio)}"


def _describe_choice(answer: Answer, labels: Labels) -> str:
    """Return the sentence that names the configuration and its gain."""
    name = f"[bold]{escape(labels.full[answer.configuration])}[/]"
    gain = _describe_gain(answer, labels)
    if answer.kind == "alone":
        return _describe_alone(answer, labels)
    if answer.samples_per_s.low is None:
        return f"{name} was fastest so far: {gain}; fewer than three blocks can't tell it from others."
    if answer.kind == "unknown" and not answer.tied:
        return f"{name} was fastest: {gain}. {_describe_unknown(answer, labels)}"
    if answer.ratio is not None and answer.ratio.low is None:
        gain += ", from fewer than three blocks and so without an interval"
    if answer.kind == "fastest":
        use = "Keep the baseline" if answer.is_baseline else "Use"
        return f"[bold green]{use}[/] {name}, the fastest: {gain}."
    others = join_few(escape(labels.short[number]) for number in answer.tied)
    alike = (
        f"are within {INDIFFERENT:.0%} of each other"
        if answer.kind == "equal"
        else f"can't be told apart in {format_count(answer.samples_per_s.blocks, 'block')}"
    )
    use = "Keep the baseline" if answer.is_baseline else "Use"
    choice = f"[bold green]{use}[/] {name}: {gain}; it and {others} {alike}, and it is the cheapest."
    return f"{choice} {_describe_unknown(answer, labels)}" if answer.unknown else choice


def _describe_alone(answer: Answer, labels: Labels) -> str:
    """Return the sentence on a configuration that has no rival.

    Its baseline, if it is another one, does other work, such as that of another `--param`.
    """
    name, rate = f"[bold]{escape(labels.full[answer.configuration])}[/]", _describe_rate(answer)
    if len(labels.full) == 1:
        return f"Nothing was measured beside {name}: {rate}."
    ratio = ""
    if answer.ratio is not None and not answer.is_baseline:
        ratio = f", {_describe_gain(answer, labels)}, which does other work"
    return f"No other configuration that does the same work as {name} was measured: {rate}{ratio}."


def _describe_unknown(answer: Answer, labels: Labels) -> str:
    """Return the sentence that names configurations with too few blocks for the comparison."""
    names = join_few(escape(labels.short[number]) for number in answer.unknown)
    has = "has" if len(answer.unknown) == 1 else "have"
    return f"{names} {has} too few blocks to be compared: three are needed."


def _describe_gain(answer: Answer, labels: Labels) -> str:
    """Return the throughput, and how many times that of the baseline it is."""
    if answer.is_baseline or answer.ratio is None:
        return _describe_rate(answer)
    baseline = labels.full.get(answer.baseline, f"configuration {answer.baseline}")
    interval = _format_interval(answer.ratio, format_ratio)
    return f"{format_ratio(answer.ratio.median)} times the baseline {escape(baseline)}{interval}"


def _describe_rate(answer: Answer) -> str:
    """Return the throughput with its interval."""
    rate = answer.samples_per_s
    return f"{format_rate(rate.median)} samples/s{_format_interval(rate, format_rate)}"


def _describe_device(answer: Answer, gpu: str) -> str:
    """Return the sentence on the GPU: its name, and for how much of an epoch it computes."""
    if answer.device != "cuda":
        return ""
    baseline = None if answer.is_baseline else answer.baseline_busy
    return escape(describe_busy(gpu, answer.busy, baseline, "the baseline"))


def _describe_bound(answer: Answer) -> str:
    """Return the sentences on what bounds the configuration."""
    if answer.ceiling_share is None and not answer.has_step:
        return "The loader ran alone: with --step a sweep shows how much of this a training can use."
    waits = f"the loop waits for data {answer.waiting:.0%} of the time"
    if answer.ceiling_share is None or answer.ceiling_share.median > NOISE_OVER_CEILING:
        return capitalise(f"{waits}.")
    # Where the step alone is the ceiling, the first sentence says how much of it is reached.
    if answer.ceiling != "step" or answer.possible_gain is None:
        reached = f"{answer.ceiling_share.median:.0%} of the throughput of {CEILINGS[answer.ceiling]}"
        waits = f"it reaches {reached}, and {waits}"
    bound = f"{BOUNDS[answer.bound]}: {waits}."
    if answer.bound != "loader":
        return bound
    # A wait of 9% doesn't explain that half of the ceiling is reached.
    contention, end = answer.contention or 0.0, ""
    if answer.teardown >= COSTLY:
        end = f" The end of each epoch takes {answer.teardown:.0%} of the time."
    if contention < COSTLY:
        return f"{bound}{end}"
    slowed = f"The step is slower beside the loader than alone, which costs {contention:.0%} of the time."
    if contention > answer.waiting:
        return f"{slowed} {capitalise(waits)}.{end}"
    return f"{bound} {slowed}{end}"


def _format_interval(found: Estimate, form: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" (95% interval {form(found.low)}–{form(found.high)})"
