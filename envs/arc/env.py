"""The ARC environment, cell by cell."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles import PAD, Tokens
from hrm_gym.puzzles.arc import (
    MARKER,
    RESIZE,
    SIDE,
    SOURCES,
    SUBMIT,
    Arc,
    ArcPuzzle,
    paint_action,
    to_canvas,
    to_grid,
)

from ..actions import as_integers
from ..base import Observation, PuzzleEnv

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

MAX_STEPS = 2000
"""The default number of steps of an episode."""
MAX_DEMOS = 10
"""Demonstration pairs of an observation; only custom tasks have more."""


class ArcEnv(PuzzleEnv[NDArray[np.int64]]):
    """Paint the output of an ARC task's test input.

    ## Description
    The agent sees all demonstration pairs and the test input, paints the output on a canvas and
    submits it. The canvas starts black and as large as the test input. There are two attempts.

    ## Action Space
    ``MultiDiscrete([12, size, size])``: 0-9 paints that colour at (r, c); 10 sets the size to
    (r+1, c+1); 11 submits. Painting outside the canvas changes nothing and sets
    ``info["invalid_action"]``.

    ## Observation Space
    ``Dict`` of uint8 tokens (0 padding, 1 marker, 2..11 the colours 0-9): ``tokens``
    ``Box(0, 11, (size*size,))``, the test input; ``canvas`` ``Box(0, 11, (size*size,))``, the
    output so far; ``demos`` ``Box(0, 11, (20*size*size,))``, ten pairs of input and output, padded
    with zeros. ``demos`` is longer if a task of the source has more than ten demonstrations.

    ## Rewards
    1 on a correct submission, else 0.

    ## Starting State
    One test input of one task of the split (``augment=True``: rotated or mirrored at random, with
    its colours except black permuted at random).

    ## Episode End
    The episode terminates on a correct submission or the second wrong one, and is truncated after
    ``max_steps`` steps. ``info["regret"]`` is then the number of cells in which the canvas differs
    from the correct output, counting cells that only one of them has. Where the output is hidden,
    as in Kaggle's test challenges, no submission is correct: the episode terminates on the second
    one without a verdict, and neither ``is_success`` nor ``regret`` means anything.

    ## Arguments
    ``size`` (30): cells along one side of the canvas, 2 to 30; a source with a larger grid raises.
    ``source``: ``arc-agi-1``, ``arc-agi-2``, ``mini-arc``, an ARC JSON file or a folder of them; by
    default ``arc-agi-1`` at size 30, else ``mini-arc``. ``task_id``: the name of a single task to
    play. ``max_steps`` (2,000): ``None`` for no limit. ``difficulty`` is the number of cells of the
    test input. ``split``, ``limit``, ``augment`` and ``render_mode`` are the same in every
    environment. A task of ARC-AGI belongs to the same split in both versions: ``test`` if it is an
    evaluation task of either version (each source has its own set of 400 or 120 of them), else
    ``ood`` if an output has 400 cells or more, else ``val`` (a tenth) or ``train``. Two training
    tasks, 40853293 and caa06a1f, are in no split, since up to rotation and colours they show a pair
    of an evaluation task (070dd51e and 50a16a69). ``mini-arc`` has 149 tasks on 5x5 grids: ``test``
    and ``ood`` ask their test pairs, ``train`` and ``val`` ask demonstrations while the others are
    shown.

    ## Version History
    * v0: first version.
    """

    state_fields: ClassVar[tuple[str, ...]] = ("canvas", "attempts_left")

    def __init__(self, size: int = SIDE, source: str | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("augment", False)
        kwargs.setdefault("max_steps", MAX_STEPS)
        super().__init__(Arc(size), source=source, **kwargs)
        if self.puzzles.puzzles is None:
            raise ValueError(
                f"source: the puzzles of {source!r} have no demonstrations; expected "
                f"{SOURCES}, an ARC JSON file or a folder of them"
            )
        hidden = int((self.puzzles.labels == PAD).all(axis=1).sum())
        if hidden:
            warnings.warn(
                f"{self.puzzles.origin}: the outputs of {hidden} of {len(self.puzzles)} test "
                "inputs are hidden, so no submission to them is correct",
                stacklevel=2,
            )
        counts = [len(puzzle.demos) for puzzle in self.puzzles.puzzles]  # type: ignore[attr-defined]
        self.max_demos = max(MAX_DEMOS, *counts)
        cells = size * size
        self.observation_space = spaces.Dict(
            {
                "tokens": spaces.Box(0, 11, (cells,), np.uint8),
                "canvas": spaces.Box(0, 11, (cells,), np.uint8),
                "demos": spaces.Box(0, 11, (self.max_demos * 2 * cells,), np.uint8),
            }
        )
        self.action_space = spaces.MultiDiscrete([12, size, size])

    def _begin(self) -> None:
        assert isinstance(self.puzzle, ArcPuzzle)
        self.canvas = np.zeros_like(to_grid(self.inputs))
        self.attempts_left = 2
        demos = np.zeros((self.max_demos, 2, self.task.seq_len), np.uint8)
        for row, pair in zip(demos, self.puzzle.demos, strict=False):  # fewer pairs than rows
            row[:] = [to_canvas(grid, self.task.size) for grid in pair]
        self._demos: Tokens = demos if self.symmetry is None else self.symmetry.apply(demos)

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Paint, resize or submit."""
        values = as_integers(action, (3,))
        kind, row, column = (-1, -1, -1) if values is None else values.tolist()
        size = self.task.size
        valid = 0 <= kind <= SUBMIT and 0 <= row < size and 0 <= column < size
        right = False
        if valid and kind == SUBMIT:
            right = np.array_equal(self.canvas, to_grid(self.labels))
            self.attempts_left -= 1
        elif valid and kind == RESIZE:
            resized = np.zeros((row + 1, column + 1), np.uint8)
            kept = self.canvas[: row + 1, : column + 1]
            resized[: kept.shape[0], : kept.shape[1]] = kept
            self.canvas = resized
        elif valid and row < self.canvas.shape[0] and column < self.canvas.shape[1]:
            self.canvas[row, column] = kind
        else:
            valid = False
        extra = {"is_success": right}
        if not valid:
            extra["invalid_action"] = True
        return float(right), right or self.attempts_left == 0, extra

    def _ending(self) -> dict[str, Any]:
        shown = to_canvas(self.canvas, self.task.size)
        coloured = (shown > MARKER) | (self.labels > MARKER)
        return {"regret": int(np.count_nonzero((shown != self.labels) & coloured))}

    def _observe(self) -> Observation:
        return {
            "tokens": self.inputs.copy(),
            "canvas": to_canvas(self.canvas, self.task.size),
            "demos": self._demos.ravel().copy(),
        }

    def _info(self, **extra: Any) -> dict[str, Any]:
        assert isinstance(self.puzzle, ArcPuzzle)
        named = {"task_id": self.puzzle.task_id, "test_index": self.puzzle.test_index}
        return super()._info(**named, attempts_left=self.attempts_left, **extra)

    def _legal(self) -> NDArray[np.bool_]:
        """Return the legal values of each component, ``(12 + 2 * size,)`` bool.

        Every kind is legal, and so is every row and column, since a canvas can be resized to any
        size. Only the combination of values can be invalid: painting outside the canvas.
        """
        return np.ones(12 + 2 * self.task.size, np.bool_)

    def _action_mask(self) -> tuple[NDArray[np.int8], ...]:
        return tuple(np.split(self.action_masks().astype(np.int8), [12, 12 + self.task.size]))

    def optimal_action(self) -> NDArray[np.int64]:
        """Return the next action of resizing, painting what is wrong, and submitting."""
        self._require_episode()
        return paint_action(to_grid(self.labels), self.canvas)

    def _scene(self) -> Scene:
        from hrm_gym.rendering import GridScene

        assert isinstance(self.puzzle, ArcPuzzle)
        demos = [
            (to_grid(question), to_grid(answer))
            # A picture shows at most ten.
            for question, answer in self._demos[: min(len(self.puzzle.demos), MAX_DEMOS)]
        ]
        return GridScene(
            demos,
            to_grid(self.inputs),
            self.canvas,
            self.attempts_left,
            caption=f"task {self.puzzle.task_id}, test {self.puzzle.test_index + 1}",
        )
