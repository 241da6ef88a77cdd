"""Progress bars of long work."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

ItemT = TypeVar("ItemT")


def progress(items: Iterable[ItemT], what: str, total: int | None = None) -> Iterator[ItemT]:
    """Yield items and show a progress bar if standard error is a terminal.

    Args:
        items: The items.
        what: Description of the work.
        total: Number of items, if they have no ``len``; there is no bar for a single item.
    """
    from rich.console import Console
    from rich.progress import Progress

    quiet = total == 1 or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        yield from bar.track(items, total=total, description=what)
