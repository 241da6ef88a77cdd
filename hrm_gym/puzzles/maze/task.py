"""Mazes: tokens, rules, shortest paths, generators and symmetries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import Task
from ..keys import MASK, lane, lane_tensor, shift
from ..puzzle import PAD, TARGETS, Puzzle, Symmetry, Tokens
from .depth_first import search_moves
from .grid import distances, goal_moves, line_moves
from .tokens import ALPHABET, GOAL, OPEN, PATH, START, WALL

if TYPE_CHECKING:
    import torch

    from hrm_gym.data.puzzle_set import PuzzleSet

    from .scene import MazeScene
    from .targets import AnyPath, SolvedPath

KINDS = ("perfect", "braided", "hard")
OOD_MOVES = {7: 22, 9: 34, 15: 76, 30: 125}
"""Moves from which a maze of the size is out of distribution, about the longest tenth."""


def default_kind(size: int) -> str:
    """Return the kind of the bundled mazes of a size."""
    return "perfect" if size % 2 else "hard"


@dataclass(frozen=True)
class MazeFacts:
    """What a maze certifies of itself.

    Attributes:
        moves: Moves of a shortest path from S to G.
        paths: How many shortest paths there are, counted up to 2^31.
        unique: Whether the shortest path is the only one.
        detour: Moves over the Manhattan distance from S to G, at least 1.
        dead_ends: Cells with one way out that S reaches, S and G left out.
    """

    moves: int
    paths: int
    unique: bool
    detour: float
    dead_ends: int


class Maze(Task):
    """Mazes on s x s cells, from S to G by the shortest way.

    Args:
        size: s, at least 3.
        kind: ``perfect`` (depth-first carving: rooms at even cells, no outer wall, one path; an
            even size leaves a last row and column of walls) or ``braided`` (a perfect maze whose
            dead ends are opened, which makes loops; S and G lie so that one path is shortest) or
            ``hard`` (random walls, a long shortest path of 109 moves, 110 cells, or more at 30x30,
            as the public set). ``None`` takes perfect where the size is odd.
    """

    family = "maze"
    legend = "o marked and right, x marked and wrong, - missed"
    default_source = "bank"
    targets = TARGETS
    kinds = KINDS
    blank = OPEN

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
        # The public 30x30 set asks for 109 moves; up to there a path grows about with the area. In
        # larger ones that is drawn in minutes (40x40) or never, so there it grows with the side.
        self.minimum = max(2, 109 * size * min(size, 30) // 900) if kind == "hard" else size - 1
        if kind == "braided":
            # From corner to corner of the rooms, which an even size leaves a cell shorter.
            self.minimum = 2 * ((size - 1) // 2)
        cells = np.arange(self.seq_len).reshape(size, size)
        turned = [np.rot90(grid, k) for grid in (cells, cells.T) for k in range(4)]
        self.dihedral = np.ascontiguousarray([grid.ravel() for grid in turned])
        """(8, s*s) int64: the positions of the eight symmetries of the square."""
        # Where one path alone is shortest it is so from G to S too; of several, a label marks the
        # first that a search from S finds, so hard mazes keep their ends.
        swapped = range(6) if kind == "hard" else (0, WALL, OPEN, GOAL, START, PATH)
        self.relabelings = np.array([range(6), swapped], np.uint8)
        """(2, 6) uint8: tokens as they are, and with S and G swapped."""

    def parse(self, text: str) -> Tokens:
        """Read s*s characters of ``# SGo`` (line breaks are skipped; ``.`` is a space).

        Raises:
            ValueError: The length or a character is wrong, or S and G do not stand once each.
        """
        line = text.replace("\n", "").replace("\r", "").replace(".", " ")
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

    def ends(self, tokens: Tokens) -> tuple[int, int]:
        """Return the cells of S and G.

        Raises:
            ValueError: Either is missing or stands twice.
        """
        starts, goals = np.flatnonzero(tokens == START), np.flatnonzero(tokens == GOAL)
        if len(starts) != 1 or len(goals) != 1:
            raise ValueError(f"a maze has one S and one G, got {len(starts)} S and {len(goals)} G")
        return int(starts[0]), int(goals[0])

    def check_rows(self, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
        """Refuse mazes ``(N, s*s)`` that are none, by the number of the row.

        Returns:
            The ratings of the mazes, ``(N,)``, as ``rate``.

        Raises:
            ValueError: One is padded or marked, has not one S and one G, no path between them, or
                a label that marks no shortest path.
        """
        from .kernels import check_paths

        ends = [(inputs == end).sum(axis=1) == 1 for end in (START, GOAL)]
        bad = np.flatnonzero(~(ends[0] & ends[1]))
        if len(bad):
            raise ValueError(f"row {bad[0]}: a maze has one S and one G")
        bad = np.flatnonzero(((inputs == PAD) | (inputs == PATH)).any(axis=1))
        if len(bad):
            raise ValueError(f"row {bad[0]}: a cell of the question holds padding or a path mark")
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
        """Mark one shortest path: breadth-first from S, down, left, right, up, first parent.

        Raises:
            ValueError: There is no path from S to G.
        """
        return self._shortest(inputs)[0]

    def _shortest(self, inputs: Tokens) -> tuple[Tokens, int]:
        from .kernels import shortest

        self.ends(inputs)
        if np.any(inputs == PATH):
            raise ValueError("a maze holds no path mark 'o', which belongs to its answer")
        labels = np.empty(self.seq_len, np.uint8)
        moves = shortest(inputs, self.size, labels)
        if moves < 0:
            raise ValueError("the maze has no path from S to G")
        return labels, moves

    def facts(self, inputs: Tokens) -> MazeFacts:
        """Return path length, uniqueness, detour and dead ends of a maze.

        Raises:
            ValueError: There is no path from S to G.
        """
        from .kernels import facts

        self.ends(inputs)
        moves, paths, direct, dead_ends = facts(inputs, self.size)
        if moves < 0:
            raise ValueError("the maze has no path from S to G")
        return MazeFacts(moves, paths, paths == 1, moves / direct, dead_ends)

    def distances(self, inputs: Tokens, source: int) -> NDArray[np.int64]:
        """Return the moves from ``source`` to every cell, ``(s*s,)``, -1 where there is no way."""
        return distances(inputs, self.size, source)

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether an answer marks exactly one shortest path, whichever it is."""
        inputs = puzzle.inputs
        marked = answer == PATH
        if np.any((answer != inputs) & ~(marked & (inputs == OPEN))) or np.any(inputs == PATH):
            return False
        start, goal = self.ends(inputs)
        moves = int(self.distances(inputs, start)[goal])
        on_path = np.where(marked | (inputs == START) | (inputs == GOAL), OPEN, WALL)
        walked = int(self.distances(on_path.astype(np.uint8), start)[goal])
        return moves == walked and int(marked.sum()) == moves - 1

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
    ) -> MazeScene:
        """Return the picture of a maze; see ``Task.scene``.

        An answer is compared with itself if it is any shortest path, and with the label otherwise.
        During an episode it is always compared with the label.
        """
        from .scene import MazeScene

        shortest = None
        if answer is not None and labels is not None:
            solved = not in_progress and self.is_solved(Puzzle(inputs, labels), answer)
            shortest = (answer if solved else labels) == PATH
        marked = None if answer is None else answer == PATH
        return MazeScene(
            inputs, shortest=shortest, answer=marked, confidence=confidence, caption=caption
        )

    def is_exact(self, env: Any, info: Any) -> bool | None:
        """Return whether the walk was a shortest one, along the path that the label marks."""
        if "optimal" not in info:
            return None
        path = np.flatnonzero(env.solve() == PATH).tolist()
        return bool(info["optimal"]) and set(path) == set(env.walked[1:-1])

    def progress(self, obs: Any) -> tuple[str, float, str]:
        """Return how much nearer to G the walker is than S, and the moves left."""
        tokens = self.question(obs)
        start, goal = self.ends(tokens)
        away = self.distances(tokens, goal)
        left = int(away[int(obs["position"])])
        return "to G", max(0.0, 1 - left / max(int(away[start]), 1)), f"{left} left"

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> int:
        """Follow the cells that the answer marks, where they form one line from here to G.

        Marks that fork, or cells in a ring, leave a choice of ways: choosing the right one would
        be a search, which is not what the model answered. Where the marks lead nowhere the answer
        is wrong, and the first legal move is played.
        """
        move = self._marked_move(answer, obs)
        return move if move >= 0 else int(np.argmax(info["action_mask"]))

    def _marked_move(self, answer: Tokens, obs: Any) -> int:
        """Return the move along the marked line, -1 where there is none."""
        moves = line_moves(self.size, answer.tobytes(), self.question(obs).tobytes())
        return int(moves[int(obs["position"])])

    def solver_action(self, obs: Any, info: Any) -> np.int64:
        """Return the first of up, right, down, left that leads nearer to G.

        Raises:
            ValueError: if no path leads from the position to G.
        """
        move = self._nearer(obs)
        if move < 0:
            raise ValueError(f"{self.id}: no path leads from cell {int(obs['position'])} to G")
        return np.int64(move)

    def _nearer(self, obs: Any) -> int:
        """Return a move of a shortest path from the position to G, -1 where there is none."""
        moves = goal_moves(self.size, self.question(obs).tobytes())
        return int(moves[int(obs["position"])])

    def search(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the maze with the path marked that a depth-first search finds, if any."""
        start, _ = self.ends(inputs)
        moves = search_moves(self.size, inputs.tobytes(), start, seconds)
        cells = (inputs == OPEN) & (moves >= 0)
        return np.where(cells, PATH, inputs).astype(np.uint8)

    def search_action(self, obs: Any, info: Any, seconds: float) -> np.int64:
        """Follow the path that the search found; where none was found, a move into a wall."""
        move = self._searched_move(obs, seconds)
        return np.int64(move if move >= 0 else int(np.argmin(info["action_mask"])))

    def _searched_move(self, obs: Any, seconds: float) -> int:
        """Return the next move on the path found from S, else from the position; -1 for none."""
        maze, position = self.question(obs), int(obs["position"])
        for begin in (self.ends(maze)[0], position):
            move = search_moves(self.size, maze.tobytes(), begin, seconds)[position]
            if move >= 0:
                return int(move)
        return -1

    def load(self, source: str, split: str) -> PuzzleSet:
        """Read the puzzles of a source; see ``Task.load``.

        Raises:
            ValueError: if ``source`` is ``bank`` and the bank has another kind of this size.
        """
        bundled = default_kind(self.size)
        if source == "bank" and self.kind != bundled:
            raise ValueError(
                f"kind: the bundled puzzles of {self.base_id} are {bundled}, not {self.kind}; "
                "expected source='generator'"
            )
        return super().load(source, split)

    def changed_cells(self, inputs: Tokens, answer: Tokens) -> int:
        """Return the number of cells that an answer changes other than by marking a path."""
        marked = (inputs == OPEN) & (answer == PATH)
        return int(((answer != inputs) & ~marked).sum())

    def rate(self, inputs: Tokens) -> float:
        """Return the moves of the shortest path."""
        return float(self._shortest(inputs)[1])

    def is_ood(self, puzzle: Puzzle) -> bool:
        """Say whether the path is unusually long for the size, or the maze of another family.

        The other family of perfect mazes are those with a loop, and the other way round; that of
        hard mazes are those with rooms, as perfect and braided mazes have.
        """
        if puzzle.rating >= OOD_MOVES.get(self.size, np.inf):
            return True
        if self.kind == "hard":
            return self.has_rooms(puzzle.inputs)
        return self.has_loop(puzzle.inputs) != (self.kind == "braided")

    def has_rooms(self, inputs: Tokens) -> bool:
        """Say whether every second cell both ways is open and the cells between four are walls.

        An even size is searched in all its corners, since a symmetry may have turned it.
        """
        walls = (inputs == WALL).reshape(self.size, self.size)
        offsets = (0, 1) if self.size % 2 == 0 else (0,)
        return any(
            not walls[row::2, column::2].any() and walls[1 - row :: 2, 1 - column :: 2].all()
            for row in offsets
            for column in offsets
        )

    def has_loop(self, inputs: Tokens) -> bool:
        """Say whether the open cells hold more passages than a tree or a forest would."""
        grid = (inputs != WALL).reshape(self.size, self.size)
        passages = int((grid[1:] & grid[:-1]).sum() + (grid[:, 1:] & grid[:, :-1]).sum())
        return passages >= int(grid.sum())

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return the least of the turned, mirrored and swapped copies."""
        copies = self.relabelings[:, inputs[self.dihedral]]
        return min(copy.tobytes() for copy in copies.reshape(-1, self.seq_len))

    def generate(self, key: int) -> Puzzle:
        """Make a maze of this kind whose ends lie at least ``minimum`` moves apart."""
        from . import kernels

        draw = getattr(kernels, self.kind)
        inputs = np.empty(self.seq_len, np.uint8)
        draw(np.array([key & MASK], np.uint64), self.size, self.minimum, inputs)
        labels, moves = self._shortest(inputs)
        return Puzzle(inputs, labels, float(moves), "generator")

    def symmetry(self, key: int) -> Symmetry:
        """Draw one of the eight symmetries of the square, ends swapped or not."""
        which = lane(key, 0) >> 60
        return Symmetry(self.dihedral[which >> 1], self.relabelings[which & 1])

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a batch of symmetries on the device of ``keys``; see ``Task.symmetries``."""
        which = self._which(keys)
        places = self.table("dihedral", keys.device)
        tokens = self.table("relabelings", keys.device)
        return places[which >> 1], tokens[which & 1]

    def _which(self, keys: torch.Tensor) -> torch.Tensor:
        return shift(lane_tensor(keys, 0), 60)

    # The targets of mazes with several shortest paths; see ``targets.py`` ------------------------

    def solved_targets(self, inputs: Tokens, device: torch.device) -> SolvedPath:
        """Return the labels of mazes for ``targets="solved"``."""
        from .targets import SolvedPath

        return SolvedPath(self, inputs, device)

    def any_targets(self, inputs: Tokens, device: torch.device) -> AnyPath:
        """Return the shortest paths of mazes for ``targets="any"``."""
        from .targets import AnyPath

        return AnyPath(self, inputs, device)

    def solved_marks(self, inputs: Tokens) -> NDArray[np.int32]:
        """Return where the solver's paths run under each of the 16 symmetries.

        Args:
            inputs: ``(N, s*s)``, mazes with a path.

        Returns:
            ``(N, s*s)``: bit k of a cell says whether the path that the solver marks in the maze
            under symmetry k runs through it.
        """
        from .kernels import solved

        marks = np.empty(inputs.shape, np.int32)
        solved(inputs, self.size, self.dihedral, self.relabelings, marks)
        return marks

    def solved_labels(
        self, tokens: torch.Tensor, marks: torch.Tensor, keys: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the labels that ``turn`` makes those which the solver gives the turned mazes.

        Args:
            tokens: ``(B, s*s)`` uint8, mazes as they are.
            marks: ``(B, s*s)``, their rows of ``solved_marks``.
            keys: ``(B,)`` int64, of the symmetries; ``None``: they stay as they are.

        Returns:
            ``(B, s*s)`` uint8.
        """
        bits = marks if keys is None else marks >> self._which(keys)[:, None]
        return tokens.masked_fill((bits & 1).bool(), PATH)

    def ways(self, inputs: Tokens) -> NDArray[np.int32]:
        """Return the shortest paths of mazes: moves to G of the cells on any, -1 elsewhere.

        Args:
            inputs: ``(N, s*s)``, mazes with a path.

        Returns:
            ``(N, s*s)``.
        """
        from .kernels import ways

        levels = np.empty(inputs.shape, np.int32)
        ways(inputs, self.size, levels)
        return levels
