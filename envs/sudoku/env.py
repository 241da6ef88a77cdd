"""Sudoku, digit by digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import BLANK, Sudoku

from ..base import Observation, PuzzleEnv, whole
from . import kernels

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


def observation_space(size: int) -> spaces.Dict:
    """Return what is seen of a board of ``size`` rows."""
    tokens = spaces.Box(0, size + 1, (size * size,), np.uint8)
    return spaces.Dict({"tokens": tokens, "given": spaces.MultiBinary(size * size)})


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
    Terminated when solved or when no legal action is left; truncated at the id's limit. The last
    info says ``regret``: the cells, blank ones too, that differ from the solution.

    ## Arguments
    ``size`` 4, 6 or 9 (8, 10 and 12 with ``source="generator"``, which is compiled on its first
    use, for each size anew, and that takes a while); ``source``, ``split``, ``difficulty`` (guesses
    of the solver), ``limit``, ``augment``, ``render_mode`` as in every environment.

    ## Version History
    * v0: first version.
    """

    state_fields: ClassVar[tuple[str, ...]] = ("tokens", "used", "last")

    def __init__(self, size: int = 9, **kwargs: Any) -> None:
        self.task: Sudoku  # type: ignore[assignment]
        self.action_space: spaces.Discrete  # type: ignore[assignment]
        super().__init__(Sudoku(size), **kwargs)
        self.observation_space = observation_space(size)
        self.action_space = spaces.Discrete(size**3)
        self._actions = size**3
        self.used = np.zeros((3, size), np.int16)
        self.box_of = self.task.tables.box_of

    def _begin(self) -> None:
        self.tokens = self.inputs.copy()
        self.given = (self.inputs > BLANK).astype(np.int8)
        self.last: int | None = None
        kernels.sudoku_begin(self.tokens, self.box_of, self.used)

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Write one digit."""
        action = whole(action)
        mask = np.empty(self._actions, np.int8)
        inside = action if 0 <= action < self._actions else -1
        bits = kernels.sudoku_turn(self.tokens, self.box_of, self.used, inside, mask)
        legal, solved, stuck = bool(bits & 1), bool(bits & 2), bool(bits & 4)
        extra = {"action_mask": mask, "is_success": solved}
        if legal:
            self.last = action // self.task.size
        else:
            extra["invalid_action"] = True
        return float(solved), solved or stuck, extra

    def _ending(self) -> dict[str, Any]:
        return {"regret": int(np.count_nonzero(self.tokens != self.labels))}

    def _observe(self) -> Observation:
        return {"tokens": self.tokens.copy(), "given": self.given.copy()}

    def _legal(self) -> NDArray[np.bool_]:
        """Return which digits may be written, ``(n*n*n,)`` bool."""
        mask = np.empty(self._actions, np.int8)
        kernels.sudoku_masks(self.tokens, self.box_of, self.used, mask)
        return mask.view(np.bool_)

    def optimal_action(self) -> int:
        """Return the first blank cell's right digit; any action once the board went wrong."""
        self._require_episode()
        # A copy, since a bank's arrays are locked, which is another type to numba.
        return int(kernels.sudoku_teacher(self.tokens, self.labels.copy(), self.box_of, self.used))

    def _scene(self) -> Scene:
        from hrm_gym.rendering import SudokuScene

        return SudokuScene(
            self.tokens,
            self.inputs > BLANK,
            self.task.box,
            wrong=(self.tokens > BLANK) & (self.tokens != self.labels),
            last=self.last,
        )
