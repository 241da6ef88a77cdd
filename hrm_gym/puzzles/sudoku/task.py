"""Sudoku of any box shape: tokens, rules, solver, generator, rating and symmetries."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.machine import cores

from ..base import Task
from ..keys import MASK, lane_tensor
from ..puzzle import PAD, Puzzle, Symmetry, Tokens

if TYPE_CHECKING:
    import torch

    from .scene import SudokuScene

BOXES = {4: (2, 2), 6: (2, 3), 8: (2, 4), 9: (3, 3), 10: (2, 5), 12: (3, 4)}
"""Box rows and columns by size."""
DIGITS = "123456789ABC"
BLANKS = ".0_"
BLANK = 1
"""The token of an empty cell; digit d is token d + 1."""
CHUNK = 500
"""Puzzles that a thread solves at a time."""
OOD_RATING = {9: 10}
"""Guesses from which a puzzle is out of distribution, where ratings spread enough to say so."""
OOD_CLUES = {4: 4, 6: 9}
"""Clues up to which a small puzzle is out of distribution: these hardly ever need a guess."""


class Tables:
    """What a board is made of: its units, the box of every cell, its column orders."""

    def __init__(self, box_rows: int, box_cols: int) -> None:
        n = box_rows * box_cols
        cells = np.arange(n * n).reshape(n, n)
        boxes = [
            cells[r : r + box_rows, c : c + box_cols].ravel()
            for r in range(0, n, box_rows)
            for c in range(0, n, box_cols)
        ]
        self.units = np.array([*cells, *cells.T, *boxes])
        self.box_of = np.empty(n * n, np.int64)
        for number, box in enumerate(boxes):
            self.box_of[box] = number
        stacks = [
            list(itertools.permutations(range(s, s + box_cols))) for s in range(0, n, box_cols)
        ]
        self.column_orders = np.array(
            [
                [column for stack in order for column in stack]
                for inner in itertools.product(*stacks)
                for order in itertools.permutations(inner)
            ]
        )


@lru_cache
def tables(box_rows: int, box_cols: int) -> Tables:
    """Return the shared tables of a board."""
    return Tables(box_rows, box_cols)


def _box_of(grid: NDArray[Any]) -> tuple[int, int]:
    n = int(grid.size**0.5)
    if n not in BOXES or n * n != grid.size:
        raise ValueError(f"grid: expected {'/'.join(map(str, BOXES))} rows, got {grid.size} cells")
    if grid.dtype.kind not in "iu":
        raise ValueError(f"grid: expected integers, got {grid.dtype}")
    if grid.min() < 0 or grid.max() > n:
        raise ValueError(f"grid: expected digits 0..{n}, got {grid.min()}..{grid.max()}")
    return BOXES[n]


def search_grid(grid: ArrayLike, limit: int = 2) -> tuple[int, int, NDArray[np.int8]]:
    """Solve a grid of digits (0 = blank) by propagation and guessing.

    Args:
        grid: n*n integers, flat or square.
        limit: Stop after so many solutions.

    Returns:
        Solutions found, guesses to the first, and the first solution, ``(n*n,)`` int8.

    Raises:
        ValueError: The grid has no known size or a digit out of range.
    """
    from .board import board as make_board
    from .search import search

    values = np.asarray(grid).ravel()
    # Before the cast, which would make 256 a blank.
    board = make_board(*_box_of(values))
    solution = np.zeros(values.size, np.int8)
    found, guesses = search(values.astype(np.int8), board, -1, limit, solution)
    return found, guesses, solution


def count_solutions(grid: ArrayLike, limit: int = 2) -> int:
    """Count the solutions of a grid (n x n integers, 0 = blank), up to ``limit``.

    Raises:
        ValueError: The grid has no known size or a digit out of range.
    """
    return search_grid(grid, limit)[0]


class Sudoku(Task):
    """Sudoku on n x n cells; token 1 is a blank, tokens 2..n+1 are the digits.

    Args:
        size: n, a key of ``BOXES``.
    """

    family = "sudoku"
    ornaments = " \t|+-"
    default_source = "bank"
    blank = BLANK

    def __init__(self, size: int = 9) -> None:
        if not isinstance(size, int) or size not in BOXES:
            raise ValueError(f"size: expected one of {sorted(BOXES)} for sudoku, got {size!r}")
        self.size = size
        self.box = BOXES[size]
        self.id = f"sudoku-{size}x{size}"
        self.vocab_size = size + 2
        self.seq_len = size * size
        self.answer_tokens = tuple(range(2, size + 2))
        self.tables = tables(*self.box)

    def parse(self, text: str) -> Tokens:
        """Read a puzzle such as ``53..7....6..`` (``.``, ``0`` or ``_`` = blank; space is skipped).

        Raises:
            ValueError: The length or a character is wrong.
        """
        line = re.sub(r"[\s|+-]", "", text.upper())
        if len(line) != self.seq_len:
            raise ValueError(
                f"expected {self.seq_len} cells for {self.id}, got {len(line)} in {text[:40]!r}"
            )
        known = BLANKS + DIGITS[: self.size]
        for place, char in enumerate(line):
            if char not in known:
                raise ValueError(
                    f"cell {place + 1}: {char!r} is not a cell of {self.id}; expected "
                    f"1-{DIGITS[self.size - 1]}, or . for a blank"
                )
        return np.array([1 if c in BLANKS else DIGITS.index(c) + 2 for c in line], np.uint8)

    def format(self, tokens: Tokens) -> str:
        """Write tokens as digits, ``.`` for a blank."""
        return "".join("." if t < 2 else DIGITS[t - 2] for t in tokens)

    @staticmethod
    def grid(tokens: Tokens) -> NDArray[np.int8]:
        """Return tokens as digits, 0 = blank, ``(n*n,)`` int8."""
        return np.maximum(tokens.astype(np.int8) - 1, 0)

    def solve(self, inputs: Tokens) -> Tokens:
        """Return the one solution.

        Raises:
            ValueError: There is none, or there are several.
        """
        found, _, solution = search_grid(self.grid(inputs))
        if found != 1:
            several = "has no solution" if found == 0 else "has several solutions, expected one"
            raise ValueError(f"the sudoku {self.format(inputs)} {several}")
        return (solution + 1).astype(np.uint8)

    def check_question(self, inputs: Tokens) -> None:
        """Refuse a full grid.

        Raises:
            ValueError: It is one.
        """
        if np.all(inputs > BLANK):
            raise ValueError(
                f"the sudoku {self.format(inputs)} is full, expected a blank to fill in"
            )

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Solve puzzles ``(N, n*n)`` on all cores, and refuse those that are none.

        Returns:
            The ratings of the puzzles, ``(N,)``, as ``rate``.

        Raises:
            ValueError: One is padded or full, has not one solution, or another than its label.
        """
        from .board import board as make_board
        from .kernels import solve_all

        grids = np.ascontiguousarray(self.grid(inputs))
        counts, guesses = np.zeros((2, len(grids)), np.int64)
        solutions = np.zeros_like(grids)
        board = make_board(*self.box)

        def solve(start: int) -> None:
            rows = slice(start, start + CHUNK)
            solve_all(grids[rows], board, counts[rows], guesses[rows], solutions[rows])

        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(solve, range(0, len(grids), CHUNK)))
        padded = (inputs == PAD).any(axis=1)
        odd = padded | (counts != 1) | (inputs > BLANK).all(axis=1)
        wrong = ((labels != PAD) & (labels != solutions + 1)).any(axis=1)
        for row in np.flatnonzero(odd | wrong)[:1].tolist():
            if padded[row]:
                raise ValueError(f"row {row}: a cell of the question holds padding")
            try:
                self.check_question(inputs[row])
                self.solve(inputs[row])
            except ValueError as error:
                raise ValueError(f"row {row}: {error}") from None
            raise ValueError(f"row {row}: the answer does not solve the question")
        return guesses.astype(np.float32)

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether an answer is a complete valid grid that keeps the givens."""
        inputs = puzzle.inputs
        if np.any((inputs > BLANK) & (answer != inputs)) or answer.min() < 2:
            return False
        bits = np.left_shift(1, answer.astype(np.int64) - 2)
        full = (1 << self.size) - 1
        return bool(np.all(np.bitwise_or.reduce(bits[self.tables.units], axis=1) == full))

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

        Without a label it marks what breaks the rules, including a given that the answer changed.
        During an episode it marks digits that occur twice.
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
        """Return the share of blanks that are filled."""
        blanks = np.asarray(obs["given"]) == 0
        filled, total = int((np.asarray(obs["tokens"])[blanks] > BLANK).sum()), int(blanks.sum())
        return "filled", filled / max(total, 1), f"{filled}/{total}"

    def conflicts(self, tokens: Tokens) -> NDArray[np.bool_]:
        """Mark the digits that stand twice in a row, column or box, ``(n*n,)`` bool."""
        clash = np.zeros(self.seq_len, bool)
        for unit in self.tables.units:
            digits = tokens[unit]
            counts = np.bincount(digits, minlength=self.vocab_size)
            clash[unit] |= (counts[digits] > 1) & (digits > BLANK)
        return clash

    def changed_cells(self, inputs: Tokens, answer: Tokens) -> int:
        """Return the number of givens that an answer changes."""
        return int(((inputs > BLANK) & (answer != inputs)).sum())

    def rate(self, inputs: Tokens) -> float:
        """Return the guesses to the solution, as the public sudoku-extreme set rates.

        It depends a little on how the puzzle lies: another digit or band may be tried first.
        """
        return float(search_grid(self.grid(inputs), limit=1)[1])

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Say whether a puzzle is unusually hard: by rating at 9x9, by few clues below.

        The rating of the canonical form decides, so that no symmetric copy falls elsewhere.
        """
        if int((puzzle.inputs > BLANK).sum()) <= OOD_CLUES.get(self.size, 0):
            return True
        # Where one copy needs no guess, none does.
        if self.size not in OOD_RATING or self.rate(puzzle.inputs) == 0:
            return False
        form = np.frombuffer(self.canonical(puzzle.inputs, puzzle.labels), np.uint8)
        given = np.unpackbits(form[self.seq_len :], count=self.seq_len)
        return self.rate(form[: self.seq_len] * given + np.uint8(1)) >= OOD_RATING[self.size]

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return the least solution grid over all symmetries, with the least set of givens."""
        from .kernels import canonical

        grid, given = np.empty(self.seq_len, np.int8), np.empty(self.seq_len, bool)
        orders = self.tables.column_orders
        canonical(self.grid(labels), inputs > BLANK, *self.box, orders, grid, given)
        return grid.tobytes() + np.packbits(given).tobytes()

    def question(self, obs: Any) -> Tokens:
        """Return the givens: the board of the step environment fills up while it is played."""
        tokens = super().question(obs)
        if "given" in obs:
            return np.where(np.asarray(obs["given"]) > 0, tokens, BLANK).astype(np.uint8)
        return tokens

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> int:
        """Write the first digit of the answer that is legal.

        Where none is, the answer is wrong. Then its first digit is played although that changes
        nothing, since filling in other legal digits would be a search.
        """
        actions = self._open_actions(answer, obs)
        mask = info.get("action_mask")
        legal = actions if mask is None else actions[np.asarray(mask)[actions] > 0]
        return int(legal[0] if len(legal) else actions[0] if len(actions) else 0)

    def solver_action(self, obs: Any, info: Any) -> np.int64:
        """Write the first digit of the solution that is legal, else any legal digit.

        Wrong digits, written by somebody else, may block all digits of the solution.
        """
        return self._write_legal(self.solution(self.question(obs)), obs, info)

    def search(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the answer of plain backtracking; cells are blank if the time was up."""
        from .backtracking import backtrack

        grid = backtrack(self.grid(inputs), self.tables.box_of, seconds)
        return (grid + BLANK).astype(np.uint8)

    def search_action(self, obs: Any, info: Any, seconds: float) -> np.int64:
        """Write the first digit of the answer found that is legal, else any legal digit."""
        return self._write_legal(self.searched(self.question(obs), seconds), obs, info)

    def _write_legal(self, answer: Tokens, obs: Any, info: Any) -> np.int64:
        """Return the first action of an answer that is legal, else any legal action."""
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

    def generate(self, key: int, clues: int = 0, trials: int = 0) -> Puzzle:
        """Make a puzzle with one solution.

        Args:
            key: 64-bit integer; the same key makes the same puzzle.
            clues: Stop removing clues here; 0 removes until every clue is needed.
            trials: Steps of hill climbing towards a higher rating.
        """
        from .board import board as make_board
        from .generator import harden, make

        board = make_board(*self.box)
        state = np.array([key & MASK], np.uint64)
        solution, grid = np.empty((2, self.seq_len), np.int8)
        rating = make(state, clues, board, solution, grid)
        if trials:
            rating = harden(state, trials, rating, solution, board, grid)
        inputs, labels = (grid + 1).astype(np.uint8), (solution + 1).astype(np.uint8)
        return Puzzle(inputs, labels, float(rating), "generator")

    def walk(self, key: int, trials: int, floor: float, count: int) -> list[Puzzle]:
        """Make up to ``count`` puzzles of one solved grid, rated ``floor`` or more.

        Args:
            key: 64-bit integer; the same key makes the same puzzles.
            trials: Steps of the walk; it may find fewer puzzles, or none.
            floor: Least rating.
            count: Most puzzles.
        """
        from .board import board as make_board
        from .generator import make, walk

        board = make_board(*self.box)
        state = np.array([key & MASK], np.uint64)
        solution, grid = np.empty((2, self.seq_len), np.int8)
        rating = make(state, 0, board, solution, grid)
        kept, ratings = np.empty((count, self.seq_len), np.int8), np.empty(count, np.int64)
        found = walk(state, trials, int(floor), rating, solution, board, grid, kept, ratings)
        labels = (solution + 1).astype(np.uint8)
        return [
            Puzzle((kept[k] + 1).astype(np.uint8), labels, float(ratings[k]), "generator")
            for k in range(found)
        ]

    def symmetry(self, key: int) -> Symmetry:
        """Draw from relabelling, rows, bands, columns, stacks and (square boxes) transposition."""
        from .kernels import symmetry

        positions, tokens = np.empty(self.seq_len, np.int64), np.empty(self.vocab_size, np.uint8)
        symmetry(np.uint64(key), *self.box, positions, tokens)
        return Symmetry(positions, tokens)

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a batch of symmetries on the device of ``keys``; see ``Task.symmetries``."""
        import torch

        box_rows, box_cols = self.box
        n, device = self.size, keys.device
        count = 1 + box_cols + n + box_rows + n + n
        lanes = lane_tensor(keys[:, None], torch.arange(count, device=device))
        parts = lanes.split([1, box_cols, n, box_rows, n, n], dim=1)
        flip = (parts[0] & 1).bool() if box_rows == box_cols else torch.zeros_like(parts[0]).bool()

        def order(outer: torch.Tensor, inner: torch.Tensor, width: int) -> torch.Tensor:
            """Order lines: groups by ``outer``, lines within their group by ``inner``."""
            groups = outer.argsort(dim=1)
            within = inner.view(len(keys), -1, width).argsort(dim=2)
            within = within.gather(1, groups[:, :, None].expand_as(within))
            return (groups[:, :, None] * width + within).view(len(keys), n)

        rows = order(parts[1], parts[2], box_rows)
        columns = order(parts[3], parts[4], box_cols)
        positions = rows[:, :, None] * n + columns[:, None, :]
        positions = torch.where(flip[:, :, None], positions.transpose(1, 2), positions)
        digits = parts[5].argsort(dim=1).to(torch.uint8) + 2
        fixed = torch.arange(2, dtype=torch.uint8, device=device).expand(len(keys), 2)
        return positions.reshape(len(keys), -1), torch.cat([fixed, digits], dim=1)
