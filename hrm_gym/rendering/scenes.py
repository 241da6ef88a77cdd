"""Scenes: everything a painter needs to know, as plain arrays.

A scene copies the arrays it is given and locks the copies, so it stays what it was when the
environment moves on. Each raises ValueError, in one sentence, when its parts do not fit together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WALL, SPACE, START, GOAL, PATH = 1, 2, 3, 4, 5


def _locked(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _tokens(value: npt.ArrayLike, largest: int | None = None) -> np.ndarray:
    """Return a locked uint8 copy of a flat square board."""
    array = np.array(value)
    side = math.isqrt(array.size)
    if array.ndim != 1 or side < 2 or side * side != array.size:
        raise ValueError(f"tokens must be a flat square board, not an array of shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"tokens must be integers, not {array.dtype}")
    largest = side + 1 if largest is None else largest
    if array.min() < 0 or array.max() > largest:
        raise ValueError(
            f"tokens must lie in 0..{largest}, but they span {array.min()}..{array.max()}"
        )
    return _locked(array.astype(np.uint8))


def _mask(name: str, value: npt.ArrayLike | None, length: int) -> np.ndarray | None:
    """Return a locked bool copy of an optional mask over the cells."""
    if value is None:
        return None
    array = np.array(value)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},) as tokens has, not {array.shape}")
    return _locked(array.astype(bool))


def _probabilities(
    name: str, value: npt.ArrayLike | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    """Return a locked float32 copy of an optional probability for each cell."""
    if value is None:
        return None
    array = np.array(value, np.float32)
    if array.shape != shape or not np.all((array >= 0) & (array <= 1)):
        raise ValueError(f"{name} must be probabilities of shape {shape}, one a cell")
    return _locked(array)


def _cell(name: str, value: int | None, length: int) -> int | None:
    if value is None:
        return None
    if not 0 <= int(value) < length:
        raise ValueError(f"{name} must be a cell in 0..{length - 1}, not {value}")
    return int(value)


def _colours(name: str, value: npt.ArrayLike) -> np.ndarray:
    """Return a locked uint8 copy of an ARC grid."""
    array = np.array(value)
    if array.ndim != 2 or not all(1 <= side <= 30 for side in array.shape):
        raise ValueError(f"{name} must be a grid of 1x1 to 30x30 cells, not of shape {array.shape}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 9:
        raise ValueError(f"{name} must hold integer colours 0..9")
    return _locked(array.astype(np.uint8))


@dataclass(frozen=True, eq=False)
class SudokuScene:
    """A Sudoku board.

    Args:
        tokens: uint8 (n*n,), row by row; 0 and 1 are blank, 2..n+1 the digits 1..n; n <= 16.
        given: bool (n*n,), the cells of the puzzle itself.
        box: rows and columns of one box; their product is n.
        conflicts: bool (n*n,), cells that break a rule as the board stands.
        last: the cell last played.
        wrong: bool (n*n,), cells known to differ from the solution.
        confidence: float (n*n,), how sure whoever filled in a cell is of it, 0..1.
        caption: one line under the board.

    Raises:
        ValueError: the arrays do not fit one board.
    """

    tokens: np.ndarray
    given: np.ndarray
    box: tuple[int, int]
    conflicts: np.ndarray | None = None
    last: int | None = None
    wrong: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        tokens = _tokens(self.tokens)
        side = math.isqrt(tokens.size)
        rows, columns = (int(part) for part in self.box)
        if rows < 1 or columns < 1 or rows * columns != side or side > 16:
            raise ValueError(f"boxes of {rows}x{columns} do not tile a {side}x{side} Sudoku")
        given = _mask("given", self.given, tokens.size)
        if given is None:
            raise ValueError("given must be an array, not None")
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "given", given)
        object.__setattr__(self, "box", (rows, columns))
        object.__setattr__(self, "conflicts", _mask("conflicts", self.conflicts, tokens.size))
        object.__setattr__(self, "last", _cell("last", self.last, tokens.size))
        object.__setattr__(self, "wrong", _mask("wrong", self.wrong, tokens.size))
        sure = _probabilities("confidence", self.confidence, tokens.shape)
        object.__setattr__(self, "confidence", sure)

    @property
    def side(self) -> int:
        """Cells along one edge of the board."""
        return math.isqrt(self.tokens.size)


@dataclass(frozen=True, eq=False)
class MazeScene:
    """A maze, the walk through it, and what is known of the way.

    Args:
        tokens: uint8 (s*s,), row by row; 1 wall, 2 space, 3 S, 4 G, 5 path; 0 counts as space.
        walked: cells in the order they were visited; neighbours follow neighbours.
        position: where the walker stands; the end of the walk if left out.
        shortest: bool (s*s,), the cells of one shortest path, with or without S and G.
        answer: bool (s*s,), the cells a model marks as path.
        doors: bool (s*s,), open cells behind a closed door.
        confidence: float (s*s,), how sure a model is of each cell of its answer, 0..1.
        caption: one line under the maze.

    Raises:
        ValueError: the arrays do not fit one maze, or the walk jumps.
    """

    tokens: np.ndarray
    walked: Sequence[int] | np.ndarray = ()
    position: int | None = None
    shortest: np.ndarray | None = None
    answer: np.ndarray | None = None
    doors: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        tokens = _tokens(self.tokens, PATH)
        walked = np.array(self.walked, dtype=np.int64)
        if walked.ndim != 1 or (
            walked.size and not 0 <= walked.min() <= walked.max() < tokens.size
        ):
            raise ValueError(f"walked must be a list of cells in 0..{tokens.size - 1}")
        rows, columns = np.divmod(walked, math.isqrt(tokens.size))
        if np.any(np.abs(np.diff(rows)) + np.abs(np.diff(columns)) > 1):
            raise ValueError("walked must go from cell to neighbouring cell")
        position = _cell("position", self.position, tokens.size)
        if position is None and walked.size:
            position = int(walked[-1])
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "walked", _locked(walked))
        object.__setattr__(self, "position", position)
        for name in ("shortest", "answer", "doors"):
            object.__setattr__(self, name, _mask(name, getattr(self, name), tokens.size))
        sure = _probabilities("confidence", self.confidence, tokens.shape)
        object.__setattr__(self, "confidence", sure)

    @property
    def side(self) -> int:
        """Cells along one edge of the maze."""
        return math.isqrt(self.tokens.size)


@dataclass(frozen=True, eq=False)
class ARCScene:
    """An ARC task: demonstration pairs, the test input, and the canvas painted so far.

    Args:
        demos: at most 10 pairs (input, output) of grids, each uint8 (rows, columns), colours 0..9.
        test_input: uint8 (rows, columns), colours 0..9.
        canvas: uint8 (rows, columns), colours 0..9; None before there is one.
        attempts_left: how often the canvas may still be submitted.
        wrong: bool, of the shape of the canvas: cells known to differ from the right output.
        confidence: float, of the shape of the canvas: how sure a model is of each cell, 0..1.
        caption: one line under the grids.

    Raises:
        ValueError: a grid is not 1x1 to 30x30 of colours 0..9, there are too many pairs, or what is
            said of the canvas has another shape.
    """

    demos: Sequence[tuple[np.ndarray, np.ndarray]]
    test_input: np.ndarray
    canvas: np.ndarray | None = None
    attempts_left: int | None = None
    wrong: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        if len(self.demos) > 10:
            raise ValueError(f"a scene holds at most 10 demonstrations, not {len(self.demos)}")
        demos = tuple(
            (_colours(f"demonstration {i} input", a), _colours(f"demonstration {i} output", b))
            for i, (a, b) in enumerate(self.demos)
        )
        object.__setattr__(self, "demos", demos)
        object.__setattr__(self, "test_input", _colours("test_input", self.test_input))
        if self.canvas is not None:
            object.__setattr__(self, "canvas", _colours("canvas", self.canvas))
        shape = (0, 0) if self.canvas is None else self.canvas.shape
        sure = _probabilities("confidence", self.confidence, shape)
        object.__setattr__(self, "confidence", sure)
        if self.wrong is not None:
            wrong = np.array(self.wrong, bool)
            if wrong.shape != shape:
                raise ValueError(f"wrong must have the canvas's shape {shape}, not {wrong.shape}")
            object.__setattr__(self, "wrong", _locked(wrong))


@dataclass(frozen=True, eq=False)
class HaltScene:
    """Q-values and right answers over the segments, and where thinking ended.

    Args:
        q_halt: float (S,), logits.
        q_continue: float (S,), logits.
        exact: bool (S,), whether the answer of each segment is right.
        segment: how many segments were taken, 1..S.
        halted: whether thinking ended there.
        caption: one line under the curves.

    Raises:
        ValueError: the arrays do not have one value a segment, or one is not finite.
    """

    q_halt: np.ndarray
    q_continue: np.ndarray
    exact: np.ndarray
    segment: int
    halted: bool = False
    caption: str = ""

    def __post_init__(self) -> None:
        exact = np.array(self.exact, bool)
        if exact.ndim != 1 or not 1 <= self.segment <= exact.size:
            raise ValueError(f"segment must be in 1..{exact.size}, not {self.segment}")
        for name in ("q_halt", "q_continue"):
            values = np.array(getattr(self, name), np.float64)
            if values.shape != exact.shape or not np.isfinite(values).all():
                raise ValueError(f"{name} must hold {exact.size} finite numbers, one a segment")
            object.__setattr__(self, name, _locked(values))
        object.__setattr__(self, "exact", _locked(exact))

    @property
    def segments(self) -> int:
        """Segments that could be taken."""
        return int(self.exact.size)


Scene = SudokuScene | MazeScene | ARCScene | HaltScene
