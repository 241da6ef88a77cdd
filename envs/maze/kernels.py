"""Numba kernels of the maze environments: legal moves, steps and observations."""
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


class MazeObservations(NamedTuple):
    """Observations, and ``masks`` (B, 4), or (B, 0) if they are not wanted."""

    tokens: NDArray[np.uint8]
    position: NDArray[np.int64]
    masks: NDArray[np.int8]


@njit(cache=True, nogil=True)
def maze_neighbour(tokens, size, cell, direction):
    """Return the cell up (0), right (1), down (2) or left (3) of a cell, -1 if it is not open."""
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
    """Write which of the four moves are legal."""
    for direction in range(4):
        mask[direction] = maze_neighbour(tokens, size, cell, direction) >= 0


@njit(cache=True, nogil=True)
def maze_moves(tokens, size, moves):
    """Write into ``moves`` (s*s, 4) the cells up, right, down and left, -1 if they are not open."""
    for cell in range(tokens.size):
        for direction in range(4):
            moves[cell, direction] = maze_neighbour(tokens, size, cell, direction)


@njit(cache=True, nogil=True)
def maze_teacher(tokens, size, cell, distance):
    """Return the first direction that leads to the cell of the least ``distance`` (s*s,)."""
    best, least = 0, tokens.size
    for direction in range(4):
        other = maze_neighbour(tokens, size, cell, direction)
        if other >= 0 and 0 <= distance[other] < least:
            best, least = direction, distance[other]
    return best


@njit(cache=True, nogil=True)
def maze_distances(tokens, size, goal):
    """Return the number of moves from every cell to ``goal``, -1 where there is no path."""
    distance = np.empty(tokens.size, np.int64)
    parent = np.empty(tokens.size, np.int64)
    distances(tokens != 1, size, goal, distance, parent)
    return distance


@njit(cache=True, nogil=True)
def maze_begin_row(rows, row, bank, dihedral, relabelings, augment, index):
    """Begin the next episode of a row; ``index`` < 0 draws the maze."""
    key, drawn = begin_row(rows, row, bank, index)
    turn = 0
    if augment:
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
    """Begin an episode in the chosen rows, with the mazes of ``index`` (B,)."""
    for row in range(chosen.size):
        if chosen[row]:
            maze_begin_row(rows, row, bank, dihedral, relabelings, augment, index[row])


@njit(cache=True, nogil=True)
def maze_observe(inputs, position, size, row, tokens, positions, masks):
    """Write the observation of a row and, unless ``masks`` is empty, its mask."""
    copy_row(inputs, tokens, row)
    positions[row] = position[row]
    if masks.shape[1]:
        maze_masks(inputs[row], size, position[row], masks[row])


@njit(cache=True, nogil=True)
def maze_observe_rows(rows, size, observations):
    """Write the observations and masks of all rows."""
    for row in range(rows.ended.size):
        maze_observe(
            rows.inputs,
            rows.position,
            size,
            row,
            observations.tokens,
            observations.position,
            observations.masks,
        )


@njit(cache=True, nogil=True)
def maze_optimal(rows, size, actions):
    """Write the first move of a shortest path to G for every row."""
    for row in range(actions.size):
        distance = maze_distances(rows.inputs[row], size, rows.goal[row])
        actions[row] = maze_teacher(rows.inputs[row], size, rows.position[row], distance)


@njit(cache=True, nogil=True)
def maze_all_masks(rows, size, masks):
    """Write the masks of all rows."""
    for row in range(rows.ended.size):
        maze_masks(rows.inputs[row], size, rows.position[row], masks[row])


@njit(cache=True, nogil=True)
def maze_step_rows(
    rows,
    bank,
    dihedral,
    relabelings,
    size,
    augment,
    actions,
    mode,
    limit,
    results,
    observations,
    final,
):
    """Play one action in every row, begin new episodes and write the observations.

    In ``SAME_STEP`` mode the last observations of the rows that end are written to ``final``.

    Returns:
        The number of rows that ended.
    """
    # Named tuples are unpacked here, since passing one on updates a reference count per array.
    elapsed, ended, inputs, moves = rows.elapsed, rows.ended, rows.inputs, rows.moves
    start, goal, position = rows.start, rows.goal, rows.position
    rewards, terminations, truncations, invalid, regret, shortest = results
    tokens, positions, masks = observations
    last_tokens, last_positions, last_masks = final
    count = 0
    for row in range(actions.size):
        if mode == NEXT_STEP and ended[row]:
            maze_begin_row(rows, row, bank, dihedral, relabelings, augment, -1)
            rewards[row] = 0.0
            terminations[row] = truncations[row] = invalid[row] = False
        else:
            # In ``DISABLED`` mode a row that has ended stays as it is.
            past = ended[row]
            target = -1
            if not past:
                target = maze_neighbour(inputs[row], size, position[row], actions[row])
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
                    maze_observe(
                        inputs, position, size, row, last_tokens, last_positions, last_masks
                    )
                    maze_begin_row(rows, row, bank, dihedral, relabelings, augment, -1)
        maze_observe(inputs, position, size, row, tokens, positions, masks)
    return count
