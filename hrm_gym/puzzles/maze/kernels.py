"""Numba kernels of the maze task: breadth-first search, statistics and the three generators.

A maze is a flat uint8 array of s*s tokens: 1 wall, 2 open, 3 start, 4 goal, 5 path.
"""

import numpy as np
from numba import njit

from ..random_kernels import below, shuffle
from .tokens import GOAL, OPEN, PATH, START, WALL


@njit(cache=True, inline="always")
def neighbour(cell, direction, size):
    """Return the cell below (0), left (1), right (2) or above (3) ``cell``; -1 outside."""
    if direction == 0:
        return cell + size if cell < size * (size - 1) else -1
    if direction == 1:
        return cell - 1 if cell % size else -1
    if direction == 2:
        return cell + 1 if cell % size < size - 1 else -1
    return cell - size if cell >= size else -1


@njit(cache=True)
def distances(open_cells, size, source, distance, parent):
    """Write the number of moves from ``source`` to every cell (-1 = unreachable) and the parents.

    The breadth-first search visits neighbours in the order down, left, right, up. A cell keeps the
    parent that was found first.
    """
    queue = np.empty(open_cells.size, np.int64)
    distance[:] = -1
    parent[:] = -1
    distance[source] = 0
    queue[0] = source
    head, tail = 0, 1
    while head < tail:
        cell = queue[head]
        head += 1
        for direction in range(4):
            other = neighbour(cell, direction, size)
            if other >= 0 and open_cells[other] and distance[other] < 0:
                distance[other] = distance[cell] + 1
                parent[other] = cell
                queue[tail] = other
                tail += 1


@njit(cache=True)
def from_start(tokens, size):
    """Return S, G, and the distances and parents of all cells in a search from S."""
    start = goal = -1
    for cell in range(tokens.size):
        if tokens[cell] == START:
            start = cell
        elif tokens[cell] == GOAL:
            goal = cell
    distance = np.empty(tokens.size, np.int64)
    parent = np.empty(tokens.size, np.int64)
    distances(tokens != WALL, size, start, distance, parent)
    return start, goal, distance, parent


@njit(cache=True)
def shortest(tokens, size, labels):
    """Write the maze with a shortest path marked; return its number of moves, -1 without a path."""
    start, goal, distance, parent = from_start(tokens, size)
    labels[:] = tokens
    if distance[goal] < 0:
        return -1
    cell = parent[goal]
    while cell != start:
        labels[cell] = PATH
        cell = parent[cell]
    return distance[goal]


@njit(cache=True)
def marks_shortest(labels, tokens, size, distance, goal):
    """Return whether labels are the maze with one shortest path marked.

    Cells whose label is 0 are not compared.
    """
    moves = distance[goal]
    on_path = np.full(moves + 1, -1, np.int64)
    on_path[moves] = goal
    padded = False
    for cell in range(tokens.size):
        if labels[cell] == PATH:
            step = distance[cell]
            if tokens[cell] != OPEN or not 0 < step < moves or on_path[step] >= 0:
                return False
            on_path[step] = cell
        elif labels[cell] == 0:
            padded = True
        elif labels[cell] != tokens[cell]:
            return False
    # Consecutive cells must be neighbours. The first cell is one move from S, so it is beside S.
    for step in range(1, moves):
        one, two = on_path[step], on_path[step + 1]
        if one < 0 and not padded:
            return False
        if one >= 0 and two >= 0 and not beside(one, two, size):
            return False
    return True


