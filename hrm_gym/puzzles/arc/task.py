"""ARC as a task: rules, symmetries, and the actions that paint an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import Task
from ..keys import lane, lane_tensor
from ..puzzle import SPLITS, Puzzle, Symmetry, Tokens
from ..relations import Relation, group, lines, neighbours
from .dataset import VERSIONS, read_agi, read_file, read_folder, read_version
from .grids import (
    COLOURS,
    SIDE,
    ArcPuzzle,
    ArcSymmetry,
    Grid,
    Pair,
    read_grid,
    to_canvas,
    to_grid,
)
from .mini import MINI_ARC, is_mini, load_mini

if TYPE_CHECKING:
    import torch

    from hrm_gym.data.puzzle_set import PuzzleSet
    from hrm_gym.data.readers import Reading
    from hrm_gym.rendering.grids import GridScene

RESIZE, SUBMIT = 10, 11
"""Actions of the step environment besides painting: set the size of the canvas, and submit it."""
SOURCES = ", ".join((*VERSIONS, MINI_ARC))
"""The sets of tasks that come with the package, for messages."""


class Arc(Task):
    """ARC tasks; a puzzle is one test input, and its label is the test output.

    Args:
        side: Cells along one side of the canvas. Every grid fits on the published 30; a smaller
            canvas, as of ``arc-5x5`` and ``arc-10x10``, makes training on a CPU feasible.
    """

    family = "arc"
    has_solver = False
    holds_padding = True
    learns_groups = True

    def __init__(self, side: int = SIDE) -> None:
        if not isinstance(side, int) or not 2 <= side <= SIDE:
            raise ValueError(f"side: expected 2..{SIDE} for arc, got {side!r}")
        self.size = side
        self.id = "arc" if side == SIDE else f"arc-{side}x{side}"
        # The public sets have grids of up to 30x30 cells.
        self.default_source = "arc-agi-1" if side == SIDE else MINI_ARC
        self.vocab_size = COLOURS + 2
        self.seq_len = side * side
        self.answer_tokens = tuple(range(self.vocab_size))
        self.symbols = tuple(range(2, self.vocab_size))

    def relations(self) -> tuple[Relation, ...]:
        """Return the relations left, right, up, down, row, column and grid, the whole canvas."""
        whole = group("grid", np.zeros(self.seq_len))
        return (*neighbours(self.size), *lines(self.size), whole)

    def validate(self, tokens: Any, name: str = "puzzle") -> Tokens:
        """Return the tokens of a canvas, which may contain padding, after checking them.

        Raises:
            ValueError: if the length is wrong or a token is outside 0 .. 11.
        """
        values = np.asarray(tokens)
        if values.shape != (self.seq_len,) or values.min() < 0 or values.max() >= self.vocab_size:
            raise ValueError(
                f"{name}: expected {self.seq_len} tokens in 0..11 for {self.id}, got {values.shape}"
            )
        return values.astype(np.uint8)

    def parse(self, text: str) -> Tokens:
        """Read one grid as JSON rows, such as ``[[0,1],[1,0]]``.

        Raises:
            ValueError: if it is not a rectangle of 1 to 30 cells per side with colours 0-9.
        """
        try:
            return to_canvas(read_grid(json.loads(text)), self.size)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"an ARC grid is written as JSON rows of colours: {error}") from None

    def format(self, tokens: Tokens) -> str:
        """Write a canvas as JSON rows of colours."""
        return json.dumps(to_grid(tokens).tolist(), separators=(",", ":"))

    def read_questions(self, content: str, origin: str) -> Reading:
        """Read the JSON of one ARC task or of several by name; see ``Task.read_questions``."""
        from hrm_gym.data.readers import Reading

        from .questions import read_tests

        return Reading(self, read_tests(content, origin))

    def refit(self, tokens: Tokens, size: int) -> Tokens:
        """Return the grid of a canvas on a canvas of another size; see ``Task.refit``."""
        return to_canvas(to_grid(tokens), size)

    def solve(self, inputs: Tokens) -> Tokens:
        """Raise an error, since no solver is known.

        Raises:
            ValueError: always.
        """
        raise ValueError("arc has no solver; expected a task whose answer is known")

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether the grid of an answer equals the grid of the label.

        If the label is not in the corner of the canvas, as in training examples of dataset folders,
        it contains no grid. Then no answer solves the puzzle, although an answer that equals the
        label is exact.
        """
        right = to_grid(puzzle.labels)
        return right.size > 0 and np.array_equal(right, to_grid(answer))

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
    ) -> GridScene:
        """Return the picture of demonstrations, test input and answer; see ``Task.scene``.

        An answer that starts with padding or a marker contains no grid.
        """
        from hrm_gym.rendering.grids import GridScene

        question = to_grid(inputs)
        grid = None if answer is None else to_grid(answer)
        if grid is None or grid.size == 0:
            if grid is not None and not in_progress:
                caption = f"{caption}, no grid".strip(", ")
            return GridScene(demos, question, caption=caption)
        rows, columns = grid.shape
        sure = wrong = None
        if confidence is not None:
            sure = confidence.reshape(self.size, self.size)[:rows, :columns]
        if labels is not None and not in_progress:
            wrong = labels.reshape(self.size, self.size)[:rows, :columns] != grid + 2
            if grid.shape != to_grid(labels).shape:
                caption = f"{caption}, the size is wrong".strip(", ")
        return GridScene(demos, question, grid, wrong=wrong, confidence=sure, caption=caption)

    def demonstrations(self, puzzle: Puzzle, symmetry: Symmetry | None = None) -> Sequence[Pair]:
        """Return the demonstration pairs of a puzzle, under a symmetry if there is one."""
        demos = puzzle.demos if isinstance(puzzle, ArcPuzzle) else ()
        if symmetry is None:
            return demos

        def turn(grid: Grid) -> Grid:
            return to_grid(symmetry.apply(to_canvas(grid, self.size)))

        return tuple((turn(question), turn(answer)) for question, answer in demos)

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> NDArray[np.int64]:
        """Return the next action that paints an answer; see ``paint_action``."""
        return paint_action(to_grid(answer), to_grid(np.asarray(obs["canvas"])))

    def potential(self, obs: Any, labels: Tokens) -> float:
        """Return minus the share of wrong cells of the canvas, or of the answer."""
        board = {"tokens": obs["canvas"]} if "canvas" in obs else obs
        return super().potential(board, labels)

    def rate(self, inputs: Tokens) -> float:
        """Return the number of cells of the grid, since there is no better measure."""
        return float(to_grid(inputs).size)

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return input and output unchanged: ARC is split by task, not by canonical form."""
        return inputs.tobytes() + labels.tobytes()

    def generate(self, key: int) -> Puzzle:
        """Raise an error, since ARC tasks are written by people.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"arc has no generator; expected source {SOURCES} or a folder")

    def load(self, source: str, split: str, limit: int | None = None) -> PuzzleSet:
        """Read the puzzles of a source.

        Args:
            source: ``arc-agi-1``, ``arc-agi-2`` or ``mini-arc``; an ARC JSON file or a folder of
                such files, which are used whole; or a dataset folder. ``mini-arc:turned`` is what
                models with puzzle embeddings are trained on, see ``mini``.
            split: ``train``, ``val``, ``test`` or ``ood``.
            limit: Ignored; all puzzles are returned.

        Raises:
            ValueError: if the source does not exist, is malformed, or does not fit on the canvas.
        """
        from hrm_gym.data.puzzle_set import PuzzleSet
        from hrm_gym.data.readers import read_folder as read_dataset

        path = Path(source)
        if is_mini(source):
            return load_mini(source, split, self.size)
        if source in VERSIONS:
            return PuzzleSet.of(fitted(read_agi(source, split), self.size, source), source)
        if path.is_dir():
            if (path / "train" / "dataset.json").exists():
                return read_dataset(self, path, split)
            return PuzzleSet.of(fitted(read_folder(path), self.size, source), source)
        if path.is_file():
            return PuzzleSet.of(fitted(read_file(path), self.size, source), source)
        if source.partition(":")[0] == "generator":
            self.generate(0)
        raise ValueError(
            f"source: expected {SOURCES}, or an existing file or folder, got {source!r}"
        )

    def select(self, puzzles: PuzzleSet, group: str, source: str, split: str) -> PuzzleSet:
        """Return the test inputs of one ARC task; see ``Task.select``.

        Raises:
            ValueError: if the task is not among the puzzles; the message names its split.
        """
        if puzzles.puzzles is None:
            raise ValueError(
                f"task_id: the puzzles of a dataset folder have no names, got {source}; expected "
                f"{SOURCES}, an ARC JSON file or a folder of such files"
            )
        if any(puzzle.group == group for puzzle in puzzles.puzzles):
            return super().select(puzzles, group, source, split)
        if source not in VERSIONS:
            raise ValueError(f"task_id: no task {group!r} in {source}")
        for other in SPLITS:
            if any(puzzle.task_id == group for puzzle in read_agi(source, other)):
                raise ValueError(
                    f"task_id: {group} is in split {other!r} of {source}, not in {split!r}"
                )
        if any(puzzle.task_id == group for puzzle in read_version(source)[0]):
            raise ValueError(
                f"task_id: {group} is in no split of {source}, since it, or a task with the same "
                "pair, is an evaluation task"
            )
        raise ValueError(f"task_id: no task {group!r} in {source}")

    def symmetry(self, key: int) -> ArcSymmetry:
        """Return one of the eight symmetries of the square with permuted colours except black."""
        order = np.array([lane(key, i + 1) for i in range(COLOURS - 1)], np.uint64).view(np.int64)
        tokens = np.concatenate([[0, 1, 2], np.argsort(order) + 3]).astype(np.uint8)
        cells = np.arange(self.seq_len).reshape(self.size, self.size)
        transpose, flip_rows, flip_columns = (bool(lane(key, 0) >> bit & 1) for bit in range(3))
        positions = (cells.T if transpose else cells).ravel()
        return ArcSymmetry(positions, tokens, flip_rows, flip_columns)

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return transpositions and colours on the device of ``keys``; ``turn`` also flips."""
        import torch

        device = keys.device
        lanes = lane_tensor(keys[:, None], torch.arange(COLOURS, device=device))
        order = lanes[:, 1:].argsort(dim=1).to(torch.uint8) + 3
        fixed = torch.arange(3, dtype=torch.uint8, device=device).expand(len(keys), 3)
        cells = torch.arange(self.seq_len, device=device).view(self.size, self.size)
        both = torch.stack([cells.reshape(-1), cells.T.reshape(-1)])
        return both[lanes[:, 0] & 1], torch.cat([fixed, order], dim=1)

    def turn(self, keys: torch.Tensor, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Apply the symmetries of ``keys``; see ``Task.turn`` and ``ArcSymmetry``."""
        import torch

        flips = lane_tensor(keys, 0)[:, None, None]
        line = torch.arange(self.size, device=keys.device)
        row, column = line[:, None], line
        turned = []
        for canvases in super().turn(keys, *values):
            colours = canvases.view(-1, self.size, self.size) >= 2
            # As in grid_size: the runs down the first column and along the first row, provided that
            # all cells between them are coloured.
            rows = colours[:, :, 0].cumprod(dim=1).sum(dim=1)[:, None, None]
            columns = colours[:, 0, :].cumprod(dim=1).sum(dim=1)[:, None, None]
            inside = (row < rows) & (column < columns)
            inside = inside & (colours | ~inside).flatten(1).all(dim=1)[:, None, None]
            there = torch.where(inside & ((flips & 2) > 0), rows - 1 - row, row)
            beside = torch.where(inside & ((flips & 4) > 0), columns - 1 - column, column)
            turned.append(canvases.gather(1, (there * self.size + beside).flatten(1)))
        return tuple(turned)


