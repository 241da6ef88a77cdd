"""What a puzzle, a symmetry and a task are; every other part of the package builds on these."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Tokens = NDArray[np.uint8]
Split = Literal["train", "val", "test", "ood"]
SPLITS: tuple[Split, ...] = get_args(Split)

PAD = 0
"""Token 0 pads every vocabulary and is never a label."""

TARGETS = ("turned", "solved", "any")
"""What a puzzle under a symmetry is taught: its label, turned with it; the label that the solver
gives it as it is shown; or any answer that the rules accept."""


@dataclass(frozen=True, eq=False)
class Puzzle:
    """One instance of a task.

    Attributes:
        inputs: The question, ``(seq_len,)`` uint8 tokens.
        labels: The answer, ``(seq_len,)`` uint8 tokens; 0 where a position does not count.
        rating: How hard it is, in the unit of its task (Sudoku: guesses, maze: path length).
        origin: Where it comes from, such as ``bank``, ``generator`` or a file name.
    """

    inputs: Tokens
    labels: Tokens
    rating: float = 0.0
    origin: str = ""


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A relabelling of positions and tokens: ``new[i] = tokens[old[positions[i]]]``.

    Attributes:
        positions: ``(seq_len,)`` int64, a permutation.
        tokens: ``(vocab_size,)`` uint8, a permutation that keeps the padding.
    """

    positions: NDArray[np.int64]
    tokens: Tokens

    def apply(self, values: Tokens) -> Tokens:
        """Transform token arrays ``(..., seq_len)``; always returns a new array."""
        return self.tokens[values[..., self.positions]]

    def inverse(self) -> Symmetry:
        """Return the symmetry that undoes this one."""
        positions = np.empty_like(self.positions)
        positions[self.positions] = np.arange(positions.size)
        tokens = np.empty_like(self.tokens)
        tokens[self.tokens] = np.arange(tokens.size, dtype=tokens.dtype)
        return Symmetry(positions, tokens)