@njit(cache=True)
def beside(one, two, size):
    """Return whether two cells share a side."""
    apart = abs(one - two)
    return apart == size or (apart == 1 and one // size == two // size)


@njit(cache=True)
def check_paths(mazes, labels, size, moves, right):
    """Write the path length of each maze (N, cells), -1 without a path, and whether it is right.

    Labels are right if they mark one shortest path; see ``marks_shortest``.
    """
    for row in range(mazes.shape[0]):
        _, goal, distance, _ = from_start(mazes[row], size)
        moves[row] = distance[goal]
        right[row] = moves[row] >= 0 and marks_shortest(
            labels[row], mazes[row], size, distance, goal
        )


@njit(cache=True)
def path_levels(mazes, size, levels):
    """Write the number of moves to G for cells of mazes (N, cells) on shortest paths, else -1."""
    after = np.empty(mazes.shape[1], np.int64)
    for row in range(mazes.shape[0]):
        _, goal, before, parent = from_start(mazes[row], size)
        distances(mazes[row] != WALL, size, goal, after, parent)
        for cell in range(mazes.shape[1]):
            on_way = before[cell] >= 0 and before[cell] + after[cell] == before[goal]
            levels[row, cell] = after[cell] if on_way else -1


@njit(cache=True)
def solved_marks(mazes, size, dihedral, relabelings, marks):
    """Set bit k of the cells of mazes (N, cells) on the solver's path under symmetry k.

    The path is found in the transformed maze, and its cells are mapped back to the original maze.
    """
    labels = np.empty(mazes.shape[1], np.uint8)
    marks[:] = 0
    for row in range(mazes.shape[0]):
        for which in range(dihedral.shape[0] * relabelings.shape[0]):
            places = dihedral[which // 2]
            shortest(relabelings[which % 2][mazes[row][places]], size, labels)
            for cell in range(labels.size):
                if labels[cell] == PATH:
                    marks[row, places[cell]] |= 1 << which


@njit(cache=True)
def place(state, tokens, size, candidates, minimum):
    """Place S on a random candidate and G on another, at least ``minimum`` moves from S.

    Returns the number of moves, or -1 if no candidate is so far from S; then the maze is unchanged.
    """
    start = candidates[below(state, candidates.size)]
    distance = np.empty(tokens.size, np.int64)
    parent = np.empty(tokens.size, np.int64)
    distances(tokens != WALL, size, start, distance, parent)
    far = candidates[distance[candidates] >= max(minimum, 1)]
    if far.size == 0:
        return -1
    goal = far[below(state, far.size)]
    tokens[start] = START
    tokens[goal] = GOAL
    return distance[goal]


@njit(cache=True)
def perfect(state, size, minimum, tokens):
    """Carve a maze by depth-first search: rooms at even cells, one path between any two rooms.

    Returns the number of moves of the shortest path.
    """
    rooms = (size + 1) // 2
    tokens[:] = WALL
    stack = np.empty(rooms * rooms, np.int64)
    cell = (below(state, rooms) * size + below(state, rooms)) * 2
    tokens[cell] = OPEN
    stack[0] = cell
    top = 1
    choices = np.empty(4, np.int64)
    while top > 0:
        cell = stack[top - 1]
        count = 0
        for direction in range(4):
            wall = neighbour(cell, direction, size)
            if wall >= 0:
                room = neighbour(wall, direction, size)
                if room >= 0 and tokens[room] == WALL:
                    choices[count] = direction
                    count += 1
        if count == 0:
            top -= 1
            continue
        direction = choices[below(state, count)]
        wall = neighbour(cell, direction, size)
        room = neighbour(wall, direction, size)
        tokens[wall] = OPEN
        tokens[room] = OPEN
        stack[top] = room
        top += 1
    candidates = np.empty(rooms * rooms, np.int64)
    for i in range(rooms * rooms):
        candidates[i] = (i // rooms * size + i % rooms) * 2
    while True:
        moves = place(state, tokens, size, candidates, minimum)
        if moves >= 0:
            return moves


@njit(cache=True)
def braided(state, size, minimum, tokens):
    """Open every dead end of a perfect maze, then place S and G so that one path is shortest.

    For every dead end, one wall between it and another room is removed, so that every room has at
    least two exits. Returns the number of moves of the shortest path.
    """
    rooms = (size + 1) // 2
    candidates = np.empty(rooms * rooms, np.int64)
    for i in range(rooms * rooms):
        candidates[i] = (i // rooms * size + i % rooms) * 2
    choices = np.empty(4, np.int64)
    bare = np.empty_like(tokens)
    while True:
        perfect(state, size, 1, bare)
        for cell in candidates:
            bare[cell] = OPEN
        shuffle(state, candidates)
        for cell in candidates:
            ways = 0
            count = 0
            for direction in range(4):
                wall = neighbour(cell, direction, size)
                if wall < 0 or neighbour(wall, direction, size) < 0:
                    continue
                if bare[wall] == WALL:
                    choices[count] = wall
                    count += 1
                else:
                    ways += 1
            if ways < 2:
                bare[choices[below(state, count)]] = OPEN
        for _ in range(size):
            tokens[:] = bare
            moves = place(state, tokens, size, candidates, minimum)
            if moves >= 0 and facts(tokens, size)[1] == 1:
                return moves


@njit(cache=True)
def facts(tokens, size):
    """Return the path length, the number of shortest paths, the Manhattan distance and dead ends.

    The length is -1 without a path. Shortest paths are counted up to 2^31. Dead ends are the cells
    with one exit that can be reached from S, except S and G.
    """
    start, goal, distance, _ = from_start(tokens, size)
    paths = np.zeros(tokens.size, np.int64)
    paths[start] = 1
    dead_ends = 0
    reached = np.flatnonzero(distance >= 0)
    for cell in reached[np.argsort(distance[reached], kind="mergesort")]:
        ways = 0
        for direction in range(4):
            other = neighbour(cell, direction, size)
            if other >= 0 and tokens[other] != WALL:
                ways += 1
                if distance[other] == distance[cell] - 1:
                    paths[cell] = min(paths[cell] + paths[other], 1 << 31)
        if ways == 1 and cell != start and cell != goal:
            dead_ends += 1
    direct = abs(start // size - goal // size) + abs(start % size - goal % size)
    return distance[goal], paths[goal], direct, dead_ends


@njit(cache=True)
def hard(state, size, minimum, tokens):
    """Draw a maze with random walls; return the number of moves of the shortest path.

    Each cell is a wall with a probability drawn from U(0.3, 0.5).
    """
    scale = 1 << 20
    while True:
        level = 0.3 + 0.2 * (below(state, scale) / scale)
        for cell in range(tokens.size):
            tokens[cell] = WALL if below(state, scale) < level * scale else OPEN
        candidates = np.flatnonzero(tokens == OPEN)
        if candidates.size < 2:
            continue
        moves = place(state, tokens, size, candidates, minimum)
        if moves >= 0:
            return moves
