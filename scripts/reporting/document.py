"""A report as Markdown and as an HTML page that opens offline, with tables and pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrm_gym.files import write_bytes, write_text

from .tables import Table

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 14px; display: block;
  overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
  white-space: nowrap; }
th { cursor: pointer; vertical-align: bottom; white-space: normal; user-select: none; }
th::after { content: " \\2195"; color: #aaa; }
.name { text-align: left; }
img { max-width: 100%; }
code { background: #f3f3f3; padding: .1rem .3rem; }
"""
"""Style of the HTML page."""
SCRIPT = """
for (const heading of document.querySelectorAll("th")) {
  heading.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const place = heading.cellIndex;
    const turn = heading.dataset.turn = heading.dataset.turn === "-1" ? "1" : "-1";
    const key = (row) => {
      const text = row.cells[place].textContent.replaceAll(",", "");
      const number = parseFloat(text);
      return Number.isNaN(number) ? text : number;
    };
    const order = (a, b) =>
      typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
    const rows = [...body.rows].sort((a, b) => turn * order(key(a), key(b)));
    body.append(...rows);
  });
}
"""
"""Sorts the rows if a heading is clicked, by the number that a cell begins with or by its text; a
second click reverses the order."""


@dataclass
class Document:
    """A report.

    Attributes:
        title: The heading.
        command: The command that makes the report.
        text: A paragraph about the method.
        tables: The tables.
        failures: A line for everything that failed.
        pictures: Captions and contents of PNG and GIF files by file name.
        opening: Number of pictures that stand before the tables.
    """

    title: str
    command: str
    text: str
    tables: Sequence[Table]
    failures: Sequence[str] = ()
    pictures: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    opening: int = 0

    def write(self, folder: Path) -> str:
        """Write ``report.md``, ``report.html`` and the pictures; return the Markdown."""
        for name, (_, content) in self.pictures.items():
            write_bytes(folder / name, content)
        text = self.markdown()
        write_text(folder / "report.md", text)
        write_text(folder / "report.html", self.page())
        return text

    def markdown(self) -> str:
        """Return the report in Markdown."""
        pictures = [f"![{caption}]({name})" for name, (caption, _) in self.pictures.items()]
        parts = [f"# {self.title}", f"`{self.command}`", self.text, *pictures[: self.opening]]
        for table in self.tables:
            parts += [f"## {table.title}", table.markdown().rstrip()]
        if self.failures:
            parts += ["## Failed", "\n".join(f"- {line}" for line in self.failures)]
        return "\n\n".join([*parts, *pictures[self.opening :]]) + "\n"

    def page(self) -> str:
        """Return the report as one HTML page that contains the pictures."""
        say = html.escape
        pictures = []
        for name, (caption, content) in self.pictures.items():
            kind, data = name.rpartition(".")[2], base64.b64encode(content).decode()
            source = f"data:image/{kind};base64,{data}"
            pictures.append(f'<h2>{say(caption)}</h2>\n<img alt="{say(caption)}" src="{source}">')
        body = [f"<h1>{say(self.title)}</h1>", f"<p><code>{say(self.command)}</code></p>"]
        body += [f"<p>{say(self.text)}</p>", *pictures[: self.opening]]
        for table in self.tables:
            body += [f"<h2>{say(table.title)}</h2>", table.html()]
        if self.failures:
            lines = "".join(f"<li>{say(line)}</li>" for line in self.failures)
            body += ["<h2>Failed</h2>", f"<ul>{lines}</ul>"]
        body += pictures[self.opening :]
        return (
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f"<title>{say(self.title)}</title>\n"
            # Browsers ask the server for an icon otherwise.
            '<link rel="icon" href="data:,">\n'
            f"<style>{STYLE}</style>\n"
            + "\n".join(body)
            + f"\n<script>{SCRIPT}</script>\n</html>\n"
        )
