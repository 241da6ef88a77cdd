"""Numba kernels of the Sudoku task: search, generation, canonical form, symmetries.

A grid is a flat int8 array of n*n values, 0 = blank. ``units`` (3n, n) lists the cells of every
row, column and box; ``peers`` (n*n, k) the cells that see a cell. Candidates are bit masks, bit d
for digit d + 1.
"""

import numpy as np
from numba import njit

from .random_kernels import argsort_lanes, below, lane, shuffle


@njit(cache=True, inline="always")
def lowest(mask):
    """Return the index of the lowest set bit."""
    digit = 0
    while not (mask >> digit) & 1:
        digit += 1
    return digit


@njit(cache=True, inline="always")
def popcount(mask):
    """Return the number of set bits."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@njit(cache=True)
def assign(candidates, peers, cell, bit, stack):
    """Fix ``cell`` to ``bit`` and follow every single this leaves; False on a contradiction."""
    candidates[cell] = bit
    stack[0] = cell
    top = 1
    while top > 0:
        top -= 1
        source = stack[top]
        value = candidates[source]
        for k in range(peers.shape[1]):
            peer = peers[source, k]
            mask = candidates[peer]
            if mask & value:
                mask &= ~value
                if mask == 0:
                    return False
                candidates[peer] = mask
                if mask & (mask - 1) == 0:
                    stack[top] = peer
                    top += 1
    return True


@njit(cache=True)
def locked(candidates, units, lines, n):
    """Remove locked candidates (box against line); return 1 if any went, 0 if none, -1 if broken.

    ``lines`` (k, 3, *) pairs a box with a row or column: their shared cells, then the rest of the
    box, then the rest of the line.
    """
    changed = 0
    shared, box_rest, line_rest = lines
    for pair in range(shared.shape[0]):
        here = 0
        for k in range(shared.shape[1]):
            here |= candidates[shared[pair, k]]
        box = 0
        for k in range(box_rest.shape[1]):
            box |= candidates[box_rest[pair, k]]
        line = 0
        for k in range(line_rest.shape[1]):
            line |= candidates[line_rest[pair, k]]
        # A digit of the shared cells that one side lacks cannot stand on the other side.
        from_line = here & ~box & line
        from_box = here & ~line & box
        if from_line:
            for k in range(line_rest.shape[1]):
                cell = line_rest[pair, k]
                if candidates[cell] & from_line:
                    candidates[cell] &= ~from_line
                    changed = 1
                    if candidates[cell] == 0:
                        return -1
        if from_box:
            for k in range(box_rest.shape[1]):
                cell = box_rest[pair, k]
                if candidates[cell] & from_box:
                    candidates[cell] &= ~from_box
                    changed = 1
                    if candidates[cell] == 0:
                        return -1
    return changed


@njit(cache=True)
def propagate(candidates, done, units, peers, lines, stack, n):
    """Apply singles, hidden singles and locked candidates to the end; False if contradictory."""
    full = (1 << n) - 1
    while True:
        changed = False
        for cell in range(n * n):
            mask = candidates[cell]
            if mask & (mask - 1) == 0 and not done[cell]:
                if mask == 0 or not assign(candidates, peers, cell, mask, stack):
                    return False
                done[cell] = True
        for unit in range(units.shape[0]):
            once = 0
            twice = 0
            for k in range(n):
                mask = candidates[units[unit, k]]
                twice |= once & mask
                once |= mask
            if once != full:
                return False
            once &= ~twice
            if once:
                for k in range(n):
                    cell = units[unit, k]
                    bit = candidates[cell] & once
                    if bit and bit != candidates[cell]:
                        if bit & (bit - 1):
                            return False  # two digits have this one cell
                        if not assign(candidates, peers, cell, bit, stack):
                            return False
                        done[cell] = True
                        changed = True
        if changed:
            continue
        moved = locked(candidates, units, lines, n)
        if moved < 0:
            return False
        if moved == 0:
            return True


@njit(cache=True)
def choose(candidates, peers, n):
    """Return the cell to guess next, -1 if all are fixed.

    Of the cells with fewest candidates, the one whose open peers are most affected: a peer with
    two candidates that shares one counts 1, with three 1/4, and so on.
    """
    best = -1
    fewest = n + 1
    highest = -1.0
    for cell in range(n * n):
        mask = candidates[cell]
        if mask & (mask - 1):
            count = popcount(mask)
            if count <= fewest:
                score = 0.0
                for k in range(peers.shape[1]):
                    peer = candidates[peers[cell, k]]
                    if peer & mask and peer & (peer - 1):
                        score += 1.0 / (popcount(peer) - 1) ** 2
                if count < fewest or score > highest:
                    fewest = count
                    highest = score
                    best = cell
    return best


@njit(cache=True)
def search(grid, units, peers, lines, limit, solution):
    """Count solutions of ``grid`` up to ``limit``; keep the first in ``solution``.

    Returns (solutions, guesses). With limit 2 on a puzzle with one solution the whole tree is
    searched, so that the guesses do not depend on which digit happens to be tried first.
    """
    cells = grid.size
    n = units.shape[1]
    full = (1 << n) - 1
    trail = np.empty((cells + 1, cells), np.int32)
    flags = np.zeros((cells + 1, cells), np.bool_)
    todo = np.zeros(cells + 1, np.int32)  # untried digits of the guess at a depth
    where = np.zeros(cells + 1, np.int32)
    stack = np.empty(cells * n, np.int32)
    candidates = trail[0]
    candidates[:] = full
    for cell in range(cells):
        if grid[cell] > 0:
            bit = 1 << (grid[cell] - 1)
            if not candidates[cell] & bit:
                return 0, 0
            if not assign(candidates, peers, cell, bit, stack):
                return 0, 0
    found = 0
    guesses = 0
    depth = 0
    alive = propagate(trail[0], flags[0], units, peers, lines, stack, n)
    while True:
        if alive:
            best = choose(trail[depth], peers, n)
            if best < 0:
                if found == 0:
                    for cell in range(cells):
                        solution[cell] = lowest(trail[depth, cell]) + 1
                found += 1
                if found >= limit:
                    return found, guesses
                alive = False
            else:
                where[depth] = best
                todo[depth] = trail[depth, best]
                depth += 1
        if not alive:
            # Back to the deepest guess with a digit left to try.
            while depth > 0 and todo[depth - 1] == 0:
                depth -= 1
            if depth == 0:
                return found, guesses
        mask = todo[depth - 1]
        bit = mask & -mask
        todo[depth - 1] = mask & ~bit
        if todo[depth - 1]:
            guesses += 1  # a forced last digit is no guess
        trail[depth, :] = trail[depth - 1]
        flags[depth, :] = flags[depth - 1]
        cell = where[depth - 1]
        alive = assign(trail[depth], peers, cell, bit, stack)
        if alive:
            flags[depth, cell] = True
            alive = propagate(trail[depth], flags[depth], units, peers, lines, stack, n)


@njit(cache=True)
def random_grid(state, units, peers, lines, solution):
    """Fill ``solution`` with a random complete grid: a shuffled first row, then random search."""
    n = units.shape[1]
    cells = n * n
    grid = np.zeros(cells, np.int8)
    digits = np.arange(1, n + 1).astype(np.int8)
    while True:
        grid[:] = 0
        shuffle(state, digits)
        grid[:n] = digits
        # Random cells take random candidates; a dead end starts over, which is rare and quick.
        candidates = np.full(cells, (1 << n) - 1, np.int32)
        flags = np.zeros(cells, np.bool_)
        stack = np.empty(cells * n, np.int32)
        alive = True
        for cell in range(n):
            alive = alive and assign(candidates, peers, cell, 1 << (grid[cell] - 1), stack)
        while alive:
            alive = propagate(candidates, flags, units, peers, lines, stack, n)
            if not alive:
                break
            open_cells = 0
            for cell in range(cells):
                if candidates[cell] & (candidates[cell] - 1):
                    open_cells += 1
            if open_cells == 0:
                for cell in range(cells):
                    solution[cell] = lowest(candidates[cell]) + 1
                return
            pick = below(state, open_cells)
            for cell in range(cells):
                mask = candidates[cell]
                if mask & (mask - 1):
                    if pick == 0:
                        skip = below(state, popcount(mask))
                        for _ in range(skip):
                            mask &= mask - 1
                        alive = assign(candidates, peers, cell, mask & -mask, stack)
                        break
                    pick -= 1


@njit(cache=True)
def carve(state, clues, units, peers, lines, grid):
    """Blank cells of a uniquely solvable ``grid`` in random order while it stays unique.

    Stops at ``clues`` clues, or at a puzzle from which nothing more can go. Returns the guesses
    that the search needs for the result, its rating.
    """
    order = np.flatnonzero(grid)
    shuffle(state, order)
    scratch = np.empty(grid.size, np.int8)
    left = order.size
    for cell in order:
        if left <= clues:
            break
        kept = grid[cell]
        grid[cell] = 0
        found, _ = search(grid, units, peers, lines, 2, scratch)
        if found == 1:
            left -= 1
        else:
            grid[cell] = kept
    _, rating = search(grid, units, peers, lines, 2, scratch)
    return rating


@njit(cache=True)
def harden(state, trials, rating, solution, units, peers, lines, grid):
    """Raise the rating of a puzzle by hill climbing; return the new rating.

    A trial takes two clues out, puts random ones back until the solution is unique again, carves
    what is not needed, and is kept if the rating did not fall.
    """
    scratch = np.empty(grid.size, np.int8)
    trial = np.empty_like(grid)
    for _ in range(trials):
        trial[:] = grid
        clues = np.flatnonzero(trial)
        shuffle(state, clues)
        trial[clues[0]] = 0
        trial[clues[1]] = 0
        blanks = np.flatnonzero(trial == 0)
        shuffle(state, blanks)
        for cell in blanks:
            if search(trial, units, peers, lines, 2, scratch)[0] == 1:
                break
            trial[cell] = solution[cell]
        reached = carve(state, 0, units, peers, lines, trial)
        if reached >= rating:
            rating = reached
            grid[:] = trial
    return rating


@njit(cache=True)
def canonical(solution, given, box_rows, box_cols, column_orders, best_grid, best_given):
    """Write the canonical form of a solved puzzle: its least grid, then its least set of givens.

    The group is relabelling, rows within bands, bands, columns within stacks, stacks, and (square
    boxes) transposition. A complete grid's least form has 1..n in the first row, so a top row and
    a column order (``column_orders`` (k, n)) fix the relabelling, and sorting by the first column
    fixes the other rows. Of all transformations that reach the least grid, the least givens win.
    """
    n = box_rows * box_cols
    cells = n * n
    label = np.zeros(n + 1, np.int8)
    grid = np.empty(cells, np.int8)
    mask = np.empty(cells, np.bool_)
    rows = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    source = np.empty(cells, np.int8)
    shown = np.empty(cells, np.bool_)
    best_grid[:] = n + 1
    best_given[:] = True
    bands = n // box_rows
    for flip in range(2 if box_rows == box_cols else 1):
        for r in range(n):
            for c in range(n):
                source[r * n + c] = solution[c * n + r] if flip else solution[r * n + c]
                shown[r * n + c] = given[c * n + r] if flip else given[r * n + c]
        for top in range(n):
            for k in range(column_orders.shape[0]):
                columns = column_orders[k]
                for c in range(n):
                    label[source[top * n + columns[c]]] = c + 1
                # The second row decides most comparisons, so it is tried before any sorting.
                band = top // box_rows
                second = -1
                for r in range(band * box_rows, (band + 1) * box_rows):
                    if r != top and (
                        second < 0
                        or label[source[r * n + columns[0]]]
                        < label[source[second * n + columns[0]]]
                    ):
                        second = r
                verdict = 0
                if second >= 0:
                    for c in range(n):
                        value = label[source[second * n + columns[c]]]
                        if value != best_grid[n + c]:
                            verdict = -1 if value < best_grid[n + c] else 1
                            break
                if verdict > 0:
                    continue
                for r in range(n):
                    first[r] = label[source[r * n + columns[0]]]
                # Rows sorted within each band, then bands by their first row.
                place = 0
                used = 0
                for _ in range(bands):
                    least = -1
                    for r in range(n):
                        if not (used >> (r // box_rows)) & 1 and (
                            least < 0 or first[r] < first[least]
                        ):
                            least = r
                    chosen = least // box_rows
                    used |= 1 << chosen
                    start = place
                    for r in range(chosen * box_rows, (chosen + 1) * box_rows):
                        j = place
                        while j > start and first[rows[j - 1]] > first[r]:
                            rows[j] = rows[j - 1]
                            j -= 1
                        rows[j] = r
                        place += 1
                verdict = 0
                for i in range(cells):
                    cell = rows[i // n] * n + columns[i % n]
                    grid[i] = label[source[cell]]
                    mask[i] = shown[cell]
                    if verdict == 0 and grid[i] != best_grid[i]:
                        verdict = -1 if grid[i] < best_grid[i] else 1
                        if verdict > 0:
                            break
                if verdict == 0:
                    for i in range(cells):
                        if mask[i] != best_given[i]:
                            verdict = -1 if best_given[i] else 1
                            break
                if verdict < 0:
                    best_grid[:] = grid
                    best_given[:] = mask


@njit(cache=True)
def symmetry(key, box_rows, box_cols, positions, tokens):
    """Write the symmetry that ``key`` names: ``new[i] = tokens[old[positions[i]]]``.

    Lanes of the key: 0 transposition, then bands, rows, stacks, columns, digits.
    """
    n = box_rows * box_cols
    rows = np.empty(n, np.int64)
    columns = np.empty(n, np.int64)
    bands = np.empty(box_cols, np.int64)
    stacks = np.empty(box_rows, np.int64)
    inner_rows = np.empty(box_rows, np.int64)
    inner_columns = np.empty(box_cols, np.int64)
    digits = np.empty(n, np.int64)
    first = 1
    argsort_lanes(key, first, bands)
    first += box_cols
    for i in range(box_cols):
        argsort_lanes(key, first + bands[i] * box_rows, inner_rows)
        for j in range(box_rows):
            rows[i * box_rows + j] = bands[i] * box_rows + inner_rows[j]
    first += n
    argsort_lanes(key, first, stacks)
    first += box_rows
    for i in range(box_rows):
        argsort_lanes(key, first + stacks[i] * box_cols, inner_columns)
        for j in range(box_cols):
            columns[i * box_cols + j] = stacks[i] * box_cols + inner_columns[j]
    first += n
    argsort_lanes(key, first, digits)
    flip = box_rows == box_cols and lane(key, 0) & np.uint64(1)
    for r in range(n):
        for c in range(n):
            positions[c * n + r if flip else r * n + c] = rows[r] * n + columns[c]
    tokens[0] = 0
    tokens[1] = 1
    for d in range(n):
        tokens[d + 2] = digits[d] + 2
