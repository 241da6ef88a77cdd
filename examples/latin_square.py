"""A custom task in one class: Latin squares, with every digit once in each row and column.

Train an agent on it and test the agent:

    python scripts/train.py --task examples.latin_square:LatinSquare --seconds 60
    python scripts/evaluate.py --agent RUN_FOLDER --task examples.latin_square:LatinSquare --votes 8

``docs/custom-task.md`` explains it. ``examples.latin_square:LatinSquare:4`` is a smaller size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hrm_gym.puzzles import Puzzle, Symmetry, Task, Tokens
from hrm_gym.puzzles.keys import lane, lane_tensor, shift

if TYPE_CHECKING:
    import torch

BLANK = 1
"""Token of an empty cell; digit d is token d + 1, and 0 is padding in every task."""


class LatinSquare(Task):
    """Latin squares of n x n cells with one solution.

    Args:
        size: n, 3 to 9.
    """

    family = "latin"
    fills_blanks = True
    blank = BLANK

    def __init__(self, size: int = 5) -> None:
        if not isinstance(size, int) or not 3 <= size <= 9:
            raise ValueError(f"size: expected 3..9 for latin, got {size!r}")
        self.size = size
        self.id = f"latin-{size}x{size}"
        self.vocab_size = size + 2
        self.seq_len = size * size
        self.answer_tokens = tuple(range(2, size + 2))
        self.symbols = self.answer_tokens
        cells = np.arange(self.seq_len).reshape(size, size)
        turned = [np.rot90(grid, k) for grid in (cells, cells.T) for k in range(4)]
        self.dihedral = np.array([grid.ravel() for grid in turned])

    # Text --------------------------------------------------------------------------------------

    def parse(self, text: str) -> Tokens:
        """Read n*n characters, ``.`` for a blank."""
        line = "".join(text.split())
        known = "." + "123456789"[: self.size]
        if len(line) != self.seq_len or not set(line) <= set(known):
            raise ValueError(f"expected {self.seq_len} cells of {known} for {self.id}, got {line}")
        return np.array([known.index(char) + 1 for char in line], np.uint8)

    def format(self, tokens: Tokens) -> str:
        """Write tokens as digits."""
        return "".join("." if t < 2 else str(t - 1) for t in tokens)

    # Rules -------------------------------------------------------------------------------------

    def solve(self, inputs: Tokens) -> Tokens:
        """Return the only solution."""
        found = self.solutions(inputs)
        if len(found) != 1:
            several = "no solution" if not found else "several solutions"
            raise ValueError(f"the Latin square {self.format(inputs)} has {several}, expected one")
        return found[0]

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether every row and column contains every digit and the givens are kept."""
        inputs = puzzle.inputs
        grid, wanted = answer.reshape(self.size, self.size), np.arange(2, self.size + 2)
        lines = np.sort(np.concatenate([grid, grid.T]), axis=1)
        kept = np.all((inputs == BLANK) | (inputs == answer))
        return bool(kept and np.all(lines == wanted))

    def solutions(self, inputs: Tokens, limit: int = 2) -> list[Tokens]:
        """Return up to ``limit`` solutions; the cell with the fewest choices is filled in first."""
        n, full = self.size, (1 << self.size) - 1
        rows, columns = [0] * n, [0] * n
        grid = inputs.tolist()
        for cell, token in enumerate(grid):
            if token > BLANK:
                bit = 1 << (token - 2)
                if (rows[cell // n] | columns[cell % n]) & bit:
                    return []
                rows[cell // n] |= bit
                columns[cell % n] |= bit
        found: list[Tokens] = []

        def fill() -> None:
            blanks = [cell for cell, token in enumerate(grid) if token == BLANK]
            if not blanks:
                found.append(np.array(grid, np.uint8))
                return
            free = {c: full & ~(rows[c // n] | columns[c % n]) for c in blanks}
            cell = min(blanks, key=lambda c: free[c].bit_count())
            for digit in range(n):
                bit = 1 << digit
                if free[cell] & bit and len(found) < limit:
                    grid[cell] = digit + 2
                    rows[cell // n] ^= bit
                    columns[cell % n] ^= bit
                    fill()
                    rows[cell // n] ^= bit
                    columns[cell % n] ^= bit
                    grid[cell] = BLANK

        fill()
        return found

    def rate(self, inputs: Tokens) -> float:
        """Return the number of blanks."""
        return float((inputs == BLANK).sum())

    # Puzzles -----------------------------------------------------------------------------------

    def generate(self, key: int) -> Puzzle:
        """Shuffle a cyclic square, then erase up to half of the cells, keeping one solution."""
        n, random = self.size, np.random.default_rng(key)
        rows, columns, digits = (random.permutation(n) for _ in range(3))
        labels = (digits[(rows[:, None] + columns) % n] + 2).astype(np.uint8).ravel()
        inputs = labels.copy()
        for cell in random.permutation(self.seq_len):
            inputs[cell] = BLANK
            if len(self.solutions(inputs)) > 1:
                inputs[cell] = labels[cell]
            if self.rate(inputs) >= self.seq_len // 2:
                break
        return Puzzle(inputs, labels, self.rate(inputs), "generator")

    # Symmetries --------------------------------------------------------------------------------

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return the smallest of eight forms with the digits numbered in order of appearance."""
        forms = []
        for places in self.dihedral:
            turned, given = labels[places], (inputs > BLANK)[places]
            order = np.zeros(self.vocab_size, np.uint8)
            order[turned[: self.size]] = np.arange(self.size)
            forms.append(order[turned].tobytes() + np.packbits(given).tobytes())
        return min(forms)

    def symmetry(self, key: int) -> Symmetry:
        """Draw a rotation or reflection and a permutation of the digits."""
        order = np.array([lane(key, i + 1) for i in range(self.size)], np.uint64).view(np.int64)
        tokens = np.concatenate([[0, BLANK], np.argsort(order) + 2]).astype(np.uint8)
        return Symmetry(self.dihedral[lane(key, 0) >> 61], tokens)

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a batch of symmetries, equal to ``symmetry`` row by row."""
        import torch

        lanes = lane_tensor(keys[:, None], torch.arange(self.size + 1, device=keys.device))
        digits = lanes[:, 1:].argsort(dim=1).to(torch.uint8) + 2
        fixed = torch.arange(2, dtype=torch.uint8, device=keys.device).expand(len(keys), 2)
        places = self.table("dihedral", keys.device)[shift(lanes[:, 0], 61)]
        return places, torch.cat([fixed, digits], dim=1)
