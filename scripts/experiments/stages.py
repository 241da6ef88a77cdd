"""Stages: cells that run one after the other, each with a time limit and rows of results."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from .cell import FILE, Cell, Result, load
from .grid import Say, run_grid, show

ROWS = "rows.json"
"""Rows of a stage, written again after every part of it, so that a later failure keeps them."""

Rows = list[dict[str, Any]]


@dataclass
class StageResult(Result):
    """The outcome of a stage.

    Attributes:
        rows: Rows of a result file.
    """

    rows: Rows = field(default_factory=list, kw_only=True)


@dataclass(frozen=True)
class Stage(Cell):
    """One stage of a plan. A subclass defines ``title`` and ``parts``.

    Attributes:
        limit: Seconds that the stage may take, the start of its process included.
    """

    limit: float = field(kw_only=True)

    result_type: ClassVar = StageResult
    keep_log: ClassVar[bool] = True
    limit_option: ClassVar[str] = ""
    title: ClassVar[str]
    """Name of the stage and of its folder."""
    after: ClassVar[tuple[str, ...]] = ()
    """Titles of the stages whose results this stage uses."""

    @property
    def name(self) -> str:
        """Title of the stage."""
        return self.title

    @property
    def time_limit(self) -> float:
        """Seconds after which the stage is stopped."""
        return self.limit

    def folder(self, out: Path) -> Path:
        """Return the folder of the stage's files."""
        return out / self.name

    @abstractmethod
    def parts(self, folder: Path) -> Iterator[Rows]:
        """Do the work in this process, and yield rows as they are measured.

        Args:
            folder: Folder of the stage's files.
        """

    def run(self, folder: Path) -> StageResult:
        """Do the work, and write the rows to ``rows.json`` after every part."""
        from hrm_gym.machine import machine
        from hrm_gym.results import write_json

        (folder / ROWS).unlink(missing_ok=True)
        started = time.monotonic()
        rows: Rows = []
        for part in self.parts(folder):
            rows += part
            write_json(folder / ROWS, machine(), rows)
        seconds = time.monotonic() - started
        rows.append({"name": "time", "value": seconds, "unit": "s"})
        write_json(folder / ROWS, machine(), rows)
        return StageResult(self, rows=rows)


def run_stages(stages: Sequence[Stage], out: Path, say: Say = show) -> Rows:
    """Run the stages that have no result yet, in their order.

    A stage that fails or exceeds its time does not stop the next ones. It runs again when the plan
    is started again, and so do the stages that use its result.

    Args:
        stages: The stages.
        out: Folder of their folders.
        say: Called with a line for every stage that starts or ends.

    Returns:
        The rows of all stages, each named after its stage. A failed stage has the rows of the parts
        that it finished, and a row without a value that contains the reason.
    """
    forget_outdated(stages, out)
    rows: Rows = []
    for stage, result in zip(stages, run_grid(stages, out, say=say), strict=True):
        found = list(result.rows) or finished_parts(stage.folder(out))
        if result.failure is not None:
            found.append({"name": f"failed: {result.failure}", "value": None, "unit": ""})
        rows += [{**row, "name": f"{stage.name}: {row['name']}"} for row in found]
    return rows


def forget_outdated(stages: Sequence[Stage], out: Path) -> None:
    """Remove the results of stages that use another stage which is to run again."""
    finished: set[str] = set()
    for stage in stages:
        try:
            found = load(stage, out)
        except ValueError:
            # ``run_grid`` reports the damaged file.
            continue
        if found is None or found.failure is not None:
            continue
        if finished.issuperset(stage.after):
            finished.add(stage.name)
        else:
            (stage.folder(out) / FILE).unlink()


def finished_parts(folder: Path) -> Rows:
    """Return the rows that a failed stage has written."""
    if not (folder / ROWS).is_file():
        return []
    rows: Rows = json.loads((folder / ROWS).read_text(encoding="utf-8"))["rows"]
    return rows
