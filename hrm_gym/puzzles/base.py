"""The interface of a task: everything about a family of puzzles at one size."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .keys import MASK, signed
from .playing import Playable
from .puzzle import PAD, TARGETS, Puzzle, Split, Symmetry, Tokens
from .relations import Relation, lines, side_of

if TYPE_CHECKING:
    import torch

    from hrm_gym.data.puzzle_set import PuzzleSet
    from hrm_gym.data.readers import Reading

    from .targets import AnyTargets, SolvedTargets


class Task(Playable):
    """A family of puzzles at one size: its tokens, rules, solver, generator and symmetries.

    A custom task is one subclass; see ``docs/custom-task.md``. Arrays are flat: a grid is stored
    row by row.
    """

    family: ClassVar[str]
    """Name of the family, such as ``sudoku``."""
    default_source: str = "generator"
    """Where environments take puzzles from by default; see ``load``."""
    targets: ClassVar[tuple[str, ...]] = TARGETS[:1]
    """The entries of ``TARGETS`` that differ for this family."""

    learns_groups: ClassVar[bool] = False
    """Whether the demonstrations of a test puzzle are training puzzles, as in ARC. Then training
    and testing read the same source, and puzzles of one group have an embedding of their own."""
    ornaments: ClassVar[str] = ""
    """Characters that people write between the cells of a board and that ``parse`` ignores. If a
    space is not among them, it is a cell."""
    filler: ClassVar[str] = ""
    """The cell with which a rectangle is filled up to a square; empty if it must not be."""
    holds_padding: ClassVar[bool] = False
    """Whether a question may contain padding, as the canvas of a smaller grid does."""
    characters: str = ""
    """Characters that people write in cells, at this size; empty if it may be any character."""
    fills_blanks: ClassVar[bool] = False
    """Whether an answer replaces all blanks of its question and nothing else, so that a question in
    which some of them are filled in is a puzzle of the same task, with the same solution or with
    none."""
    has_solver: ClassVar[bool] = True
    """Whether ``solve`` finds the label; otherwise the label must come with the puzzle."""
    legend: ClassVar[str] = ""
    """What the marks in the text form of a wrong answer mean."""
    kinds: ClassVar[tuple[str, ...]] = ()
    """Names of the kinds of puzzles, for families that have several; the task is then called as
    ``Task(size, kind)``."""

    size: int
    """Cells along one side of the board."""
    vocab_size: int
    """Number of tokens, including padding."""
    answer_tokens: tuple[int, ...]
    """The tokens that an answer may contain."""
    symbols: tuple[int, ...] = ()
    """The tokens that may be exchanged for each other everywhere, such as the digits of a Sudoku:
    the last tokens of the vocabulary, or none."""
    _spec: str = ""
    blank: int = PAD
    """Token of an unknown cell in a question."""

    @property
    def base_id(self) -> str:
        """Id of the task whose puzzles this task uses: it names the bank file and decides splits.

        It differs from ``id`` for a variant that plays the puzzles of another task.
        """
        return self.id

    @property
    def spec(self) -> str:
        """What ``get_task`` makes this task from: its id, or the path of a custom task's class."""
        return self._spec or self.id

    def resized(self, size: int) -> Task:
        """Return the task of the same family at another size.

        Raises:
            ValueError: if the family has no such size.
        """
        make: Any = type(self)
        resized: Task = make(size)
        return resized

    def relations(self) -> tuple[Relation, ...]:
        """Return the ways in which positions see each other; here rows and columns of a square.

        Raises:
            ValueError: if the positions form no square.
        """
        return lines(side_of(self.seq_len, self.id))

    def easier(self, puzzle: Puzzle, key: int) -> Puzzle:
        """Return an easier puzzle whose label follows from the label of the given one.

        It is the same puzzle if the task knows no easier ones. The rating stays.

        Args:
            puzzle: The puzzle.
            key: 64-bit integer; the same key gives the same puzzle.
        """
        import torch

        question, label = (
            torch.from_numpy(part.copy())[None] for part in (puzzle.inputs, puzzle.labels)
        )
        eased = self.easier_rows(question, label, torch.tensor([signed(key & MASK)]))
        inputs, labels = (part[0].numpy() for part in eased)
        return dataclasses.replace(puzzle, inputs=inputs, labels=labels)

    def easier_rows(
        self, inputs: torch.Tensor, labels: torch.Tensor, keys: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return easier puzzles on the device of ``keys``, as ``easier`` does row by row.

        Args:
            inputs: ``(B, seq_len)`` uint8.
            labels: ``(B, seq_len)`` uint8.
            keys: ``(B,)`` int64.
        """
        return inputs, labels

    # Text --------------------------------------------------------------------------------------

    @abstractmethod
    def parse(self, text: str) -> Tokens:
        """Read one puzzle written as text.

        Raises:
            ValueError: if the length or a character is wrong.
        """

    def parse_rows(self, texts: Sequence[str]) -> Tokens:
        """Read many puzzles ``(N, seq_len)`` as ``parse`` reads each; some tasks do it in bulk.

        Raises:
            ValueError: if ``parse`` raises it for one of them.
        """
        return np.array([self.parse(text) for text in texts], np.uint8).reshape(-1, self.seq_len)

    def solve_rows(self, inputs: Tokens) -> Tokens:
        """Solve many puzzles ``(N, seq_len)`` as ``solve`` solves each; some tasks do it in bulk.

        Raises:
            ValueError: if ``solve`` raises it for one of them.
        """
        return np.array([self.solve(row) for row in inputs], np.uint8).reshape(-1, self.seq_len)

    @abstractmethod
    def format(self, tokens: Tokens) -> str:
        """Write ``(seq_len,)`` tokens as one line of text; the inverse of ``parse``."""

    def spell(self, text: str) -> str:
        """Return cells in the characters of ``format``; people also use others.

        Args:
            text: One character for each cell, without ornaments.
        """
        return text

    def read_questions(self, content: str, origin: str) -> Reading:
        """Read puzzles of any size of the family from a text.

        Args:
            content: One board a line, perhaps with an id, a rating or its solution beside it; grids
                of several lines, with or without empty lines, rules, frames and headings; a table
                with a column ``question`` or ``puzzle`` and any separator; or JSON or JSON lines. A
                .npy file is read as JSON.
            origin: Name of the input, for messages.

        Returns:
            The task of the size that was read, the questions, and what could not be read.

        Raises:
            ValueError: if there is no good puzzle.
        """
        from hrm_gym.data.readers import read_boards

        return read_boards(self, content, origin)

    def refit(self, tokens: Tokens, size: int) -> Tokens:
        """Return a puzzle or an answer on a canvas of another size.

        Args:
            tokens: ``(seq_len,)``.
            size: Cells along one side of the canvas.

        Raises:
            ValueError: if it does not fit, or the boards of this family are no canvases.
        """
        raise ValueError(f"a puzzle of {self.id} has one size, expected {size}x{size} cells")

    # Rules -------------------------------------------------------------------------------------

    @abstractmethod
    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether an answer ``(seq_len,)`` solves a puzzle.

        The answer need not equal the label: a task that knows its rules looks at
        ``puzzle.inputs`` alone. A task without rules compares with ``puzzle.labels``.
        """

    def changed_cells(self, inputs: Tokens, answer: Tokens) -> int:
        """Return the number of cells in which an answer contradicts its question.

        Args:
            inputs: ``(seq_len,)``, the question.
            answer: ``(seq_len,)``.
        """
        return 0

    def cost(self, inputs: Tokens, answer: Tokens) -> float:
        """Return how bad an answer is by the rules alone, without the label.

        Args:
            inputs: ``(seq_len,)``, the question.
            answer: ``(seq_len,)``.

        Returns:
            0 for an answer that cannot be improved, a greater number for one that the rules allow
            but that may not be the best, and infinity for one that they forbid. By default always
            infinity, since a task may have no rules but its labels.
        """
        return math.inf

    @abstractmethod
    def rate(self, inputs: Tokens) -> float:
        """Return the rating of a puzzle that has a solution."""

    def validate(self, tokens: Any, name: str = "puzzle") -> Tokens:
        """Return ``tokens`` as a fresh uint8 array after checking its shape and range.

        Raises:
            ValueError: if the length is wrong or a token is outside 1 .. vocab_size - 1.
        """
        values = np.asarray(tokens)
        if values.shape != (self.seq_len,):
            raise ValueError(
                f"{name}: expected {self.seq_len} tokens for {self.id}, got shape {values.shape}"
            )
        if values.min() < 1 or values.max() >= self.vocab_size:
            raise ValueError(f"{name}: tokens of {self.id} lie in 1..{self.vocab_size - 1}")
        return values.astype(np.uint8)

    def check_question(self, inputs: Tokens) -> None:
        """Check that a question ``(seq_len,)`` leaves something to answer.

        Raises:
            ValueError: if it does not, although it may have a solution, like a full Sudoku.
        """

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Check puzzles ``(N, seq_len)`` and rate them.

        Returns:
            The ratings, ``(N,)``; 0 where the task does not rate many puzzles at once.

        Raises:
            ValueError: if a row is not a valid puzzle; the message gives its number.
        """
        return np.zeros(len(inputs), np.float32)

    def make(self, inputs: Tokens, origin: str = "") -> Puzzle:
        """Solve and rate ``inputs`` into a puzzle.

        Raises:
            ValueError: if ``check_question`` or ``solve`` raises it.
        """
        self.check_question(inputs)
        return Puzzle(inputs, self.solve(inputs), self.rate(inputs), origin)

    # Puzzles -----------------------------------------------------------------------------------

    @abstractmethod
    def generate(self, key: int) -> Puzzle:
        """Generate the puzzle of a 64-bit key."""

    def load(self, source: str, split: str, limit: int | None = None) -> PuzzleSet:
        """Read the puzzles of a source; ``hrm_gym.data.load_puzzles`` calls this.

        Args:
            source: ``bank``; ``generator`` or ``generator:N``; a file of puzzles, which is used
                whole (see ``read_questions``); or a dataset folder. A family may add its own kinds
                of source.
            split: ``train``, ``val``, ``test`` or ``ood``.
            limit: Number of puzzles that the caller takes from the first ones; more may be
                returned.

        Raises:
            ValueError: if the source does not exist or is malformed.
        """
        from hrm_gym.data import bank, generator, readers

        if source == "bank":
            return bank.load(self, split)
        if source.partition(":")[0] == "generator":
            return generator.load(self, source, split)
        path = Path(source)
        if path.is_dir():
            return readers.read_folder(self, path, split)
        if path.is_file():
            return readers.read_file(self, path, limit)
        raise ValueError(
            f"source: expected bank, generator[:N], or an existing file or folder, got {source!r}"
        )

    def select(self, puzzles: PuzzleSet, group: str, source: str, split: str) -> PuzzleSet:
        """Return the puzzles of one group; see ``Puzzle.group``.

        Args:
            puzzles: All puzzles of the split.
            group: Name of the group.
            source: Where the puzzles were read from, for the message.
            split: The split that was read, for the message.

        Raises:
            ValueError: if no puzzle belongs to the group.
        """
        rows = [row for row, puzzle in enumerate(puzzles.puzzles or ()) if puzzle.group == group]
        if not rows:
            raise ValueError(f"task_id: the puzzles of {self.id} have no names, got {group!r}")
        return puzzles.take(np.array(rows))

    def solved_targets(self, inputs: Tokens, device: torch.device) -> SolvedTargets:
        """Return the targets ``solved`` of puzzles, for tasks that list it in ``targets``.

        Args:
            inputs: ``(N, seq_len)``, the puzzles.
            device: The device of the tables.
        """
        raise NotImplementedError(f"{self.id} has no targets 'solved'")

    def any_targets(self, inputs: Tokens, device: torch.device) -> AnyTargets:
        """Return the targets ``any`` of puzzles, for tasks that list it in ``targets``.

        Args:
            inputs: ``(N, seq_len)``, the puzzles.
            device: The device of the tables.
        """
        raise NotImplementedError(f"{self.id} has no targets 'any'")

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Return whether a puzzle of this size is set aside as out of distribution."""
        return False

    @abstractmethod
    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return a form that two puzzles share exactly if a symmetry maps one to the other.

        The hash of this form decides the split; see ``split_of``.
        """

    def digest(self, inputs: Tokens, labels: Tokens) -> str:
        """Return the canonical hash of a puzzle, 16 hex digits (64 bits of BLAKE2b)."""
        form = self.base_id.encode() + self.canonical(inputs, labels)
        return hashlib.blake2b(form, digest_size=8).hexdigest()

    def split_of(self, puzzle: Puzzle) -> Split:
        """Return the split that a puzzle belongs to.

        The split depends on the puzzle alone: unusually hard puzzles are ``ood``; of the others
        the canonical hash sends 80% to ``train``, 5% to ``val`` and 15% to ``test``. Therefore
        the splits of the bank and of the generator never overlap, on any machine.
        """
        if self.is_ood(puzzle):
            return "ood"
        share = int(self.digest(puzzle.inputs, puzzle.labels), 16) % 100
        return "train" if share < 80 else "val" if share < 85 else "test"

    # Symmetries --------------------------------------------------------------------------------

    @abstractmethod
    def symmetry(self, key: int) -> Symmetry:
        """Return the symmetry that a 64-bit key selects."""

    @abstractmethod
    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the symmetries of a batch of keys, on their device, as ``symmetry`` does for one.

        Args:
            keys: ``(B,)`` int64.

        Returns:
            Positions ``(B, seq_len)`` int64 and tokens ``(B, vocab_size)`` uint8.
        """

    def turn(self, keys: torch.Tensor, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the symmetries of ``keys`` to token arrays, as ``symmetry(key).apply`` does.

        Args:
            keys: ``(B,)`` int64.
            values: Each ``(B, seq_len)`` uint8, on the device of ``keys``.

        Returns:
            One new tensor for each of ``values``.
        """
        positions, relabel = self.symmetries(keys)
        return tuple(relabel.gather(1, rows.gather(1, positions).long()) for rows in values)

    def table(self, name: str, device: torch.device) -> torch.Tensor:
        """Return a constant array of the task as a tensor, copied to each device once.

        Copying at every step would make the host wait for an accelerator.

        Args:
            name: Name of an attribute that contains an array.
            device: Device of the returned tensor.
        """
        import torch

        tables = self.__dict__.setdefault("_tables", {})
        if (name, device) not in tables:
            tables[name, device] = torch.as_tensor(getattr(self, name), device=device)
        found: torch.Tensor = tables[name, device]
        return found
