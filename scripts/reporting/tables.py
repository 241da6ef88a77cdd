"""Tables for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table


def number_table(title: str, *headings: str) -> Table:
    """Return an empty table for the terminal whose columns are numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]], names: int = 1) -> str:
    """Return a table in Markdown.

    Args:
        headings: Headings of the columns.
        rows: One text per column.
        names: Number of leading columns that are words; the others are numbers.
    """
    marks = ["---" if place < names else "---:" for place in range(len(headings))]
    lines = [headings, marks, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