class Task(ABC):
    """A family of puzzles of one size: its tokens, rules, solver, generator and symmetries.

    A new task is one subclass; see ``docs/custom-task.md``. Arrays are flat: a grid is read row by
    row.
    """

    name: ClassVar[str]
    """The family, ``sudoku``, ``maze`` or ``arc``."""
    source: ClassVar[str] = "generator"
    """Where an environment takes puzzles from unless it is told, see ``data.load_puzzles``."""

    targets: ClassVar[tuple[str, ...]] = TARGETS[:1]
    """Those of ``TARGETS`` that differ; where a puzzle has one answer alone, none does."""

    id: str
    """Family and size, such as ``sudoku-9x9``; checkpoints and bank files carry it."""
    vocab_size: int
    """Number of tokens, the padding included."""
    seq_len: int
    """Positions of a puzzle."""
    answer_tokens: tuple[int, ...]
    """The tokens an answer may hold."""

    @abstractmethod
    def parse(self, text: str) -> Tokens:
        """Read one puzzle written as text.

        Raises:
            ValueError: The length or a character is wrong.
        """

    @abstractmethod
    def format(self, tokens: Tokens) -> str:
        """Write ``(seq_len,)`` tokens as one line of text; the inverse of ``parse``."""

    @abstractmethod
    def solve(self, inputs: Tokens) -> Tokens:
        """Return the label of ``(seq_len,)`` inputs.

        Raises:
            ValueError: There is no solution, or (where it must be unique) there are several.
        """

    @abstractmethod
    def accepts(self, inputs: Tokens, answer: Tokens) -> bool:
        """Say whether the rules accept an answer, which need not equal the label."""

    @abstractmethod
    def rate(self, inputs: Tokens) -> float:
        """Return the rating of a puzzle that has a solution."""

    @abstractmethod
    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return a form that is equal for exactly the puzzles that symmetries map onto it."""

    @abstractmethod
    def generate(self, key: int) -> Puzzle:
        """Make the puzzle that a 64-bit key names."""

    @abstractmethod
    def symmetry(self, key: int) -> Symmetry:
        """Draw the symmetry that a 64-bit key names."""

    @abstractmethod
    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a batch of symmetries on the device of ``keys``, equal to ``symmetry`` row by row.

        Args:
            keys: ``(B,)`` int64.

        Returns:
            Positions ``(B, seq_len)`` int64 and tokens ``(B, vocab_size)`` uint8.
        """

    def turn(self, keys: torch.Tensor, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Show token arrays under the symmetries of ``keys``, as ``symmetry(key).apply`` does.

        Args:
            keys: ``(B,)`` int64.
            values: Each ``(B, seq_len)`` uint8, on the device of ``keys``.

        Returns:
            As many, new ones.
        """
        positions, relabel = self.symmetries(keys)
        return tuple(relabel.gather(1, rows.gather(1, positions).long()) for rows in values)

    def table(self, name: str, device: torch.device) -> torch.Tensor:
        """Return an array of the task as a tensor, copied to a device once.

        A copy in every step would make the host wait for an accelerator.

        Args:
            name: An attribute that holds an array and stays as it is.
            device: Where the tensor is wanted.
        """
        import torch

        tables = self.__dict__.setdefault("_tables", {})
        if (name, device) not in tables:
            tables[name, device] = torch.as_tensor(getattr(self, name), device=device)
        found: torch.Tensor = tables[name, device]
        return found

    def validate(self, tokens: Any, name: str = "puzzle") -> Tokens:
        """Return ``tokens`` as a fresh uint8 array after checking its shape and range.

        Raises:
            ValueError: Wrong length, or a token outside 1 .. vocab_size - 1.
        """
        values = np.asarray(tokens)
        if values.shape != (self.seq_len,):
            raise ValueError(
                f"{name}: expected {self.seq_len} tokens for {self.id}, got shape {values.shape}"
            )
        if values.min() < 1 or values.max() >= self.vocab_size:
            raise ValueError(f"{name}: tokens of {self.id} lie in 1..{self.vocab_size - 1}")
        return values.astype(np.uint8)

    def check_question(self, inputs: Tokens) -> None:  # noqa: B027 - few add anything
        """Refuse a question ``(seq_len,)`` that asks nothing, though it can be solved.

        Raises:
            ValueError: It is none.
        """

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Refuse puzzles ``(N, seq_len)`` that cannot be played, by the number of the row.

        Returns:
            The ratings of the puzzles, ``(N,)``; 0 where the task has no measure for rows.

        Raises:
            ValueError: One is none.
        """
        return np.zeros(len(inputs), np.float32)

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Say whether a puzzle is set aside as out of distribution, in the same size."""
        return False

    def make(self, inputs: Tokens, origin: str = "") -> Puzzle:
        """Solve and rate ``inputs`` into a puzzle.

        Raises:
            ValueError: As ``check_question`` and ``solve``.
        """
        self.check_question(inputs)
        return Puzzle(inputs, self.solve(inputs), self.rate(inputs), origin)

    def digest(self, inputs: Tokens, labels: Tokens) -> str:
        """Return the canonical hash of a puzzle, 16 hex digits (64 bits of BLAKE2b)."""
        form = self.id.encode() + self.canonical(inputs, labels)
        return hashlib.blake2b(form, digest_size=8).hexdigest()

    def split_of(self, puzzle: Puzzle) -> Split:
        """Return the split a puzzle belongs to.

        It depends on nothing but the puzzle: what is unusually hard is ``ood``; of the rest the
        canonical hash sends 80% to ``train``, 5% to ``val`` and 15% to ``test``. So the bank and
        the generator, whoever runs it, can never leak into each other.
        """
        if self.is_ood(puzzle):
            return "ood"
        share = int(self.digest(puzzle.inputs, puzzle.labels), 16) % 100
        return "train" if share < 80 else "val" if share < 85 else "test"


def wrong_cells(labels: Tokens, answer: Tokens) -> int:
    """Return in how many of the positions that count an answer is not the label."""
    return int(np.count_nonzero((answer != labels) & (labels != PAD)))
