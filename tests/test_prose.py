"""The prose of the repository is plain present-day English; CONTRIBUTING.md has the glossary."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

BANNED = {
    r"\bone's own\b": "custom",
    r"\banew\b": "again, or from the start",
    r"\b(is|are|was|were) come by\b": "is made, is found",
    r"\b[Ii]t is none\b": "if ... (say what is wrong)",
    r"\b(are|is) none, (by|of|and)\b": "say what is wrong",
    r"\b(say|says|said|saying) of\b": "say about",
    r"\b[Gg]o(es)? on (from|where|exactly|with|at)\b": "resume, continue",
    r"\bwhoever\b": "who, anybody who",
    r"\bso many\b": "the number itself, or 'this many'",
    r"\bthink(s|ing)? on\b": "continue",
    r"\b(hitherto|thereof|therein|whereof|wherein)\b": "plain words",
    r"\b(lest|whence|thence|nought|aught)\b": "plain words",
    r"\bat hand\b": "present, available",
    r"\bbe it\b": "whether",
    r"\bis had\b": "exists",
    r"\bin one piece\b": "atomically",
    r"\bfit for\b": "suitable for",
    r"\bcannot be had\b": "is not available",
}
"""Phrases that a reader stumbles over, as regular expressions, and what to write instead."""

CONDITION = re.compile(r"[A-Za-z_.]+: (if|when|unless|always)\b")


def tracked(*endings: str) -> list[Path]:
    """Return the files of the repository with one of these endings."""
    listing = subprocess.run(
        ["git", "ls-files", *(f"*{end}" for end in endings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def comments_and_strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield the first line and the text of every comment and string of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING) or token.type == getattr(
            tokenize, "FSTRING_MIDDLE", -1
        ):
            yield token.start[0], token.string


def stumbles(path: Path) -> list[str]:
    """Return a complaint for every banned phrase in a file."""
    source = path.read_text(encoding="utf-8")
    parts = comments_and_strings(source) if path.suffix == ".py" else [(1, source)]
    found = []
    for line, text in parts:
        for phrase, instead in BANNED.items():
            for match in re.finditer(phrase, text):
                at = line + text.count("\n", 0, match.start())
                where = f"{path.relative_to(ROOT)}:{at}"
                found.append(f"{where}: {match.group()!r}; write: {instead}")
    return found


def raises(source: str) -> Iterator[tuple[str, str]]:
    """Yield the name of a function or class and every entry of its ``Raises:`` section."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        section = (ast.get_docstring(node) or "").partition("Raises:\n")[2]
        for line in section.partition("\n\n")[0].splitlines():
            indent = len(line) - len(line.lstrip())
            if indent == 4:
                yield node.name, line.strip()


def vague(path: Path) -> list[str]:
    """Return a complaint for every ``Raises:`` entry that does not say when."""
    return [
        f"{path.relative_to(ROOT)}: {name}: {entry!r}; write: ValueError: if ..."
        for name, entry in raises(path.read_text(encoding="utf-8"))
        if not CONDITION.match(entry)
    ]


def test_the_prose_is_plain():
    files = [path for path in tracked(".py", ".md") if path != Path(__file__).resolve()]
    assert len(files) > 100
    complaints = [complaint for path in files for complaint in stumbles(path)]
    assert not complaints, "\n" + "\n".join(complaints)


def test_raises_sections_say_when():
    files = [path for path in tracked(".py") if "tests" not in path.relative_to(ROOT).parts]
    complaints = [complaint for path in files for complaint in vague(path)]
    assert not complaints, "\n" + "\n".join(complaints)


def test_the_rules_would_notice():
    source = (
        'def f():\n    """Do it anew.\n\n    Raises:\n        ValueError: It is none.\n    """\n'
    )
    assert [entry for _, entry in raises(source)] == ["ValueError: It is none."]
    assert not CONDITION.match("ValueError: It is none.")
    assert CONDITION.match("ValueError: if the mask is empty.")
    phrases = " ".join(text for _, text in comments_and_strings(source))
    assert sum(bool(re.search(phrase, phrases)) for phrase in BANNED) == 2
