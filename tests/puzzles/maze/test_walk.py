"""How an agent walks along the marks of its answer."""

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hrm_gym  # noqa: F401
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze.grid import marked_moves
from hrm_gym.puzzles.maze.tokens import PATH

STEPS = {0: -5, 1: 1, 2: 5, 3: -1}
"""What a move adds to the cell of a 5x5 maze."""
TASK = get_task("maze-5x5")
RING = TASK.parse("S    " + " ### " * 3 + "    G")
LEFT, RIGHT = [5, 10, 15, 20, 21, 22, 23], [1, 2, 3, 4, 9, 14, 19]
"""The two shortest paths, without S and G."""


def answer(*cells):
    marked = RING.copy()
    marked[list(cells)] = PATH
    return marked


def walk(marked, start=0):
    """Return the cells of the walk, or None if it does not reach G."""
    moves = marked_moves(5, marked.tobytes(), RING.tobytes(), start)
    cell, cells = start, [start]
    while moves[cell] >= 0:
        cell += STEPS[int(moves[cell])]
        cells.append(cell)
    assert len(cells) == (moves >= 0).sum() + 1
    return cells if cell == 24 else None


def test_of_two_marked_paths_one_is_walked():
    assert walk(answer(*LEFT)) == [0, *LEFT, 24]
    assert walk(answer(*LEFT, *RIGHT)) == [0, *RIGHT, 24]
    # From the middle of the other one, where the way up is taken before the way down.
    assert walk(answer(*LEFT, *RIGHT), 15) == [15, 10, 5, 0, *RIGHT, 24]
    assert walk(answer(*LEFT), 15) is None


@pytest.mark.parametrize("gap", LEFT)
def test_marks_that_do_not_lead_to_the_goal_are_not_walked(gap):
    marked = answer(*set(LEFT) - {gap})
    assert walk(marked) is None
    assert TASK.cost(RING, marked) == np.inf


def test_the_walk_never_turns_back():
    # The dead end is entered first, and the walk ends there; finding the way out is a search.
    assert walk(answer(1, 2, *LEFT)) is None


@settings(max_examples=30)
@given(key=st.integers(0, 2**32))
def test_the_walk_along_a_label_is_the_shortest_path(key):
    task = get_task("maze-15x15", "braided")
    puzzle = task.generate(key)
    assert task.cost(puzzle.inputs, puzzle.labels) == puzzle.rating
    assert (puzzle.labels == PATH).sum() == puzzle.rating - 1


def test_an_agent_that_marks_both_paths_reaches_the_goal():
    env = gym.make("HRMMaze-v0", size=5, source="generator:1")
    obs, info = env.reset(options={"puzzle": TASK.format(RING)})
    done, moves = False, 0
    while not done:
        action = TASK.next_action(answer(*LEFT, *RIGHT), obs, info)
        obs, _, terminated, truncated, info = env.step(action)
        done, moves = terminated or truncated, moves + 1
    assert info["is_success"]
    assert info["optimal"]
    assert moves == 8
