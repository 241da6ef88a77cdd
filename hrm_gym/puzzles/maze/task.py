"""Mazes: tokens, rules, shortest paths, generators and symmetries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..keys import MASK, lane, lane_tensor, shift
from ..puzzle import PAD, TARGETS, Puzzle, Symmetry, Tokens
from ..relations import Relation, neighbours
from .grid import marked_moves
from .playing import MazePlay
from .tokens import ALPHABET, CELLS, GOAL, OPEN, PATH, SPELLINGS, START, WALL

if TYPE_CHECKING:
    import torch

    from hrm_gym.data.puzzle_set import PuzzleSet

    from .targets import AnyPath, SolvedPath

KINDS = ("perfect", "braided", "hard")
OOD_MOVES = {7: 22, 9: 34, 15: 76, 30: 125}
"""Least path length, by size, of mazes that are out of distribution; about the longest tenth."""


def default_kind(size: int) -> str:
    """Return the kind of the bundled mazes of a size."""
    return "perfect" if size % 2 else "hard"


@dataclass(frozen=True)
class MazeFacts:
    """Statistics of a maze.

    Attributes:
        moves: Number of moves of a shortest path from S to G.
        paths: Number of shortest paths, counted up to 2^31.
        unique: Whether there is only one shortest path.
        detour: Moves divided by the Manhattan distance from S to G, at least 1.
        dead_ends: Number of cells with one exit that can be reached from S, except S and G.
    """

    moves: int
    paths: int
    unique: bool
    detour: float
    dead_ends: int


class Maze(MazePlay):
    """Mazes of s x s cells; the label marks a shortest path from S to G.

    Args:
        size: s, at least 3.
        kind: ``perfect`` (carved by depth-first search, with rooms at even cells, no outer wall and
            one path between any two cells; an even size leaves a last row and column of walls),
            ``braided`` (a perfect maze whose dead ends are opened, so that it has loops, with S and
            G chosen so that one path is shortest) or ``hard`` (random walls and a long shortest
            path, of at least 109 moves or 110 cells at 30x30, as in the public set). ``None`` means
            ``perfect`` for odd sizes and ``hard`` for even sizes.
    """

    family = "maze"
    legend = "o marked and right, x marked and wrong, - missed"
    default_source = "bank"
    targets = TARGETS
    kinds = KINDS
    blank = OPEN
    filler = ALPHABET[WALL - 1]
    characters = CELLS

    def __init__(self, size: int = 30, kind: str | None = None) -> None:
        if not isinstance(size, int) or size < 3:
            raise ValueError(f"size: expected an integer of at least 3 for maze, got {size!r}")
        kind = kind or default_kind(size)
        if kind not in KINDS:
            raise ValueError(f"kind: expected one of {KINDS}, got {kind!r}")
        self.size = size
        self.kind = kind
        self.id = f"maze-{size}x{size}"
        self.vocab_size = 6
        self.seq_len = size * size
        self.answer_tokens = (1, 2, 3, 4, 5)
        # The public 30x30 set requires 109 moves. Up to that size the minimum grows with the area.
        # In larger mazes such a path takes minutes to find (40x40) or forever, so that the minimum
        # grows with the side.
        self.minimum = max(2, 109 * size * min(size, 30) // 900) if kind == "hard" else size - 1
        if kind == "braided":
            # The distance between two neighbouring corner rooms.
            self.minimum = 2 * ((size - 1) // 2)
        cells = np.arange(self.seq_len).reshape(size, size)
        turned = [np.rot90(grid, k) for grid in (cells, cells.T) for k in range(4)]
        self.dihedral = np.ascontiguousarray([grid.ravel() for grid in turned])
        """(8, s*s) int64: the positions of the eight symmetries of the square."""
        # A unique shortest path is also the shortest path from G to S. Hard mazes may have several,
        # and the label marks the first that a search from S finds, so that S and G must stay.
        swapped = range(6) if kind == "hard" else (0, WALL, OPEN, GOAL, START, PATH)
        self.relabelings = np.array([range(6), swapped], np.uint8)
        """(2, 6) uint8: the tokens unchanged, and with S and G swapped."""

    def relations(self) -> tuple[Relation, ...]:
        """Return the relations left, right, up and down."""
        return neighbours(self.size)

    def easier_rows(
        self, inputs: torch.Tensor, labels: torch.Tensor, keys: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Move S and G to the ends of a part of the labelled path; see ``Task.easier_rows``."""
        from .easier import part_of_path

        return part_of_path(inputs, labels, keys)

    def spell(self, text: str) -> str:
        """Return cells in the characters ``# SGo``; see ``CELLS``.

        ``1`` and ``0`` are wall and open cells; ``2`` and ``3``, or ``A`` and ``B``, are S and G if
        no letters are.
        """
        ends = {"2": "S", "3": "G", "A": "S", "B": "G"}
        digits = ends if not set(text) & set("SsGgEe") else {}
        spellings: dict[str, str | int | None] = {**SPELLINGS, **digits}
        line = text.translate(str.maketrans(spellings))
        # E is the goal, unless there is a G; then it is no cell.
        return line if "G" in line else line.translate(str.maketrans("Ee", "GG"))

    def parse(self, text: str) -> Tokens:
        """Read s*s characters; line breaks are skipped.

        They are ``# SGo``. A wall may also be ``X``, ``W``, ``*``, ``█`` or ``1``, an open cell
        ``.``, ``_`` or ``0``, and the goal ``E``. Without S and G, ``A`` is the start and ``B`` the
        goal.

        Raises:
            ValueError: if the length or a character is wrong, or there is not one S and one G.
        """
        line = self.spell(text.replace("\n", "").replace("\r", ""))
        if len(line) != self.seq_len:
            raise ValueError(f"expected {self.seq_len} cells for {self.id}, got {len(line)}")
        for place, char in enumerate(line):
            if char not in ALPHABET:
                raise ValueError(
                    f"cell {place + 1}: {char!r} is not a cell of a maze; expected one of "
                    f"'{ALPHABET}'"
                )
        tokens = np.array([ALPHABET.index(c) + 1 for c in line], np.uint8)
        self.ends(tokens)
        return tokens

    def format(self, tokens: Tokens) -> str:
        """Write tokens as characters of ``# SGo``."""
        return "".join(ALPHABET[t - 1] if t else "?" for t in tokens)

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Check mazes ``(N, s*s)`` and rate them; see ``Task.check_rows``.

        Raises:
            ValueError: if a maze contains padding or a path mark, does not have one S and one G or
                a path between them, or has a label that does not mark one shortest path.
        """
        from .kernels import check_paths

        ends = [(inputs == end).sum(axis=1) == 1 for end in (START, GOAL)]
        bad = np.flatnonzero(~(ends[0] & ends[1]))
        if len(bad):
            raise ValueError(f"row {bad[0]}: a maze has one S and one G")
        bad = np.flatnonzero(((inputs == PAD) | (inputs == PATH)).any(axis=1))
        if len(bad):
            raise ValueError(f"row {bad[0]}: the question contains padding or a path mark")
        moves = np.empty(len(inputs), np.int64)
        right = np.empty(len(inputs), bool)
        mazes, answers = (np.ascontiguousarray(part, np.uint8) for part in (inputs, labels))
        check_paths(mazes, answers, self.size, moves, right)
        for row in np.flatnonzero(~right)[:1].tolist():
            reason = "the maze has no path from S to G"
            if moves[row] >= 0:
                reason = "the answer does not mark one shortest path"
            raise ValueError(f"row {row}: {reason}")
        return moves.astype(np.float32)

    def solve(self, inputs: Tokens) -> Tokens:
        """Return the maze with one shortest path marked.

        A breadth-first search from S visits neighbours in the order down, left, right, up, and a
        cell keeps the parent that was found first.

        Raises:
            ValueError: if there is no path from S to G.
        """
        return self._shortest(inputs)[0]

    def _shortest(self, inputs: Tokens) -> tuple[Tokens, int]:
        from .kernels import shortest

        self.ends(inputs)
        if np.any(inputs == PATH):
            raise ValueError("a maze must not contain the path mark 'o' of an answer")
        labels = np.empty(self.seq_len, np.uint8)
        moves = shortest(inputs, self.size, labels)
        if moves < 0:
            raise ValueError("the maze has no path from S to G")
        return labels, moves

    def facts(self, inputs: Tokens) -> MazeFacts:
        """Return the statistics of a maze.

        Raises:
            ValueError: if there is no path from S to G.
        """
        from .kernels import facts

        self.ends(inputs)
        moves, paths, direct, dead_ends = facts(inputs, self.size)
        if moves < 0:
            raise ValueError("the maze has no path from S to G")
        return MazeFacts(moves, paths, paths == 1, moves / direct, dead_ends)

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether an answer marks exactly one of the shortest paths."""
        inputs = puzzle.inputs
        marked = answer == PATH
        if np.any((answer != inputs) & ~(marked & (inputs == OPEN))) or np.any(inputs == PATH):
            return False
        start, goal = self.ends(inputs)
        moves = int(self.distances(inputs, start)[goal])
        on_path = np.where(marked | (inputs == START) | (inputs == GOAL), OPEN, WALL)
        walked = int(self.distances(on_path.astype(np.uint8), start)[goal])
        return moves == walked and int(marked.sum()) == moves - 1

    def load(self, source: str, split: str, limit: int | None = None) -> PuzzleSet:
        """Read the puzzles of a source; see ``Task.load``.

        Raises:
            ValueError: if ``source`` is ``bank`` and the bundled mazes are of another kind.
        """
        bundled = default_kind(self.size)
        if source == "bank" and self.kind != bundled:
            raise ValueError(
                f"kind: the bundled puzzles of {self.base_id} are {bundled}, not {self.kind}; "
                "expected source='generator'"
            )
        return super().load(source, split, limit)

    def changed_cells(self, inputs: Tokens, answer: Tokens) -> int:
        """Return the number of cells that an answer changes, except open cells marked as path."""
        marked = (inputs == OPEN) & (answer == PATH)
        return int(((answer != inputs) & ~marked).sum())

    def cost(self, inputs: Tokens, answer: Tokens) -> float:
        """Return the moves of a walk along the marks of an answer, infinity if it misses G."""
        if np.any((answer != inputs) & ~((answer == PATH) & (inputs == OPEN))):
            return math.inf
        start, _ = self.ends(inputs)
        moves = marked_moves(self.size, answer.tobytes(), inputs.tobytes(), start)
        return float((moves >= 0).sum()) or math.inf

    def rate(self, inputs: Tokens) -> float:
        """Return the number of moves of a shortest path."""
        return float(self._shortest(inputs)[1])

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Return whether the path is unusually long for the size, or the maze of another kind.

        A maze is of another kind than perfect if it has a loop, than braided if it has no loop, and
        than hard if it has rooms.
        """
        if puzzle.rating >= OOD_MOVES.get(self.size, np.inf):
            return True
        if self.kind == "hard":
            return self.has_rooms(puzzle.inputs)
        return self.has_loop(puzzle.inputs) != (self.kind == "braided")

    def has_rooms(self, inputs: Tokens) -> bool:
        """Return whether a maze has rooms, as perfect and braided mazes do.

        Then every second cell of every second row is open, and the cell between any four of these
        is a wall. In mazes of even size, a symmetry may have moved the rooms to any corner.
        """
        walls = (inputs == WALL).reshape(self.size, self.size)
        offsets = (0, 1) if self.size % 2 == 0 else (0,)
        return any(
            not walls[row::2, column::2].any() and walls[1 - row :: 2, 1 - column :: 2].all()
            for row in offsets
            for column in offsets
        )

    def has_loop(self, inputs: Tokens) -> bool:
        """Return whether there is a loop: as many passages between open cells as cells, or more."""
        grid = (inputs != WALL).reshape(self.size, self.size)
        passages = int((grid[1:] & grid[:-1]).sum() + (grid[:, 1:] & grid[:, :-1]).sum())
        return passages >= int(grid.sum())

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return the lexicographically smallest of all symmetric copies."""
        copies = self.relabelings[:, inputs[self.dihedral]]
        return min(copy.tobytes() for copy in copies.reshape(-1, self.seq_len))

    def generate(self, key: int) -> Puzzle:
        """Generate a maze of this kind in which S and G are at least ``minimum`` moves apart."""
        from . import kernels

        draw = getattr(kernels, self.kind)
        inputs = np.empty(self.seq_len, np.uint8)
        draw(np.array([key & MASK], np.uint64), self.size, self.minimum, inputs)
        labels, moves = self._shortest(inputs)
        return Puzzle(inputs, labels, float(moves), "generator")

    def symmetry(self, key: int) -> Symmetry:
        """Return one of the eight symmetries of the square, with S and G swapped or not."""
        which = lane(key, 0) >> 60
        return Symmetry(self.dihedral[which >> 1], self.relabelings[which & 1])

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch of symmetries on the device of ``keys``; see ``Task.symmetries``."""
        which = self._which(keys)
        places = self.table("dihedral", keys.device)
        tokens = self.table("relabelings", keys.device)
        return places[which >> 1], tokens[which & 1]

    def _which(self, keys: torch.Tensor) -> torch.Tensor:
        return shift(lane_tensor(keys, 0), 60)

    # The targets of mazes with several shortest paths; see ``targets.py`` ------------------------

    def solved_targets(self, inputs: Tokens, device: torch.device) -> SolvedPath:
        """Return the solver's labels of mazes for ``targets="solved"``."""
        from .targets import SolvedPath

        return SolvedPath(self, inputs, device)

    def any_targets(self, inputs: Tokens, device: torch.device) -> AnyPath:
        """Return the shortest paths of mazes for ``targets="any"``."""
        from .targets import AnyPath

        return AnyPath(self, inputs, device)

    def solved_marks(self, inputs: Tokens) -> NDArray[np.int32]:
        """Return the cells of the solver's paths under each of the 16 symmetries.

        Args:
            inputs: ``(N, s*s)``, mazes with a path.

        Returns:
            ``(N, s*s)``. Bit k of a cell is set if, in the maze under symmetry k, the solver's path
            contains this cell.
        """
        from .kernels import solved_marks

        marks = np.empty(inputs.shape, np.int32)
        solved_marks(inputs, self.size, self.dihedral, self.relabelings, marks)
        return marks

    def solved_labels(
        self, tokens: torch.Tensor, marks: torch.Tensor, keys: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the labels that ``turn`` transforms to the solver's labels of the turned mazes.

        Args:
            tokens: ``(B, s*s)`` uint8, mazes before the symmetries are applied.
            marks: ``(B, s*s)``, their rows of ``solved_marks``.
            keys: ``(B,)`` int64, the keys of the symmetries; ``None`` for no symmetry.

        Returns:
            ``(B, s*s)`` uint8.
        """
        bits = marks if keys is None else marks >> self._which(keys)[:, None]
        return tokens.masked_fill((bits & 1).bool(), PATH)

    def ways(self, inputs: Tokens) -> NDArray[np.int32]:
        """Return the number of moves to G of all cells on shortest paths.

        Args:
            inputs: ``(N, s*s)``, mazes with a path.

        Returns:
            ``(N, s*s)``, -1 in cells that are not on any shortest path.
        """
        from .kernels import path_levels

        levels = np.empty(inputs.shape, np.int32)
        path_levels(inputs, self.size, levels)
        return levels
