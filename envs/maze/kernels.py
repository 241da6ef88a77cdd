"""Numba kernels of the maze environments: which ways are open, what a move does, what is seen."""
# Jitted functions are untyped to mypy.
# mypy: disable-error-code="no-untyped-def"

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hrm_gym.puzzles.maze.kernels import distances
from hrm_gym.puzzles.random_kernels import lane

from ..kernels import NEXT_STEP, SAME_STEP, begin_row, copy_row


class MazeRows(NamedTuple):
    """The state of B walks."""

    keys: NDArray[np.uint64]
    episodes: NDArray[np.int64]
    elapsed: NDArray[np.int64]
    ended: NDArray[np.bool_]
    ratings: NDArray[np.float32]
    inputs: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    start: NDArray[np.int64]
    goal: NDArray[np.int64]
    position: NDArray[np.int64]
    moves: NDArray[np.int64]


class MazeSeen(NamedTuple):
    """Maze observations, and ``masks`` (B, 4), or (B, 0) where nobody asked for them."""

    tokens: NDArray[np.uint8]
    position: NDArray[np.int64]
    masks: NDArray[np.int8]


@njit(cache=True, nogil=True)
def maze_way(tokens, size, cell, direction):
    """Return the cell up (0), right (1), down (2) or left (3) of one; -1 where it is no way."""
    other = -1
    if direction == 0 and cell >= size:
        other = cell - size
    elif direction == 1 and (cell + 1) % size:
        other = cell + 1
    elif direction == 2 and cell < tokens.size - size:
        other = cell + size
    elif direction == 3 and cell % size:
        other = cell - 1
    return other if other >= 0 and tokens[other] != 1 else -1


@njit(cache=True, nogil=True)
def maze_masks(tokens, size, cell, mask):
    """Write which of the four ways are open."""
    for direction in range(4):
        mask[direction] = maze_way(tokens, size, cell, direction) >= 0


@njit(cache=True, nogil=True)
def maze_moves(tokens, size, moves):
    """Write into ``moves`` (s*s, 4) the cell up, right, down and left, -1 where it is no way."""
    for cell in range(tokens.size):
        for direction in range(4):
            moves[cell, direction] = maze_way(tokens, size, cell, direction)


@njit(cache=True, nogil=True)
def maze_teacher(tokens, size, cell, distance):
    """Return the first direction that comes nearest to where ``distance`` (s*s,) is 0."""
    best, nearest = 0, tokens.size
    for direction in range(4):
        other = maze_way(tokens, size, cell, direction)
        if other >= 0 and 0 <= distance[other] < nearest:
            best, nearest = direction, distance[other]
    return best


@njit(cache=True, nogil=True)
def maze_distances(tokens, size, goal):
    """Return the moves from every cell to ``goal``, -1 where there is no way."""
    distance = np.empty(tokens.size, np.int64)
    parent = np.empty(tokens.size, np.int64)
    distances(tokens != 1, size, goal, distance, parent)
    return distance


@njit(cache=True, nogil=True)
def maze_draw(rows, row, bank, dihedral, relabelings, augment, index):
    """Begin the next episode of a row; ``index`` < 0 draws the maze and its symmetry."""
    key, drawn = begin_row(rows, row, bank, index)
    turn = 0
    if augment and index < 0:
        turn = np.int64(lane(lane(key, 1), 0) >> np.uint64(60))
    relabel = relabelings[turn & 1]
    for cell in range(rows.inputs.shape[1]):
        source = dihedral[turn >> 1, cell]
        token = relabel[bank.inputs[drawn, source]]
        rows.inputs[row, cell] = token
        rows.labels[row, cell] = relabel[bank.labels[drawn, source]]
        if token == 3:
            rows.start[row] = cell
        elif token == 4:
            rows.goal[row] = cell
    rows.position[row] = rows.start[row]
    rows.moves[row] = 0


@njit(cache=True, nogil=True)
def maze_reset(rows, bank, dihedral, relabelings, augment, chosen, index):
    """Begin an episode in the chosen rows."""
    for row in range(chosen.size):
        if chosen[row]:
            maze_draw(rows, row, bank, dihedral, relabelings, augment, index[row])


@njit(cache=True, nogil=True)
def maze_see(inputs, position, size, row, tokens, place, masks):
    """Write what a row sees and, if ``masks`` has room, its mask."""
    copy_row(inputs, tokens, row)
    place[row] = position[row]
    if masks.shape[1]:
        maze_masks(inputs[row], size, position[row], masks[row])


@njit(cache=True, nogil=True)
def maze_look(rows, size, seen):
    """Write what every row sees."""
    for row in range(rows.ended.size):
        maze_see(rows.inputs, rows.position, size, row, seen.tokens, seen.position, seen.masks)


@njit(cache=True, nogil=True)
def maze_optimal(rows, size, actions):
    """Write a first step of a shortest path to G for every row."""
    for row in range(actions.size):
        distance = maze_distances(rows.inputs[row], size, rows.goal[row])
        actions[row] = maze_teacher(rows.inputs[row], size, rows.position[row], distance)


@njit(cache=True, nogil=True)
def maze_all_masks(rows, size, masks):
    """Write the masks of every row."""
    for row in range(rows.ended.size):
        maze_masks(rows.inputs[row], size, rows.position[row], masks[row])


@njit(cache=True, nogil=True)
def maze_step(
    rows, bank, dihedral, relabelings, size, augment, actions, mode, limit, results, seen, final
):
    """Play one action a row, begin what must begin, write what is seen; return the rows ended.

    In ``SAME_STEP`` the last observations of the rows that ended go to ``final``.
    """
    # Named tuples are unpacked once: to hand one on counts a reference for each of its arrays.
    elapsed, ended, inputs, moves = rows.elapsed, rows.ended, rows.inputs, rows.moves
    start, goal, position = rows.start, rows.goal, rows.position
    rewards, terminations, truncations, invalid, regret, shortest = results
    tokens, place, masks = seen
    last_tokens, last_place, last_masks = final
    count = 0
    for row in range(actions.size):
        if mode == NEXT_STEP and ended[row]:
            maze_draw(rows, row, bank, dihedral, relabelings, augment, -1)
            rewards[row] = 0.0
            terminations[row] = truncations[row] = invalid[row] = False
        else:
            # Only a row that nobody resets (``DISABLED``) is past its end.
            past = ended[row]
            target = -1
            if not past:
                target = maze_way(inputs[row], size, position[row], actions[row])
            if target >= 0:
                position[row] = target
                moves[row] += 1
            elapsed[row] += not past
            arrived = position[row] == goal[row]
            truncated = elapsed[row] >= limit
            ended[row] = arrived or truncated
            rewards[row] = arrived and not past
            terminations[row] = arrived
            truncations[row] = truncated
            invalid[row] = target < 0
            if ended[row] and not past:
                count += 1
                distance = maze_distances(inputs[row], size, goal[row])
                shortest[row] = distance[start[row]]
                regret[row] = moves[row] + distance[position[row]] - shortest[row]
                if mode == SAME_STEP:
                    maze_see(inputs, position, size, row, last_tokens, last_place, last_masks)
                    maze_draw(rows, row, bank, dihedral, relabelings, augment, -1)
        maze_see(inputs, position, size, row, tokens, place, masks)
    return count