def fitted(puzzles: Sequence[ArcPuzzle], side: int, source: str) -> Sequence[ArcPuzzle]:
    """Return puzzles on a smaller canvas.

    Args:
        puzzles: Puzzles on the published canvas.
        side: Cells along one side of the canvas.
        source: Where they come from, for the message.

    Raises:
        ValueError: if a grid does not fit on the canvas; the message names its task.
    """
    if side == SIDE:
        return puzzles
    found = []
    for puzzle in puzzles:
        grids = [to_grid(puzzle.inputs), to_grid(puzzle.labels)]
        for grid in (*grids, *(grid for pair in puzzle.demos for grid in pair)):
            if max(grid.shape) > side:
                rows, columns = grid.shape
                raise ValueError(
                    f"source: task {puzzle.task_id} of {source} has a grid of {rows}x{columns} "
                    f"cells, which does not fit on a canvas of {side}x{side}"
                )
        inputs, labels = (to_canvas(grid, side) for grid in grids)
        found.append(replace(puzzle, inputs=inputs, labels=labels))
    return found


def paint_action(goal: Grid, canvas: Grid) -> NDArray[np.int64]:
    """Return the next action that turns a canvas into a goal: resize, then paint, then submit.

    Args:
        goal: The grid that the agent wants to submit.
        canvas: The grid painted so far.
    """
    if goal.size == 0:
        return np.array([SUBMIT, 0, 0])
    if canvas.shape != goal.shape:
        return np.array([RESIZE, goal.shape[0] - 1, goal.shape[1] - 1])
    wrong = np.argwhere(canvas != goal)
    if len(wrong) == 0:
        return np.array([SUBMIT, 0, 0])
    row, column = wrong[0]
    return np.array([goal[row, column], row, column], np.int64)
