"""Training targets of mazes with several shortest paths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.puzzles.maze import GOAL, OPEN, PATH, START, WALL, Maze
from hrm_gym.puzzles.maze.targets import are_solved, likeliest_labels, likeliest_path

KEYS = [
    signed(lane) for lane in np.random.default_rng(0).integers(0, 2**64, 120, np.uint64).tolist()
]


def shortest_paths(tokens: np.ndarray, size: int) -> list[frozenset[int]]:
    """Return the open cells of every shortest path, by a search independent of the package."""
    start, goal = (int(np.flatnonzero(tokens == t)[0]) for t in (START, GOAL))
    ways: dict[int, list[tuple[int, ...]]] = {start: [()]}
    seen = {start}
    while ways and goal not in ways:
        after: dict[int, list[tuple[int, ...]]] = {}
        for cell, paths in ways.items():
            row, column = divmod(cell, size)
            for r, c in (
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
                (row - 1, column),
            ):
                other = r * size + c
                if 0 <= r < size and 0 <= c < size and tokens[other] != WALL and other not in seen:
                    after.setdefault(other, []).extend((*path, other) for path in paths)
        seen.update(after)
        ways = after
    return [frozenset(path[:-1]) for path in ways.get(goal, [])]


@st.composite
def mazes(draw, size=None):
    """Draw the size and the tokens of any maze that has a path, and all its shortest paths."""
    size = draw(st.integers(3, 7)) if size is None else size
    cells = draw(st.lists(st.sampled_from([WALL, OPEN, OPEN]), min_size=size**2, max_size=size**2))
    start, goal = draw(st.lists(st.integers(0, size**2 - 1), min_size=2, max_size=2, unique=True))
    cells[start], cells[goal] = START, GOAL
    tokens = np.array(cells, np.uint8)
    paths = shortest_paths(tokens, size)
    assume(paths)
    return size, tokens, paths


def marked(tokens: np.ndarray, path: frozenset[int]) -> np.ndarray:
    labels = tokens.copy()
    labels[list(path)] = PATH
    return labels


@given(mazes(), st.sampled_from(["perfect", "hard"]))
def test_a_turned_maze_gets_the_label_that_its_solver_gives(maze, kind):
    # S and G of perfect mazes are swapped by half of the symmetries, those of hard mazes never.
    size, tokens, _ = maze
    task = Maze(size, kind)
    keys = torch.tensor(KEYS)
    questions = torch.tensor(tokens).expand(len(keys), -1)
    marks = torch.tensor(task.solved_marks(tokens[None])).expand(len(keys), -1)
    labels = task.solved_labels(questions, marks, keys)
    turned, found = (part.numpy() for part in task.turn(keys, questions, labels))
    assert len(set(task._which(keys).tolist())) == 16
    for question, label in zip(turned, found, strict=True):
        np.testing.assert_array_equal(label, task.solve(question))
    alone = task.solved_labels(questions[:1], marks[:1], None)
    np.testing.assert_array_equal(alone[0].numpy(), task.solve(tokens))


@given(st.integers(3, 6), st.data())
def test_the_target_is_the_likeliest_of_all_shortest_paths(size, data):
    batch = [data.draw(mazes(size)) for _ in range(3)]
    task = Maze(size, "hard")
    tokens = np.stack([maze[1] for maze in batch])
    levels = torch.tensor(task.ways(tokens))
    random = np.random.default_rng(data.draw(st.integers(0, 1000)))
    # With few different values, many sums are equal.
    odds = random.integers(-2, 3, tokens.shape).astype(float)
    way = likeliest_path(levels, torch.tensor(odds), int(levels.max())).numpy()
    for row, (_, question, paths) in enumerate(batch):
        found = frozenset(np.flatnonzero(way[row] & (question == OPEN)).tolist())
        assert found in paths
        assert odds[row, list(found)].sum() == max(odds[row, list(path)].sum() for path in paths)
        assert way[row].sum() == len(found) + 2


@given(mazes())
def test_among_equal_paths_it_chooses_the_label(maze):
    size, tokens, _ = maze
    task = Maze(size, "hard")
    levels = torch.tensor(task.ways(tokens[None]))
    scores = torch.zeros(1, size * size, 6, dtype=torch.float64)
    labels = likeliest_labels(levels, torch.tensor(tokens[None]), scores, int(levels.max()))
    np.testing.assert_array_equal(labels[0].numpy(), task.solve(tokens))


@given(mazes(), st.data())
def test_a_right_answer_is_its_own_target_however_unsure(maze, data):
    size, tokens, paths = maze
    task = Maze(size, "hard")
    levels = torch.tensor(task.ways(tokens[None]))
    answer = marked(tokens, data.draw(st.sampled_from(paths)))
    # With large logits, a sum in float32 would lose a cell that is nearly undecided.
    logits = np.random.default_rng(data.draw(st.integers(0, 99))).normal(0, 30, (size * size, 6))
    logits = logits.astype(np.float32)
    peak = logits.max(1)
    unsure = data.draw(st.lists(st.booleans(), min_size=size**2, max_size=size**2))
    margin = np.where(unsure, np.spacing(np.abs(peak)), np.float32(40))
    logits[np.arange(size * size), answer] = peak + margin
    scores = torch.tensor(logits)[None]
    assert scores.argmax(-1)[0].tolist() == answer.tolist()
    questions = torch.tensor(tokens[None])
    labels = likeliest_labels(levels, questions, scores.double(), int(levels.max()))
    np.testing.assert_array_equal(labels[0].numpy(), answer)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_odds_that_are_not_finite_still_give_a_shortest_path(odd):
    task = get_task("maze-10x10")
    puzzle = task.generate(3)
    levels = torch.tensor(task.ways(puzzle.inputs[None]))
    odds = torch.full(levels.shape, odd, dtype=torch.float64)
    way = likeliest_path(levels, odds, int(levels.max()))[0].numpy()
    assert task.is_solved(
        Puzzle(puzzle.inputs, puzzle.inputs),
        np.where(way & (puzzle.inputs == OPEN), PATH, puzzle.inputs),
    )


@given(mazes(), st.data())
def test_the_device_accepts_what_the_task_accepts(maze, data):
    size, tokens, paths = maze
    task = Maze(size, "hard")
    answers = [marked(tokens, path) for path in data.draw(st.permutations(paths))[:5]]
    assert all(task.is_solved(Puzzle(tokens, tokens), answer) for answer in answers)
    places, values = st.integers(0, size**2 - 1), st.integers(0, 5)
    for answer in [*answers, tokens]:
        changed = answer.copy()
        for _ in range(data.draw(st.integers(1, 2))):
            changed[data.draw(places)] = data.draw(values)
        answers.append(changed)
    # Cells of two paths together: all of them, and as many as one path has.
    one, other = (data.draw(st.sampled_from(paths)) for _ in range(2))
    for union in (one | other, frozenset(sorted(one | other)[: len(one)])):
        answers.append(marked(tokens, union))
    levels = torch.tensor(task.ways(tokens[None])).expand(len(answers), -1)
    questions = torch.tensor(tokens).expand(len(answers), -1)
    found = are_solved(levels, questions, torch.tensor(np.stack(answers)))
    assert found.tolist() == [task.is_solved(Puzzle(tokens, tokens), answer) for answer in answers]
