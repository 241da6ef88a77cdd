"""The picture of a halting decision: Q-values over the segments; and its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .scene import Scene, locked
from .text import BLUE, BOLD, DIM, GREEN, RED, Pen

if TYPE_CHECKING:
    import pygame


@dataclass(frozen=True, eq=False)
class HaltScene(Scene):
    """Q-values and correct answers over the segments, and where the model stopped.

    Args:
        q_halt: float ``(S,)``, logits.
        q_continue: float ``(S,)``, logits.
        accepted: bool ``(S,)``, whether the rules accept the answer of each segment.
        segment: Number of segments taken so far, 1..S.
        halted: Whether the model has stopped there.
        caption: One line below the curves.

    Raises:
        ValueError: if an array does not have one value per segment, or a value is not finite.
    """

    q_halt: np.ndarray
    q_continue: np.ndarray
    accepted: np.ndarray
    segment: int
    halted: bool = False
    caption: str = ""

    def __post_init__(self) -> None:
        accepted = np.array(self.accepted, bool)
        if accepted.ndim != 1 or not 1 <= self.segment <= accepted.size:
            raise ValueError(f"segment must be in 1..{accepted.size}, not {self.segment}")
        for name in ("q_halt", "q_continue"):
            values = np.array(getattr(self, name), np.float64)
            if values.shape != accepted.shape or not np.isfinite(values).all():
                raise ValueError(f"{name} must hold {accepted.size} finite numbers, one a segment")
            object.__setattr__(self, name, locked(values))
        object.__setattr__(self, "accepted", locked(accepted))

    @property
    def segments(self) -> int:
        """Number of recorded segments."""
        return int(self.accepted.size)

    def draw(self, width: int) -> pygame.Surface:
        """Return the picture at a width that ``paint`` has checked."""
        from .halt_painter import paint_halt

        return paint_halt(self, width)

    def lines(self, pen: Pen) -> list[str]:
        """Return a table with one column per segment; segments not taken yet are faint."""
        numbers = range(1, self.segments + 1)
        rows = {
            "segment": [str(number) for number in numbers],
            "q_halt": [f"{value:.2f}" for value in self.q_halt],
            "q_continue": [f"{value:.2f}" for value in self.q_continue],
            "answer": ["right" if right else "wrong" for right in self.accepted],
            "": ["^" if number == self.segment else "" for number in numbers],
        }
        lines = []
        for name, cells in rows.items():
            line = f"{name:10}"
            for number, cell in enumerate(cells, start=1):
                codes = [GREEN if cell == "right" else RED] if name == "answer" else []
                codes = [BOLD, BLUE] if name == "" else [DIM] if number > self.segment else codes
                line += pen(f"{cell:>7}", *codes)
            lines.append(line.rstrip())
        if self.halted:
            lines[-1] += " halted"
        return lines
