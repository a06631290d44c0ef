"""GroupedCommand: a command whose help shows examples first, then its options in groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from bench.cli.config_file import TARGET
from bench.cli.config_words import insert_config, name_config

# Columns for the names of options; a longer name has its help on the next line.
NAMES_WIDTH = 31
# Key of a context's `meta`.
ARGUMENTS = f"{__name__}.arguments"


class GroupedCommand(click.Command):
    """A command whose help shows examples first, then its options in groups.

    With `config_option` among them its options can stand in a file.

    Attributes:
        groups: options by the title of their group.
    """

    def __init__(
        self,
        name: str,
        callback: Callable[..., Any],
        groups: Mapping[str, Sequence[click.Option]],
        *,
        help: str,  # noqa: A002 - click's word
        examples: Mapping[str, str],
        arguments: Sequence[click.Parameter] = (),
    ) -> None:
        """Make a command.

        Args:
            name: name of the command.
            callback: function that takes the options. The command returns what it returns, such as the exit
                code.
            groups: options by the title of their group.
            help: purpose of the command, in one or two sentences.
            examples: options of useful calls, each with a short explanation.
            arguments: positional arguments; default none.
        """
        super().__init__(
            name,
            callback=callback,
            params=[*arguments, *(option for options in groups.values() for option in options)],
            help=help,
            context_settings={
                "help_option_names": ["-h", "--help"],
                "max_content_width": 100,
                "show_default": True,
            },
        )
        self.groups = groups
        self._examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments with those of a configuration file, and keep them as ARGUMENTS in `ctx.meta`."""
        try:
            # Completion of a shell reads no files.
            words = args if ctx.resilient_parsing else insert_config(self, ctx, args)
            ctx.meta[ARGUMENTS] = tuple(words)
            with name_config(self, ctx):
                return super().parse_args(ctx, words)
        except click.NoSuchOption as error:
            takes_target = any(one.name == TARGET for one in self.params)
            if error.option_name == "-m" and takes_target and (module := _find_module(args)):
                command = f"{ctx.command_path} {module}"
                raise click.UsageError(f"-m: give the module alone, as in {command}", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command's function."""
        with name_config(self, ctx):
            return super().invoke(ctx)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the purpose of the command and the examples."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write_dl(
                [
                    (f"{ctx.command_path} {options}".rstrip(), text)
                    for options, text in self._examples.items()
                ],
                col_max=64,
            )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group."""
        *_, last = self.groups
        for title, options in self.groups.items():
            help_option = self.get_help_option(ctx)
            shown = [*options, *([help_option] if help_option is not None and title == last else [])]
            records = [option.get_help_record(ctx) for option in shown]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record], col_max=NAMES_WIDTH)


def _find_module(words: Sequence[str]) -> str:
    """Return the word after `-m`, as it is typed to run a module by Python; empty where none follows."""
    place = words.index("-m") + 1 if "-m" in words else len(words)
    return "" if place == len(words) or words[place].startswith("-") else words[place]
