"""What the games of Answer environments share: an answer is drafted, then given as a whole.

Continue (T) gives the draft and takes one more segment. Enter gives it and halts.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from .game import COMMON, Button, Game, count, first_difference, place

GIVE = (Button("Halt", "enter"), Button("Continue", "t"))


class AnswerGame(Game):
    """A game in which a draft is given as the answer, and thinking continues or halts."""

    unit: ClassVar[str] = "segment"

    @abstractmethod
    def answer(self) -> np.ndarray:
        """Return the drafted answer, ``(seq_len,)`` tokens."""

    def own_key(self, name: str) -> bool:
        """Handle Enter, which halts, and T, which continues."""
        if name not in ("enter", "t"):
            return False
        self.give(halt=name == "enter")
        return True

    def give(self, halt: bool) -> None:
        """Give the draft as the answer of a segment."""
        self.step(np.append(self.answer().astype(np.int64), int(halt)))
        if not self.over:
            left = self.env.max_segments - self.env.segment
            self.message = f"Given; {count(left, 'segment')} left."

    def verdict(self, reward: float) -> str:
        """Return how the episode ended."""
        if self.info["exact"]:
            return f"Right after {count(self.moves, 'segment')}."
        return "Right, but not the label, so there is no reward." if self.won else "Wrong."


class BoardAnswerGame(AnswerGame):
    """A game whose draft is the tokens of a square board."""

    buttons: ClassVar[tuple[Button, ...]] = (*GIVE, *COMMON)

    def begin(self) -> None:
        """Start from the question."""
        self.tokens: np.ndarray = self.env.inputs.copy()

    def draft(self) -> np.ndarray:
        """Return the drafted tokens."""
        return self.tokens.copy()

    def set_draft(self, draft: np.ndarray) -> None:
        """Restore drafted tokens."""
        self.tokens = draft.copy()

    answer = draft

    def own_key(self, name: str) -> bool:
        """Also the arrows, which move the cursor."""
        size = self.env.task.size
        return super().own_key(name) or self.move_cursor(name, (size, size))

    def hint(self) -> bool:
        """Write one token of the oracle's answer into the draft."""
        answer = self.env.optimal_action()[:-1]
        cell = first_difference(self.tokens, answer)
        if cell is None:
            self.message = "The draft is right: Enter gives it and halts."
            return False
        self.remember()
        self.tokens[cell] = answer[cell]
        self.cursor = cell
        self.message = f"Hint at {place(cell, self.env.task.size)}."
        return True
