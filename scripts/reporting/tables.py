"""Tables for the terminal and for Markdown."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.markup import escape
from rich.table import Table as RichTable


def number_table(title: str, *headings: str) -> RichTable:
    """Return an empty table for the terminal whose columns are numbers."""
    table = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
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


@dataclass(frozen=True)
class Table:
    """A table for Markdown, HTML and the terminal.

    Attributes:
        title: The title.
        headings: The headings of the columns.
        rows: One text for every column.
        names: Number of leading columns that are words; the others are numbers.
        on_terminal: Whether the terminal, which is narrow, shows each column too; ``None`` shows
            all.
    """

    title: str
    headings: list[str]
    rows: list[list[str]]
    names: int = 1
    on_terminal: list[bool] | None = None

    def markdown(self) -> str:
        """Return the table in Markdown."""
        return markdown_table(self.headings, self.rows, self.names)

    def html(self) -> str:
        """Return the table in HTML."""

        def line(tag: str, cells: Sequence[str]) -> str:
            found = ""
            for place, cell in enumerate(cells):
                kind = ' class="name"' if place < self.names else ""
                found += f"<{tag}{kind}>{html.escape(cell)}</{tag}>"
            return f"<tr>{found}</tr>"

        body = "\n".join(line("td", row) for row in self.rows)
        head = f"<thead>{line('th', self.headings)}</thead>"
        return f"<table>{head}<tbody>\n{body}\n</tbody></table>"

    def rich(self, reasons: Sequence[str] = ()) -> RichTable:
        """Return the table for a terminal.

        Args:
            reasons: Why rows failed, for the caption. The second text of such a row begins with
                ``failed: ``.
        """
        view = RichTable(
            title=self.title,
            caption=escape("\n".join(reasons)) or None,
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        shown = self.on_terminal or [True] * len(self.headings)
        kept = [place for place, wanted in enumerate(shown) if wanted]
        for place in kept:
            # Headings and long names may break, numbers may not.
            words = self.headings[place].replace("interquartile mean", "IQM")
            words = words.replace(" of ", " of\N{NO-BREAK SPACE}").replace(" ", "\n")
            if place < self.names:
                view.add_column(words, overflow="fold", min_width=12)
            else:
                view.add_column(words, justify="right", no_wrap=True)
        count = self.headings.index("failed") if "failed" in self.headings else -1
        for row in self.rows:
            failed = self.names > 1 and row[1].startswith("failed: ")
            # The captions say which of the failed runs diverged.
            cells = [row[k].partition(" (")[0] if k == count else row[k] for k in kept]
            view.add_row(*([row[0], "failed"] if failed else cells))
        return view
