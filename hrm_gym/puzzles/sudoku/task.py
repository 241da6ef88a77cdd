"""Sudoku with any shape of boxes: tokens, rules, solver, generator, rating and symmetries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..keys import MASK, lane_tensor, unit_tensor
from ..puzzle import PAD, Puzzle, Symmetry, Tokens
from ..relations import Relation, group, lines
from .playing import SudokuPlay
from .solver import LARGEST_FAST, UNFINISHED, generate, is_easy, search_grid, solve_rows
from .spelling import KEEP_DASHES, ORNAMENTS, characters, plain_rows, spelled
from .tables import BOXES, tables
from .tokens import BLANK, DIGITS

if TYPE_CHECKING:
    import torch

OOD_RATING = {9: 10, 16: 1, 25: 1}
"""Least rating, by size, of puzzles that are out of distribution, for sizes with varied ratings;
of large boards these are the puzzles that need a guess."""
OOD_CLUES = {4: 4, 6: 9}
"""Largest number of clues, by size, of puzzles that are out of distribution, for sizes whose
puzzles hardly ever need a guess."""


class Sudoku(SudokuPlay):
    """Sudoku of n x n cells; token 1 is a blank, and tokens 2..n+1 are the digits.

    Args:
        size: n, a key of ``BOXES``.
    """

    family = "sudoku"
    fills_blanks = True
    ornaments = ORNAMENTS
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
        self.symbols = self.answer_tokens
        self.characters = characters(size)
        self.tables = tables(*self.box)

    def relations(self) -> tuple[Relation, ...]:
        """Return the relations row, column and box."""
        return (*lines(self.size), group("box", self.tables.box_of))

    def easier_rows(
        self, inputs: torch.Tensor, labels: torch.Tensor, keys: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Fill in a random share of the blanks; see ``Task.easier_rows``."""
        import torch

        draws = torch.arange(1 + self.seq_len, device=keys.device)
        drawn = unit_tensor(lane_tensor(keys[:, None], draws))
        filled = drawn[:, 1:] < drawn[:, :1]
        # A label of 0 says nothing to fill in.
        filled = filled & (inputs == BLANK) & (labels != PAD)
        return torch.where(filled, labels, inputs), labels

    def spell(self, text: str) -> str:
        """Return cells with ``.`` for a blank and the digits of ``format``; see ``spelled``."""
        return spelled(text, self.size)

    def parse(self, text: str) -> Tokens:
        """Read a puzzle such as ``53..7....6..``; ``.``, ``0``, ``_``, ``*`` and ``?`` are blanks.

        Up to 9x9, ``x``, ``~`` and an empty square are blanks too.
        White space, brackets, commas and frames are skipped. A dash is a blank if the number of
        cells is right then, and else skipped too. Values from 10 are written as letters from A; see
        ``spelled`` for other ways.

        Raises:
            ValueError: if the length or a character is wrong.
        """
        line = text.translate(KEEP_DASHES)
        if len(line) != self.seq_len or "-" not in line:
            line = line.replace("-", "")
        if len(line) != self.seq_len:
            raise ValueError(
                f"expected {self.seq_len} cells for {self.id}, got {len(line)} in {text[:40]!r}"
            )
        cells = self.spell(line)
        known = "." + DIGITS[: self.size]
        for place, char in enumerate(cells):
            if char not in known:
                raise ValueError(
                    f"cell {place + 1}: {line[place].upper()!r} is not a cell of {self.id}; "
                    f"expected 1-{DIGITS[self.size - 1]}, or . for a blank"
                )
        return np.array([known.index(char) + 1 for char in cells], np.uint8)

    def parse_rows(self, texts: Sequence[str]) -> Tokens:
        """Read many puzzles; those of up to 9 rows that are plain digits are looked up."""
        if self.size > 9:
            return super().parse_rows(texts)
        tokens = plain_rows(texts, self.size)
        for row in np.flatnonzero((tokens == PAD).any(axis=1)).tolist():
            tokens[row] = self.parse(texts[row])
        return tokens

    def format(self, tokens: Tokens) -> str:
        """Write tokens as digits, with ``.`` for a blank."""
        return "".join("." if t < 2 else DIGITS[t - 2] for t in tokens)

    def solve(self, inputs: Tokens) -> Tokens:
        """Return the unique solution.

        Raises:
            ValueError: if there is no solution, or several, or a puzzle of more than 12 rows is
                too hard; see ``search_grid``.
        """
        found, _, solution = search_grid(self.grid(inputs))
        if found != 1:
            several = "has no solution" if found == 0 else "has several solutions, expected one"
            raise ValueError(f"the sudoku {self.format(inputs)} {several}")
        return (solution + 1).astype(np.uint8)

    def solve_rows(self, inputs: Tokens) -> Tokens:
        """Return the unique solutions of puzzles ``(N, n*n)``, which are solved on all cores."""
        counts, _, solutions = solve_rows(np.ascontiguousarray(self.grid(inputs)), self.size)
        for row in np.flatnonzero(counts != 1)[:1].tolist():
            # It raises the error.
            self.solve(inputs[row])
        return (solutions + 1).astype(np.uint8)

    def check_question(self, inputs: Tokens) -> None:
        """Check that a grid contains a blank.

        Raises:
            ValueError: if it does not.
        """
        if np.all(inputs > BLANK):
            raise ValueError(
                f"the sudoku {self.format(inputs)} is full, expected a blank to fill in"
            )

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Solve puzzles ``(N, n*n)`` on all cores and rate them; see ``Task.check_rows``.

        Raises:
            ValueError: if a puzzle contains padding, has no blank, does not have exactly one
                solution, has a label that differs from its solution, or is too hard for the
                solver, as some puzzles of more than 12 rows are; see ``search_grid``.
        """
        counts, guesses, solutions = solve_rows(np.ascontiguousarray(self.grid(inputs)), self.size)
        padded = (inputs == PAD).any(axis=1)
        odd = padded | (counts != 1) | (inputs > BLANK).all(axis=1)
        wrong = ((labels != PAD) & (labels != solutions + 1)).any(axis=1)
        for row in np.flatnonzero(odd | wrong)[:1].tolist():
            if padded[row]:
                raise ValueError(f"row {row}: the question contains padding")
            if counts[row] < 0:
                raise ValueError(f"row {row}: {UNFINISHED}")
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

    def conflicts(self, tokens: Tokens) -> NDArray[np.bool_]:
        """Return which digits occur twice in a row, column or box, ``(n*n,)`` bool."""
        clash = np.zeros(self.seq_len, bool)
        for unit in self.tables.units:
            digits = tokens[unit]
            counts = np.bincount(digits, minlength=self.vocab_size)
            clash[unit] |= (counts[digits] > 1) & (digits > BLANK)
        return clash

    def changed_cells(self, inputs: Tokens, answer: Tokens) -> int:
        """Return the number of givens that an answer changes."""
        return int(((inputs > BLANK) & (answer != inputs)).sum())

    def cost(self, inputs: Tokens, answer: Tokens) -> float:
        """Return 0 for a complete valid grid that keeps the givens, which is the solution."""
        return 0.0 if self.is_solved(Puzzle(inputs, inputs), answer) else math.inf

    def rate(self, inputs: Tokens) -> float:
        """Return the number of guesses to the solution, as in the public sudoku-extreme set.

        Symmetric copies may have different ratings, since the solver breaks ties by the order of
        digits and bands. Ratings of boards of more than 12 rows are those of another solver, which
        guesses the digits of single cells.

        Raises:
            ValueError: if a puzzle of more than 12 rows is too hard; see ``search_grid``.
        """
        return float(search_grid(self.grid(inputs), limit=1)[1])

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Return whether a puzzle is unusually hard, by its rating or its number of clues.

        At 9x9, the rating of the canonical form decides, so that all symmetric copies are in one
        split.
        """
        if int((puzzle.inputs > BLANK).sum()) <= OOD_CLUES.get(self.size, 0):
            return True
        # If one symmetric copy needs no guess, no copy needs one.
        if self.size > LARGEST_FAST:
            return not is_easy(self.grid(puzzle.inputs))
        if self.size not in OOD_RATING or self.rate(puzzle.inputs) == 0:
            return False
        form = np.frombuffer(self.canonical(puzzle.inputs, puzzle.labels), np.uint8)
        given = np.unpackbits(form[self.seq_len :], count=self.seq_len)
        return self.rate(form[: self.seq_len] * given + np.uint8(1)) >= OOD_RATING[self.size]

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return the least symmetric copy of the solution, and its least set of givens."""
        from .canonical import canonical

        grid, given = np.empty(self.seq_len, np.int8), np.empty(self.seq_len, bool)
        canonical(self.grid(labels), inputs > BLANK, *self.box, grid, given)
        return grid.tobytes() + np.packbits(given).tobytes()

    def generate(self, key: int, clues: int = 0, trials: int = 0, guesses: int = 0) -> Puzzle:
        """Generate a puzzle with one solution.

        The rules of the solver solve generated puzzles of more than 12 rows without a guess, unless
        ``guesses`` allows them to need some.

        Args:
            key: 64-bit integer; the same key makes the same puzzle.
            clues: Least number of clues; 0 removes clues until every clue is necessary, or for more
                than 12 rows until no clue can be removed in this way, which leaves about 90 clues
                at 16x16 and 260 at 25x25.
            trials: Number of steps of hill climbing towards a higher rating, for up to 12 rows.
            guesses: Number of guesses that may prove that the solution is unique, for more than 12
                rows. The rating is at most this number; 20 take 0.2 s at 16x16 and 1.5 s at 25x25.

        Raises:
            ValueError: if ``trials`` or ``guesses`` is given for a size that has no use for it.
        """
        grid, solution, rating = generate(self.size, key, clues, trials, guesses)
        inputs, labels = (grid + 1).astype(np.uint8), (solution + 1).astype(np.uint8)
        return Puzzle(inputs, labels, float(rating), "generator")

    def walk(self, key: int, trials: int, floor: float, count: int) -> list[Puzzle]:
        """Generate up to ``count`` puzzles with one solution grid, rated ``floor`` or more.

        Args:
            key: 64-bit integer; the same key makes the same puzzles.
            trials: Number of steps of the walk, which may find fewer puzzles, or none.
            floor: Lowest rating.
            count: Largest number of puzzles.

        Raises:
            ValueError: if the board has more than 12 rows.
        """
        if self.size > LARGEST_FAST:
            raise ValueError(f"size: expected at most {LARGEST_FAST} for a walk, got {self.size}")
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
        """Return a permutation of digits, rows, bands, columns and stacks, perhaps transposed.

        Only boards with square boxes are transposed.
        """
        from .kernels import symmetry

        positions, tokens = np.empty(self.seq_len, np.int64), np.empty(self.vocab_size, np.uint8)
        symmetry(np.uint64(key), *self.box, positions, tokens)
        return Symmetry(positions, tokens)

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch of symmetries on the device of ``keys``; see ``Task.symmetries``."""
        import torch

        box_rows, box_cols = self.box
        n, device = self.size, keys.device
        count = 1 + box_cols + n + box_rows + n + n
        lanes = lane_tensor(keys[:, None], torch.arange(count, device=device))
        parts = lanes.split([1, box_cols, n, box_rows, n, n], dim=1)
        flip = (parts[0] & 1).bool() if box_rows == box_cols else torch.zeros_like(parts[0]).bool()

        def order(outer: torch.Tensor, inner: torch.Tensor, width: int) -> torch.Tensor:
            """Return lines with their groups sorted by ``outer``, and by ``inner`` in a group."""
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
