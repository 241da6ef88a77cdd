"""Boards that several tests read, and Sudokus as people draw them."""

from __future__ import annotations

NINE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
FOUR = ".1.....2...343.."
SEVERAL = "." * 16
ZEROS = NINE.replace(".", "0")
ROWS = [NINE[k : k + 9] for k in range(0, 81, 9)]
ZEROS_ROWS = [row.replace(".", "0") for row in ROWS]
SPACED = [" | ".join(" ".join(row[k : k + 3]) for k in (0, 3, 6)) for row in ROWS]
RULED = "\n------+-------+------\n".join("\n".join(SPACED[k : k + 3]) for k in (0, 3, 6))
SIMPLE = "\n".join(
    ["*-----------*"]
    + [
        line
        for k in (0, 3, 6)
        for line in [
            *("|" + "|".join(row[j : j + 3] for j in (0, 3, 6)) + "|" for row in ROWS[k : k + 3]),
            "|---+---+---|" if k < 6 else "*-----------*",
        ]
    ]
)


def digits(text: str) -> list[list[int]]:
    """Return the rows of a 9x9 board as digits, 0 for a blank cell."""
    return [[int(cell) for cell in text[k : k + 9].replace(".", "0")] for k in range(0, 81, 9)]
