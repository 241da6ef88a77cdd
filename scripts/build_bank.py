"""Build the bundled bank of puzzles from a seed.

The same seed writes the same arrays on every machine. Running it is needed only to change the
bank; the package ships with its output.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.progress import track

from hrm_gym.data import bank
from hrm_gym.puzzles import Puzzle, Task, get_task
from hrm_gym.puzzles.keys import lane

RECIPES: dict[str, tuple[int, list[dict[str, int]]]] = {
    # Puzzles wanted, and the generator's arguments taken in turn.
    "sudoku-4x4": (4_000, [{"clues": n} for n in range(4, 11)]),
    "sudoku-6x6": (8_000, [{"clues": n} for n in range(8, 19)]),
    "sudoku-9x9": (20_000, [{}, {"clues": 28}, {"clues": 32}, {}, {"trials": 4}, {}, {}, {}]),
    "maze-7x7": (6_000, [{}]),
    "maze-9x9": (6_000, [{}]),
    "maze-15x15": (4_000, [{}]),
    "maze-30x30": (2_500, [{}]),
}


@dataclass
class Args:
    """Arguments of the bank builder."""

    out: Path = bank.FOLDER
    """Folder to write to."""
    seed: int = 0
    """Seed of every puzzle."""
    only: str | None = None
    """Build this task alone, such as maze-7x7."""


def draw(task: Task, wanted: int, arguments: list[dict[str, int]], seed: int) -> list[Puzzle]:
    """Generate puzzles until ``wanted`` differ by canonical form."""
    puzzles: dict[str, Puzzle] = {}
    for number in track(range(50 * wanted), description=task.id):
        if len(puzzles) == wanted:
            break
        puzzle: Any = task.generate(lane(seed, number), **arguments[number % len(arguments)])
        puzzles.setdefault(task.digest(puzzle.inputs, puzzle.labels), puzzle)
    return list(puzzles.values())


def main(args: Args) -> None:
    """Build every file of the bank, then its manifest."""
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {"files": {}}
    manifest["seed"] = args.seed
    for task_id, (wanted, arguments) in RECIPES.items():
        if args.only not in (None, task_id):
            continue
        task = get_task(task_id)
        puzzles = draw(task, wanted, arguments, args.seed)
        splits = [task.split_of(puzzle) for puzzle in puzzles]
        arrays = bank.pack(task, puzzles, splits)
        file = args.out / f"{task_id}.npz"
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
        counts = {name: splits.count(name) for name in ("train", "val", "test", "ood")}
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        manifest["files"][task_id] = {"sha256": digest, "puzzles": counts}
        print(f"{task_id}: {counts}, {file.stat().st_size / 1e6:.2f} MB")
    path.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
