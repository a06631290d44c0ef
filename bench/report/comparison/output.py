"""Print a comparison in the form that was asked for."""

from __future__ import annotations

import json

from rich.console import Console

from bench.analysis.comparison.comparison import Comparison
from bench.report.comparison.comparison_json import to_json
from bench.report.comparison.markdown import to_markdown
from bench.report.comparison.terminal import print_comparison


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print a comparison as text, Markdown or JSON, as its options say."""
    if comparison.options.form == "text":
        print_comparison(console, comparison)
    elif comparison.options.form == "md":
        console.file.write(to_markdown(comparison))
    else:
        console.file.write(f"{json.dumps(to_json(comparison), indent=2)}\n")
