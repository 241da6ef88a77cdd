"""Scenes as text for a terminal: box drawing characters, and colours where they are wanted.

Every cell takes the same number of columns, so the text stays aligned, in colour or not.
"""

from __future__ import annotations

import numpy as np

from .palette import ARC_COLOURS
from .scenes import GOAL, START, WALL, ARCScene, HaltScene, MazeScene, Scene, SudokuScene

BOLD, DIM, RED, GREEN, YELLOW, BLUE = "1", "2", "31", "32", "33", "34"
REVERSE, UNDERLINE = "7", "4"

# The line through a cell, by the sides it leaves on: up 1, right 2, down 4, left 8.
_BENDS = " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"


class _Pen:
    """Wraps text in ANSI colour codes, or leaves it alone."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    @staticmethod
    def tidied(line: str) -> str:
        """Drop codes that switch off what the next one switches on again at once."""
        parts = line.split("\x1b[0m")
        for i in range(len(parts) - 1, 0, -1):
            before, after = parts[i - 1], parts[i]
            start = before.rfind("\x1b[")
            code = before[start : before.find("m", start) + 1]
            if start >= 0 and after.startswith(code):
                parts[i - 1 : i + 1] = [before + after[len(code) :]]
        return "\x1b[0m".join(parts)

    def __call__(self, text: str, *codes: str) -> str:
        if not self.colour or not codes:
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m"


def _sudoku(scene: SudokuScene, pen: _Pen) -> list[str]:
    side, (rows, columns) = scene.side, scene.box
    digits = len(str(side))
    bar = "─" * (columns * (digits + 1) + 1)
    lines = []
    for row in range(side):
        if row % rows == 0:
            left, middle, right = "┌┬┐" if row == 0 else "├┼┤"
            lines.append(left + middle.join([bar] * (side // columns)) + right)
        line = "│ "
        for column in range(side):
            index = row * side + column
            token = int(scene.tokens[index])
            wrong = scene.wrong is not None and scene.wrong[index]
            conflict = scene.conflicts is not None and scene.conflicts[index]
            codes = [BOLD] if scene.given[index] else [RED if wrong or conflict else BLUE]
            codes += [UNDERLINE] if index == scene.last else []
            codes += [REVERSE, RED] if conflict else []
            text = f"{token - 1 if token > 1 else '.':>{digits}}"
            line += pen(text, *codes) if token > 1 or index == scene.last else pen(text, DIM)
            line += " │ " if column % columns == columns - 1 else " "
        lines.append(line.rstrip())
    lines.append("└" + "┴".join([bar] * (side // columns)) + "┘")
    return lines


def _walk_sides(walked: np.ndarray, side: int) -> dict[int, int]:
    """Return, for each cell of a walk, the sides it leaves on, added up as in `_BENDS`."""
    sides: dict[int, int] = {}
    bits = {-side: (1, 4), 1: (2, 8), side: (4, 1), -1: (8, 2)}
    for here, there in zip(walked[:-1].tolist(), walked[1:].tolist(), strict=True):
        if here != there:
            leave, enter = bits[there - here]
            sides[here] = sides.get(here, 0) | leave
            sides[there] = sides.get(there, 0) | enter
    return sides


def _maze_cell(scene: MazeScene, index: int, sides: dict[int, int], pen: _Pen) -> str:
    """Return the two columns of one cell; what matters most comes first."""
    token, walk = int(scene.tokens[index]), sides.get(index, 0)
    tail = pen("━", BLUE) if walk & 2 else " "
    if index == scene.position:
        return pen("@", BOLD, BLUE) + tail
    if token in (START, GOAL):
        return pen("S" if token == START else "G", BOLD, GREEN if token == START else RED) + tail
    on_path = scene.shortest is not None and bool(scene.shortest[index])
    if scene.answer is not None:
        if scene.answer[index]:
            if scene.shortest is None:
                return pen("o ", BLUE)
            return pen("o ", GREEN) if on_path else pen("x ", BOLD, RED)
        if on_path:
            return pen("- ", YELLOW)
    if walk:
        return pen(_BENDS[walk], BLUE) + tail
    if token == WALL:
        return pen("██", DIM)
    if scene.doors is not None and scene.doors[index]:
        return pen("▒▒", YELLOW)
    return pen("· ", YELLOW) if on_path else "  "


def _maze(scene: MazeScene, pen: _Pen) -> list[str]:
    side, sides = scene.side, _walk_sides(np.asarray(scene.walked), scene.side)
    bar = "──" * side
    rows = [
        "".join(_maze_cell(scene, row * side + column, sides, pen) for column in range(side))
        for row in range(side)
    ]
    return [f"┌{bar}┐", *(f"│{row}│" for row in rows), f"└{bar}┘"]


def _swatch(colour: int, pen: _Pen) -> str:
    """Return one ARC cell: its number in a faint shade of the colour it lies on."""
    rgb = ARC_COLOURS[colour].astype(int)
    ink = rgb + ((255 if rgb @ (299, 587, 114) < 128_000 else 0) - rgb) * 2 // 5
    back, front = (";".join(str(part) for part in triple.tolist()) for triple in (rgb, ink))
    return pen(f"{colour} ", f"48;2;{back}", f"38;2;{front}")


def _pair(before: np.ndarray, after: np.ndarray | None, pen: _Pen) -> list[str]:
    """Return two grids side by side, the shorter in the middle of the taller one's height."""
    swatches = [_swatch(colour, pen) for colour in range(10)]
    grids = [before] if after is None else [before, after]
    height = max(len(grid) for grid in grids)
    blocks = []
    for grid in grids:
        above = (height - len(grid)) // 2
        empty = "  " * grid.shape[1]
        lines = ["".join(swatches[colour] for colour in row) for row in grid.tolist()]
        blocks.append([empty] * above + lines + [empty] * (height - len(grid) - above))
    links = ["   →   " if line == (height - 1) // 2 else "       " for line in range(height)]
    right = blocks[1] if after is not None else ["?" if "→" in link else "" for link in links]
    return [a + link + b for a, link, b in zip(blocks[0], links, right, strict=True)]


def _arc(scene: ARCScene, pen: _Pen) -> list[str]:
    lines: list[str] = []
    for number, (before, after) in enumerate(scene.demos, start=1):
        lines += [pen(f"demonstration {number}", BOLD), *_pair(before, after, pen), ""]
    title = pen("test", BOLD)
    if scene.attempts_left is not None:
        title += f", {scene.attempts_left} attempt{'s' * (scene.attempts_left != 1)} left"
    return [*lines, title, *_pair(scene.test_input, scene.canvas, pen)]


def _halt(scene: HaltScene, pen: _Pen) -> list[str]:
    """Return a table, a column a segment; what is not taken yet is faint."""
    rows = {
        "segment": [str(number) for number in range(1, scene.segments + 1)],
        "q_halt": [f"{value:.2f}" for value in scene.q_halt],
        "q_continue": [f"{value:.2f}" for value in scene.q_continue],
        "answer": ["right" if right else "wrong" for right in scene.exact],
        "": ["^" if number == scene.segment else "" for number in range(1, scene.segments + 1)],
    }
    lines = []
    for name, cells in rows.items():
        line = f"{name:10}"
        for number, cell in enumerate(cells, start=1):
            codes = [GREEN if cell == "right" else RED] if name == "answer" else []
            codes = [BOLD, BLUE] if name == "" else [DIM] if number > scene.segment else codes
            line += pen(f"{cell:>7}", *codes)
        lines.append(line.rstrip())
    if scene.halted:
        lines[-1] += " halted"
    return lines


def ansi(scene: Scene, colour: bool = True) -> str:
    """Return a scene as lines of text.

    Args:
        scene: what to show.
        colour: whether to use ANSI colour codes (24-bit ones for ARC).

    Returns:
        Lines parted by newlines, the caption last; no newline at the end. In mazes `@` is the
        walker, `·` the shortest path, and of an answer `o` is right, `-` missed, `x` extra.

    Raises:
        TypeError: this is no scene.
    """
    pen = _Pen(colour)
    if isinstance(scene, SudokuScene):
        lines = _sudoku(scene, pen)
    elif isinstance(scene, MazeScene):
        lines = _maze(scene, pen)
    elif isinstance(scene, ARCScene):
        lines = _arc(scene, pen)
    elif isinstance(scene, HaltScene):
        lines = _halt(scene, pen)
    else:
        raise TypeError(f"ansi wants a scene, not {type(scene).__name__}")
    if scene.caption:
        lines.append(scene.caption)
    return "\n".join(pen.tidied(line) for line in lines)
