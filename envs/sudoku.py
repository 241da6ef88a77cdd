"""Sudoku, digit by digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import BLANK, Sudoku

from . import kernels
from .base import Observation, PuzzleEnv

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


class SudokuEnv(PuzzleEnv[np.int64]):
    """Fill a Sudoku digit by digit.

    ## Description
    A puzzle with exactly one solution is drawn. Every legal action writes one digit that its row,
    column and box do not hold yet; digits are never taken back, so a wrong one loses the episode
    sooner or later.

    ## Action Space
    ``Discrete(n*n*n)``: cell * n + digit - 1, cells counted row by row. An illegal action (a cell
    that is filled, a digit that its row, column or box holds) changes nothing and sets
    ``info["invalid_action"]``.

    ## Observation Space
    ``Dict``: ``tokens`` ``Box(0, n+1, (n*n,), uint8)``, the board, 1 = blank, 2..n+1 = digits
    1..n; ``given`` ``MultiBinary(n*n)``, the cells of the question.

    ## Rewards
    1 when the board is solved, else 0.

    ## Starting State
    A puzzle of the split under a random symmetry (``augment=False``: as it is).

    ## Episode End
    Terminated when solved or when no legal action is left; truncated after 2*n*n steps.

    ## Arguments
    ``size`` 4, 6 or 9; ``source``, ``split``, ``difficulty``, ``limit``, ``augment``,
    ``render_mode`` as in every environment.

    ## Version History
    * v0: first version.
    """

    state_fields: ClassVar[tuple[str, ...]] = ("tokens", "used", "last")

    def __init__(self, size: int = 9, **kwargs: Any) -> None:
        self.task: Sudoku  # type: ignore[assignment]
        self.action_space: spaces.Discrete  # type: ignore[assignment]
        super().__init__(Sudoku(size), **kwargs)
        cells = size * size
        self.observation_space = spaces.Dict(
            {
                "tokens": spaces.Box(0, size + 1, (cells,), np.uint8),
                "given": spaces.MultiBinary(cells),
            }
        )
        self.action_space = spaces.Discrete(cells * size)
        self.used = np.zeros((3, size), np.int64)
        self.box_of = self.task.tables.box_of

    def _begin(self) -> None:
        self.tokens = self.inputs.copy()
        self.last: int | None = None
        kernels.sudoku_begin(self.tokens, self.box_of, self.used)

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Write one digit; see the class for what the values mean."""
        self._require_episode()
        action = int(action)
        legal = 0 <= action < self.action_space.n and kernels.sudoku_play(
            self.tokens, self.box_of, self.used, action
        )
        if legal:
            self.last = action // self.task.size
        info = self._info()
        solved = bool(self.tokens.min() > BLANK)
        info["is_success"] = solved
        if not legal:
            info["invalid_action"] = True
        if self.render_mode == "human":
            self.render()
        return self._observe(), float(solved), solved or not info["action_mask"].any(), False, info

    def _observe(self) -> Observation:
        return {"tokens": self.tokens.copy(), "given": (self.inputs > BLANK).astype(np.int8)}

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which digits may be written, ``(n*n*n,)`` bool."""
        self._require_episode()
        mask = np.empty(int(self.action_space.n), np.bool_)
        kernels.sudoku_masks(self.tokens, self.box_of, self.used, mask)
        return mask

    def optimal_action(self) -> int:
        """Return the first blank cell's right digit; any action once the board went wrong."""
        self._require_episode()
        blanks = np.flatnonzero(self.tokens == BLANK)
        if len(blanks) == 0:
            return 0
        legal = self.action_masks()
        n = self.task.size
        right = blanks * n + (self.labels[blanks].astype(np.int64) - 2)
        best = right[legal[right]]
        return int(best[0] if len(best) else np.flatnonzero(legal)[0])

    def _scene(self) -> Scene:
        from hrm_gym.rendering import SudokuScene

        return SudokuScene(
            self.tokens,
            self.inputs > BLANK,
            self.task.box,
            wrong=(self.tokens > BLANK) & (self.tokens != self.labels),
            last=self.last,
        )
