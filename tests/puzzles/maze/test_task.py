"""Tests of mazes: shortest paths, generators, rules, text and symmetries."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.puzzles.maze import GOAL, OPEN, PATH, START, WALL, Maze


def is_solved(task, inputs, answer):
    """Return whether an answer solves a puzzle; the rules do not depend on the label."""
    return task.is_solved(Puzzle(inputs, inputs), answer)


words = st.integers(0, 2**64 - 1)


@st.composite
def mazes(draw):
    """Draw the size and the tokens of any maze, solvable or not."""
    size = draw(st.integers(3, 8))
    cells = draw(st.lists(st.sampled_from([WALL, OPEN, OPEN]), min_size=size**2, max_size=size**2))
    start, goal = draw(st.lists(st.integers(0, size**2 - 1), min_size=2, max_size=2, unique=True))
    cells[start], cells[goal] = START, GOAL
    return size, np.array(cells, np.uint8)


def neighbours(cell: int, size: int) -> list[int]:
    """Return the cells below, left, right and above, independently of the package."""
    row, column = divmod(cell, size)
    around = [(row + 1, column), (row, column - 1), (row, column + 1), (row - 1, column)]
    return [r * size + c for r, c in around if 0 <= r < size and 0 <= c < size]


def plain_search(tokens: np.ndarray, size: int) -> tuple[list[int] | None, dict[int, int]]:
    """Return the cells of the shortest path between S and G, and the distances of reached cells.

    The path is ``None`` if there is none.
    """
    start, goal = (int(np.flatnonzero(tokens == t)[0]) for t in (START, GOAL))
    parent, distance, queue = {}, {start: 0}, deque([start])
    while queue:
        cell = queue.popleft()
        for other in neighbours(cell, size):
            if tokens[other] != WALL and other not in distance:
                distance[other], parent[other] = distance[cell] + 1, cell
                queue.append(other)
    if goal not in distance:
        return None, distance
    path, cell = [], parent[goal]
    while cell != start:
        path.append(cell)
        cell = parent[cell]
    return path, distance


@settings(max_examples=200)
@given(mazes())
def test_the_label_is_the_first_shortest_path(maze):
    size, tokens = maze
    task = Maze(size, "hard")
    path, distance = plain_search(tokens, size)
    np.testing.assert_array_equal(
        task.distances(tokens, int(np.flatnonzero(tokens == START)[0])),
        [distance.get(cell, -1) for cell in range(size * size)],
    )
    if path is None:
        for call in (task.solve, task.rate, task.make):
            with pytest.raises(ValueError, match=r"^the maze has no path from S to G$"):
                call(tokens)
        assert not is_solved(task, tokens, tokens)
        return
    wanted = tokens.copy()
    wanted[path] = PATH
    np.testing.assert_array_equal(task.solve(tokens), wanted)
    assert task.rate(tokens) == len(path) + 1
    assert is_solved(task, tokens, wanted)


def test_ties_are_broken_down_before_left_before_right_before_up():
    task = Maze(3)
    assert task.format(task.solve(task.parse("S      G "))) == "S  o  oG "
    assert task.format(task.solve(task.parse("S       G"))) == "S  o  ooG"
    assert task.format(task.solve(task.parse("G       S"))) == "G  o  ooS"
    # Down before left, left before right, right before up.
    assert task.format(task.solve(task.parse("  S G    "))) == "  S Go   "
    assert task.format(task.solve(task.parse(" S  #  G "))) == "oS o# oG "
    assert task.format(task.solve(task.parse(" G S     "))) == " G So    "


@given(st.integers(3, 7), st.data())
def test_accepts_every_shortest_path_of_an_open_room(size, data):
    task = Maze(size, "hard")
    tokens = np.full(size * size, OPEN, np.uint8)
    tokens[0], tokens[-1] = START, GOAL
    steps = data.draw(st.permutations([1] * (size - 1) + [size] * (size - 1)))
    answer, cell = tokens.copy(), 0
    for step in steps[:-1]:
        cell += step
        answer[cell] = PATH
    assert is_solved(task, tokens, answer)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ("Soooo    o    o    o    G", True),  # along the top, then down
        ("S    o    o    o    ooooG", True),
        ("So   oo   o    o    ooooG", False),  # a branch
        ("Sooo    o   oo  oo   oooG", False),  # longer
        ("S    o         o    ooooG", False),  # a jump
        ("S    o    #    o    ooooG", False),  # a wall that is not there
        ("S    o    o    o   GooooG", False),  # a second G
        ("     o    o    o    ooooG", False),  # no S
        ("o    o    o    o    ooooo", False),
        ("S                       G", False),
    ],
)
def test_accepts_only_shortest_paths(answer, accepted):
    task = Maze(5, "hard")
    question = task.parse("S                       G")
    tokens = np.array(["# SGo".index(char) + 1 for char in answer], np.uint8)
    assert is_solved(task, question, tokens) is accepted


def test_rejects_jumps_detours_and_paths_through_walls():
    task = Maze(5, "hard")
    question = task.parse("S####" + "    #" + "### #" + "    #" + "G####")
    label = task.solve(question)
    assert is_solved(task, question, label)
    # The right number of marks, but one of them in a wrong cell.
    for cell in np.flatnonzero(label == PATH):
        for other in np.flatnonzero(question == OPEN):
            if label[other] != PATH:
                moved = label.copy()
                moved[cell], moved[other] = OPEN, PATH
                assert not is_solved(task, question, moved)
        missing = label.copy()
        missing[cell] = OPEN
        assert not is_solved(task, question, missing)
    for cell in np.flatnonzero(question == WALL):
        through = label.copy()
        through[cell] = PATH
        assert not is_solved(task, question, through)
    room = task.parse("S                       G")
    longer = task.solve(room)
    extra = next(c for c in range(25) if longer[c] == OPEN)
    longer[extra] = PATH
    assert not is_solved(task, room, longer)


def test_a_question_must_not_contain_a_path():
    task = Maze(3)
    tokens = task.parse("Soo  o  G")
    assert not is_solved(task, tokens, tokens)
    with pytest.raises(ValueError, match="path mark"):
        task.solve(tokens)


@given(st.sampled_from([3, 5, 7, 9, 15]), words)
def test_perfect_mazes_are_trees(size, key):
    task = Maze(size)
    assert task.kind == "perfect"
    puzzle = task.generate(key)
    open_cells = puzzle.inputs != WALL
    grid = open_cells.reshape(size, size)
    assert grid[::2, ::2].all()
    assert not grid[1::2, 1::2].any()
    _, distance = plain_search(puzzle.inputs, size)
    edges = sum(
        open_cells[other] for cell in np.flatnonzero(open_cells) for other in neighbours(cell, size)
    )
    assert len(distance) == open_cells.sum()  # connected
    assert edges // 2 == open_cells.sum() - 1  # without a cycle
    start, goal = task.ends(puzzle.inputs)
    assert all(part % 2 == 0 for end in (start, goal) for part in divmod(end, size))
    assert puzzle.rating == distance[goal] >= task.minimum == size - 1


@given(st.sampled_from([4, 7, 10, 16, 40]), words)
def test_hard_mazes_have_a_long_shortest_path(size, key):
    task = Maze(size, "hard")
    puzzle = task.generate(key)
    path, _ = plain_search(puzzle.inputs, size)
    assert task.minimum == {4: 2, 7: 5, 10: 12, 16: 31, 40: 145}[size]
    assert puzzle.rating == len(path) + 1 >= task.minimum
    np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)
    assert task.generate(key).inputs.tobytes() == puzzle.inputs.tobytes()


def test_the_public_size_requires_109_moves():
    task = get_task("maze-30x30")
    assert (task.kind, task.minimum) == ("hard", 109)
    puzzles = [task.generate(key) for key in range(5)]
    assert min(p.rating for p in puzzles) >= 109
    walls = np.mean([(p.inputs == WALL).mean() for p in puzzles])
    assert 0.25 < walls < 0.55
    assert len({p.inputs.tobytes() for p in puzzles}) == 5


def test_perfect_mazes_vary():
    task = Maze(7)
    assert len({task.generate(key).inputs.tobytes() for key in range(200)}) > 195


@given(st.sampled_from([5, 7, 30]), words, words)
def test_symmetries_keep_the_canonical_form(size, key, turn):
    task = Maze(size)
    puzzle, symmetry = task.generate(key % 20), task.symmetry(turn)
    inputs, labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
    undone = symmetry.inverse()
    np.testing.assert_array_equal(undone.apply(inputs), puzzle.inputs)
    np.testing.assert_array_equal(undone.apply(labels), puzzle.labels)
    assert task.canonical(inputs, labels) == task.canonical(puzzle.inputs, puzzle.labels)
    # A turned label is a shortest path of the turned maze, and the solver's if it is unique.
    assert is_solved(task, inputs, labels)
    assert task.rate(inputs) == puzzle.rating
    if task.kind == "perfect":
        np.testing.assert_array_equal(task.solve(inputs), labels)


def test_there_are_eight_symmetries_and_each_is_drawn():
    task = Maze(5)
    drawn = {task.symmetry(key).positions.tobytes() for key in range(200)}
    assert len(drawn) == 8
    cells = np.arange(25).reshape(5, 5)
    swapped = {task.symmetry(key).tokens.tobytes() for key in range(200)}
    assert swapped == {bytes([0, 1, 2, 3, 4, 5]), bytes([0, 1, 2, 4, 3, 5])}
    hard = Maze(5, "hard")
    assert {hard.symmetry(key).tokens.tobytes() for key in range(200)} == {bytes(range(6))}
    for grid in (cells, cells[::-1], cells[:, ::-1], cells.T, np.rot90(cells)):
        assert np.ascontiguousarray(grid).tobytes() in drawn


@given(mazes(), mazes())
def test_the_canonical_form_distinguishes_mazes_that_are_not_symmetric(first, second):
    (size, one), (other_size, two) = first, second
    if size != other_size:
        return
    task = Maze(size, "hard")
    turned = {task.symmetry(key).apply(one).tobytes() for key in range(60)}
    assert (task.canonical(one, one) == task.canonical(two, two)) is (two.tobytes() in turned)
    assert task.canonical(one, one) in turned


@given(st.sampled_from([5, 30]), st.lists(words, min_size=1, max_size=8))
def test_torch_draws_the_same_symmetries(size, turns):
    task = Maze(size)
    positions, tokens = task.symmetries(torch.tensor([signed(turn) for turn in turns]))
    for row, turn in enumerate(turns):
        symmetry = task.symmetry(turn)
        np.testing.assert_array_equal(positions[row].numpy(), symmetry.positions)
        np.testing.assert_array_equal(tokens[row].numpy(), symmetry.tokens)
    assert (positions.dtype, tokens.dtype) == (torch.int64, torch.uint8)


@given(mazes())
def test_text_round_trip(maze):
    size, tokens = maze
    task = Maze(size, "hard")
    text = task.format(tokens)
    np.testing.assert_array_equal(task.parse(text), tokens)
    lines = "\r\n".join(text[i : i + size] for i in range(0, size * size, size))
    np.testing.assert_array_equal(task.parse(lines.replace(" ", ".")), tokens)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("S G", "expected 9 cells for maze-3x3, got 3"),
        ("S  y    G", "cell 4: 'y' is not a cell of a maze; expected one of '# SGo'"),
        ("S S     G", "a maze has one S and one G, got 2 S and 1 G"),
        ("S        ", "a maze has one S and one G, got 1 S and 0 G"),
        ("GSG      ", "a maze has one S and one G, got 1 S and 2 G"),
    ],
)
def test_bad_text_is_named(text, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Maze(3).parse(text)


@pytest.mark.parametrize(
    ("size", "kind", "sentence"),
    [
        (2, None, "size: expected an integer of at least 3 for maze, got 2"),
        ("7", None, "size: expected an integer of at least 3 for maze, got '7'"),
        (7, "round", "kind: expected one of"),
    ],
)
def test_bad_arguments_are_named(size, kind, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}"):
        Maze(size, kind)


@given(st.integers(0, 2**32), st.sampled_from(["perfect", "braided"]), st.sampled_from([8, 10]))
def test_rooms_of_an_even_size_leave_a_row_and_a_column_of_walls(key, kind, size):
    task, hard = Maze(size, kind), Maze(size)
    puzzle = task.generate(key)
    grid = puzzle.inputs.reshape(size, size)
    assert (grid[-1] == 1).all()
    assert (grid[:, -1] == 1).all()
    assert puzzle.rating >= task.minimum
    assert task.has_loop(puzzle.inputs) is (kind == "braided")
    # For hard mazes these are of another kind, under any symmetry.
    turned = task.symmetry(key).apply(puzzle.inputs)
    assert hard.has_rooms(turned)
    assert hard.is_ood(Puzzle(turned, turned, puzzle.rating))
    assert not hard.has_rooms(hard.generate(key).inputs)


def plain_paths(tokens: np.ndarray, size: int) -> int:
    """Return the number of shortest paths, by walking each of them back from G."""
    _, distance = plain_search(tokens, size)

    def back(cell: int) -> int:
        if distance[cell] == 0:
            return 1
        before = [o for o in neighbours(cell, size) if distance.get(o) == distance[cell] - 1]
        return sum(back(other) for other in before)

    return back(int(np.flatnonzero(tokens == GOAL)[0]))


@given(mazes())
def test_facts_agree_with_a_plain_search(maze):
    size, tokens = maze
    task = Maze(size, "hard")
    path, distance = plain_search(tokens, size)
    if path is None:
        with pytest.raises(ValueError, match="no path"):
            task.facts(tokens)
        return
    facts = task.facts(tokens)
    start, goal = task.ends(tokens)
    direct = abs(start // size - goal // size) + abs(start % size - goal % size)
    ways = {c: sum(tokens[o] != WALL for o in neighbours(c, size)) for c in distance}
    assert facts.moves == len(path) + 1
    assert facts.paths == plain_paths(tokens, size)
    assert facts.unique is (facts.paths == 1)
    assert facts.detour == facts.moves / direct >= 1
    assert facts.dead_ends == sum(w == 1 and c not in (start, goal) for c, w in ways.items())


@given(st.sampled_from([3, 4, 6, 7, 9, 15]), words)
def test_braided_mazes_have_loops_no_dead_ends_and_one_shortest_path(size, key):
    task = Maze(size, "braided")
    puzzle = task.generate(key)
    facts = task.facts(puzzle.inputs)
    assert facts.unique
    assert facts.dead_ends == 0
    assert facts.moves == puzzle.rating >= task.minimum
    assert task.has_loop(puzzle.inputs)
    assert Maze(size, "perfect").split_of(puzzle) == "ood"
    assert puzzle.inputs.tobytes() == task.generate(key).inputs.tobytes()
    perfect = Maze(size, "perfect").generate(key)
    assert task.facts(perfect.inputs).unique
    assert task.split_of(perfect) == "ood"
