"""The base classes of a cell and of its result, and the file that holds a result."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

FORMAT = 1
"""Format of ``cell.json``; files of another format are never read."""
FILE = "cell.json"


@dataclass(frozen=True)
class Cell(ABC):
    """One run of a grid. A subclass is a frozen dataclass whose fields are JSON values.

    Attributes:
        seconds: Training time; ``None`` if the cell is not limited by time.
        device: Device of the networks.
        threads: Number of torch threads.
    """

    seconds: float | None = field(default=None, kw_only=True)
    device: str = field(default="cpu", kw_only=True)
    threads: int = field(default=1, kw_only=True)

    result_type: ClassVar[type[Result]]
    keep_log: ClassVar[bool] = False
    """Whether the output of a cell that did not fail is kept."""
    limit_option: ClassVar[str] = " (--timeout)"
    """The option that changes the time limit, for messages."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the cell in messages, unique in its grid."""

    @abstractmethod
    def folder(self, out: Path) -> Path:
        """Return the folder of the cell's files, which differs from that of any other cell."""

    @abstractmethod
    def run(self, folder: Path) -> Result:
        """Train and test; called in the cell's own process.

        Args:
            folder: The result of ``folder``, which exists.
        """

    @property
    def time_limit(self) -> float:
        """Default of the seconds after which the cell is stopped.

        Set-up and tests are meant to cost a tenth of the training time at most; a cell that takes
        five times the training time is stuck or has a fraction of a core. The other half hour is
        for costs that do not grow with the training time: about 1,700 test puzzles at 1 s each.
        A cell that is limited by steps may take a day.
        """
        return 24 * 3600 if self.seconds is None else 5 * self.seconds + 1800


@dataclass
class Result:
    """The outcome of a cell.

    Attributes:
        cell: The cell.
        failure: The reason in one line if the cell failed, else ``None``.
        diverged: Whether the cell failed because weights or losses were no longer finite.
        machine: Description of the machine that ran the cell.
    """

    cell: Any
    failure: str | None = None
    diverged: bool = False
    machine: dict[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    def summary(self) -> str:
        """The outcome in a few words."""
        return "done" if self.failure is None else f"failed: {self.failure}"

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, cell: Cell, content: dict[str, Any]) -> Any:
        """Return the result that ``to_json`` converted."""
        return cls(**{**content, "cell": cell})

    def save(self, out: Path) -> None:
        """Write ``cell.json`` into the cell's folder."""
        from hrm_gym.files import write_text

        content = {"format": FORMAT, **self.to_json()}
        write_text(self.cell.folder(out) / FILE, json.dumps(content) + "\n")


def load(cell: Cell, out: Path) -> Any:
    """Return the result of an earlier run of the cell.

    Args:
        cell: The cell.
        out: Folder of all runs.

    Returns:
        A ``Result`` of the cell's own type, or ``None`` if there is no result with the same
        settings.

    Raises:
        ValueError: if the file is damaged or has another format.
    """
    path = cell.folder(out) / FILE
    if not path.is_file():
        return None
    advice = "remove it, or choose another --out"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError(f"{path}: damaged; {advice}") from None
    if found != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT}, got {found}; {advice}")
    try:
        if content["cell"] != dataclasses.asdict(cell):
            return None
        return cell.result_type.from_json(cell, content)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{path}: damaged; {advice}") from None


def failures(results: Sequence[Result]) -> list[str]:
    """Return a line for every cell that failed."""
    return [f"{r.cell.name} failed: {r.failure}" for r in results if r.failure is not None]


def run_cell(cell: Cell, out: Path) -> Any:
    """Train and test a cell in this process; an exception becomes a failed result.

    Args:
        cell: The cell.
        out: Folder of all runs.

    Returns:
        A ``Result`` of the cell's own type.
    """
    from hrm_gym.agents.base import Diverged
    from hrm_gym.machine import machine

    try:
        import torch

        torch.set_num_threads(cell.threads)
        folder = cell.folder(out)
        folder.mkdir(parents=True, exist_ok=True)
        result = cell.run(folder)
    except Exception as error:
        # One broken agent must not cost the hours that the other cells took.
        reason = " ".join(str(error).split()) or type(error).__name__
        named = isinstance(error, ValueError)
        result = cell.result_type(
            cell,
            failure=reason if named else f"{type(error).__name__}: {reason}",
            diverged=isinstance(error, Diverged),
        )
    result.machine = machine()
    return result
