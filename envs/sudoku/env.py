"""The Sudoku environment, digit by digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import BLANK, Sudoku

from ..actions import as_integer
from ..base import Observation, PuzzleEnv
from . import kernels

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


def default_max_steps(size: int) -> int:
    """Return the default number of steps of an episode on a board of ``size`` rows."""
    return 2 * size * size


def observation_space(size: int) -> spaces.Dict:
    """Return the observation space of a board of ``size`` rows."""
    tokens = spaces.Box(0, size + 1, (size * size,), np.uint8)
    return spaces.Dict({"tokens": tokens, "given": spaces.MultiBinary(size * size)})


class SudokuEnv(PuzzleEnv[np.int64]):
    """Fill a Sudoku digit by digit.

    ## Description
    Each episode is a puzzle with exactly one solution. A legal action writes a digit that does not
    yet occur in the row, column and box of the cell. Digits cannot be erased, so the episode is
    lost, sooner or later, after a wrong digit.

    ## Action Space
    ``Discrete(n*n*n)``: cell * n + digit - 1, where cells are counted row by row. An illegal action
    (the cell is filled, or the digit occurs in its row, column or box) changes nothing and sets
    ``info["invalid_action"]``.

    ## Observation Space
    ``Dict``: ``tokens`` ``Box(0, n+1, (n*n,), uint8)``, the board, where 1 is a blank cell and
    2..n+1 are the digits 1..n; ``given`` ``MultiBinary(n*n)``, the cells of the question.

    ## Rewards
    1 when the board is solved, else 0.

    ## Starting State
    A puzzle of the split under a random symmetry (``augment=False``: as stored).

    ## Episode End
    The episode terminates when the board is solved or no legal action is left, and is truncated
    after ``max_steps`` steps. ``info["regret"]`` is then the number of cells, blank ones included,
    that differ from the solution.

    ## Arguments
    ``size`` (9): 4, 6, 9 or 16; also 8, 10, 12 and 25 with ``source="generator:N"``, which is
    compiled when a size is first used. Puzzles of 16 and 25 that are too hard for the solver are
    refused. ``max_steps`` (2*n*n): ``None`` for no limit. ``difficulty`` is measured in guesses of
    the solver. ``source``, ``split``, ``limit``, ``augment`` and ``render_mode`` are the same in
    every environment.

    ## Version History
    * v0: first version.
    """

    state_fields: ClassVar[tuple[str, ...]] = ("tokens", "used", "last")

    def __init__(self, size: int = 9, **kwargs: Any) -> None:
        self.task: Sudoku  # type: ignore[assignment]
        self.action_space: spaces.Discrete  # type: ignore[assignment]
        task = Sudoku(size)
        kwargs.setdefault("max_steps", default_max_steps(size))
        super().__init__(task, **kwargs)
        self.observation_space = observation_space(size)
        self.action_space = spaces.Discrete(size**3)
        self._actions = size**3
        self.used = np.zeros((3, size), np.int32)
        self.box_of = self.task.tables.box_of

    def _begin(self) -> None:
        self.tokens = self.inputs.copy()
        self.given = (self.inputs > BLANK).astype(np.int8)
        self.last: int | None = None
        kernels.sudoku_begin(self.tokens, self.box_of, self.used)

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Write one digit."""
        action = as_integer(action)
        mask = np.empty(self._actions, np.int8)
        inside = action if 0 <= action < self._actions else -1
        bits = kernels.sudoku_play_and_mask(self.tokens, self.box_of, self.used, inside, mask)
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
        """Return which actions are legal, ``(n*n*n,)`` bool."""
        mask = np.empty(self._actions, np.int8)
        kernels.sudoku_masks(self.tokens, self.box_of, self.used, mask)
        return mask.view(np.bool_)

    def optimal_action(self) -> int:
        """Return the first correct action that is legal; any action if there is none."""
        self._require_episode()
        # A copy, since the arrays of a bank are read-only, which is another type in numba.
        return int(kernels.sudoku_teacher(self.tokens, self.labels.copy(), self.box_of, self.used))

    def _scene(self) -> Scene:
        from hrm_gym.puzzles.sudoku.scene import SudokuScene

        return SudokuScene(
            self.tokens,
            self.inputs > BLANK,
            self.task.box,
            wrong=(self.tokens > BLANK) & (self.tokens != self.labels),
            last=self.last,
        )
