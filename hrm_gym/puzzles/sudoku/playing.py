"""How a Sudoku is played and shown."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import Task
from ..puzzle import Tokens
from .tokens import BLANK

if TYPE_CHECKING:
    from .scene import SudokuScene
    from .tables import Tables


class SudokuPlay(Task):
    """The part of the task ``Sudoku`` that concerns episodes."""

    box: tuple[int, int]
    """Rows and columns of a box."""
    tables: Tables

    @staticmethod
    def grid(tokens: Tokens) -> NDArray[np.int8]:
        """Return tokens as digits ``(n*n,)`` int8, 0 = blank."""
        return np.maximum(tokens.astype(np.int8) - 1, 0)

    @abstractmethod
    def conflicts(self, tokens: Tokens) -> NDArray[np.bool_]:
        """Return the cells whose digit occurs twice in a row, column or box."""

    def scene(
        self,
        inputs: Tokens,
        answer: Tokens | None = None,
        labels: Tokens | None = None,
        *,
        confidence: NDArray[np.floating] | None = None,
        demos: Sequence[tuple[Any, Any]] = (),
        caption: str = "",
        in_progress: bool = False,
    ) -> SudokuScene:
        """Return the picture of a board; see ``Task.scene``.

        Without a label, the picture marks cells that break the rules, including givens that the
        answer changes. During an episode it marks digits that occur twice in a row, column or box.
        """
        from .scene import SudokuScene

        shown = inputs if answer is None else answer
        given = inputs > BLANK
        changed = given & (shown != inputs)
        wrong = conflicts = sure = None
        if in_progress:
            changed[:] = False
            labels = None
        if labels is None:
            conflicts = self.conflicts(shown) | changed
        elif answer is not None:
            wrong = (answer != labels) & (answer > BLANK)
        if confidence is not None:
            sure = np.where(given, 1.0, confidence)
        return SudokuScene(
            shown,
            given & ~changed,
            self.box,
            conflicts=conflicts,
            wrong=wrong,
            confidence=sure,
            caption=caption,
        )

    def progress(self, obs: Any) -> tuple[str, float, str]:
        """Return the share of the blanks that are filled in."""
        blanks = np.asarray(obs["given"]) == 0
        filled, total = int((np.asarray(obs["tokens"])[blanks] > BLANK).sum()), int(blanks.sum())
        return "filled", filled / max(total, 1), f"{filled}/{total}"

    def question(self, obs: Any) -> Tokens:
        """Return the givens, without the digits that were played in the step environment."""
        tokens = super().question(obs)
        if "given" in obs:
            return np.where(np.asarray(obs["given"]) > 0, tokens, BLANK).astype(np.uint8)
        return tokens

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> int:
        """Return the action that writes the first legal digit of the answer.

        If no digit is legal, the answer is wrong. Then its first digit is played although this
        changes nothing, since playing other legal digits would be a search.
        """
        actions = self._open_actions(answer, obs)
        mask = info.get("action_mask")
        legal = actions if mask is None else actions[np.asarray(mask)[actions] > 0]
        return int(legal[0] if len(legal) else actions[0] if len(actions) else 0)

    def solver_action(self, obs: Any, info: Any) -> np.int64:
        """Return the action that writes the first legal digit of the solution.

        Wrong digits of earlier actions may block all digits of the solution. Then it is any legal
        action.
        """
        return self._write_legal(self.solution(self.question(obs)), obs, info)

    def search(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the answer of plain backtracking; cells are blank if the time ran out."""
        from .backtracking import backtrack

        grid = backtrack(self.grid(inputs), self.tables.box_of, seconds)
        return (grid + BLANK).astype(np.uint8)

    def search_action(self, obs: Any, info: Any, seconds: float) -> np.int64:
        """Return the action for the first legal digit that the search found, else any legal one."""
        return self._write_legal(self.searched(self.question(obs), seconds), obs, info)

    def _write_legal(self, answer: Tokens, obs: Any, info: Any) -> np.int64:
        """Return the first legal action of an answer, else any legal action."""
        actions = self._open_actions(answer, obs)
        mask = info.get("action_mask")
        if mask is not None and len(actions):
            legal = np.asarray(mask, bool)
            actions = actions[legal[actions]] if legal[actions].any() else np.flatnonzero(legal)
        return np.int64(actions[0] if len(actions) else 0)

    def _open_actions(self, answer: Tokens, obs: Any) -> NDArray[np.int64]:
        """Return the actions that write the digits of an answer into the blank cells."""
        cells = np.flatnonzero((np.asarray(obs["tokens"]) == BLANK) & (answer > BLANK))
        return cells * self.size + (answer[cells].astype(np.int64) - 2)
