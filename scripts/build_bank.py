"""Build the bundled bank of puzzles from a seed.

The same seed writes the same bytes on every machine, with any number of processes. This script is
needed only to change the bank, since the package contains its output.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import sys
import zipfile
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from hrm_gym.data import bank
from hrm_gym.files import write_bytes, write_text
from hrm_gym.puzzles import Puzzle, Task, get_task
from hrm_gym.puzzles.keys import MASK, lane
from hrm_gym.puzzles.maze import Maze
from hrm_gym.puzzles.sudoku import OOD_RATING
from hrm_gym.scripts.cli import run

RECIPES: dict[str, tuple[int, list[dict[str, int]]]] = {
    # Number of puzzles, and the arguments of the generator, which are used in turn.
    "sudoku-4x4": (4_000, [{"clues": n} for n in range(4, 11)]),
    "sudoku-6x6": (8_000, [{"clues": n} for n in range(8, 19)]),
    "sudoku-9x9": (18_000, [{}, {"clues": 28}, {"clues": 32}, {}, {"trials": 6}, {}]),
    "sudoku-16x16": (
        1_000,
        [{"clues": 150}, {"clues": 130}, {"clues": 115}, {"clues": 100}, {}, {"guesses": 20}],
    ),
    "maze-7x7": (6_000, [{}]),
    "maze-9x9": (6_000, [{}]),
    "maze-15x15": (4_000, [{}]),
    "maze-30x30": (2_500, [{}]),
}

HARD = {"sudoku-9x9": 2_200}
"""Number of additional hard puzzles, found by walks among the hard puzzles of a grid."""
FAMILY = {
    "maze-7x7": ("braided", 400),
    "maze-9x9": ("braided", 400),
    "maze-15x15": ("braided", 200),
    "maze-30x30": ("perfect", 200),
}
"""Kind and number of additional mazes of another kind, for ``ood``."""
ROUND = 16
"""Number of chunks of work in a round."""
WALK = {"trials": 1_500, "floor": 10, "count": 150}


@dataclass
class Args:
    """Arguments of the bank builder."""

    out: Path = bank.FOLDER
    """Folder to write to."""
    seed: int = 0
    """Seed of every puzzle."""
    only: str | None = None
    """Build only this task, such as maze-7x7."""
    processes: int = 2
    """Number of processes; the result does not depend on it."""


def made(task_id: str, arguments: list[dict[str, int]], seed: int, number: int) -> list[Any]:
    """Return the number-th puzzle of a recipe, with its digest and split."""
    task: Any = get_task(task_id)
    return judged(task, [task.generate(lane(seed, number), **arguments[number % len(arguments)])])


def walked(task_id: str, seed: int, number: int) -> list[Any]:
    """Return the puzzles of the number-th walk, with their digests and splits."""
    task: Any = get_task(task_id)
    # These keys differ from those of the recipes.
    return judged(task, task.walk(lane(lane(seed, 1 << 32), number), **WALK))


def of_family(task_id: str, seed: int, number: int) -> list[Any]:
    """Return the number-th maze of the other kind.

    It is left out if models of that kind train on it, or its path is shorter than those of the
    bank.
    """
    task: Any = get_task(task_id)
    own, other = (Maze(task.size, kind) for kind in (None, FAMILY[task_id][0]))
    puzzle = other.generate(lane(lane(seed, 2 << 32), number))
    if other.split_of(puzzle) in ("train", "val") or puzzle.rating < own.minimum:
        return []
    return judged(own, [puzzle])


def judged(task: Task, puzzles: list[Puzzle]) -> list[tuple[Puzzle, str, str]]:
    """Return puzzles with their digests and splits.

    A Sudoku is left out if its rating and that of its canonical form are on different sides of the
    bound of ``ood``, so that ratings and splits agree in the bank.
    """
    rows: list[tuple[Puzzle, str, str]] = [
        (p, task.digest(p.inputs, p.labels), task.split_of(p)) for p in puzzles
    ]
    bound = OOD_RATING.get(getattr(task, "size", 0), np.inf) if task.family == "sudoku" else None
    if bound is None or bound == np.inf:
        return rows
    return [row for row in rows if (row[2] == "ood") == (row[0].rating >= bound)]


def draw(task: Task, seed: int, pool: Any = None) -> tuple[list[Puzzle], list[str]]:
    """Return puzzles of a task, all different up to symmetry, and their splits.

    Work is numbered and distributed to the processes of ``pool`` if there is one. Results are
    used in the order of the numbers, so that they do not depend on the machine.
    """
    wanted, arguments = RECIPES[task.id]
    steps: list[tuple[int, Any, int]] = [(wanted, partial(made, task.id, arguments, seed), 64)]
    family = {name: count for name, (_, count) in FAMILY.items()}
    for extra, more in ((walked, HARD), (of_family, family)):
        if task.id in more:
            wanted += more[task.id]
            steps.append((wanted, partial(extra, task.id, seed), 1))
    puzzles: dict[str, tuple[Puzzle, str]] = {}
    for total, step, chunk in steps:
        # With rounds, few puzzles are generated in excess.
        for start in range(0, 50 * total, ROUND * chunk):
            if len(puzzles) >= total:
                break
            numbers = range(start, start + ROUND * chunk)
            rows = pool.imap(step, numbers, chunk) if pool else map(step, numbers)
            shown = f"{task.id} {len(puzzles)}/{total}"
            bar = Console(stderr=True)
            # Without a terminal, the line of the finished task is enough.
            quiet = not bar.is_terminal
            for found in track(rows, shown, len(numbers), console=bar, disable=quiet):
                for puzzle, digest, split in found:
                    puzzles.setdefault(digest, (puzzle, split))
        puzzles = dict(islice(puzzles.items(), total))
    return [p for p, _ in puzzles.values()], [split for _, split in puzzles.values()]


def packed(arrays: dict[str, Any]) -> bytes:
    """Return an ``.npz`` whose bytes depend only on the arrays.

    bzip2 has one implementation, unlike deflate; times and the writing system are fixed.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_BZIP2) as file:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type, entry.create_system = zipfile.ZIP_BZIP2, 3
            with file.open(entry, "w") as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    return content.getvalue()


def known(path: Path, seed: int) -> dict[str, Any]:
    """Return the files in the manifest at ``path``; empty if there is no manifest.

    Raises:
        ValueError: if the manifest is damaged or has another seed, since a bank has one seed.
    """
    if not path.exists():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files, built = dict(manifest["files"]), manifest["seed"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"out: {path} is damaged; expected a bank or a new folder") from None
    if built != seed:
        raise ValueError(f"seed: the bank of {path.parent} is of seed {built}; expected it again")
    return files


def main(args: Args) -> None:
    """Build every file of the bank, then its manifest.

    Raises:
        ValueError: if ``only`` is not a task of the bank, the seed has more than 64 bits, or
            ``only`` would add to a bank of another seed.
    """
    if args.only not in (None, *RECIPES):
        raise ValueError(f"only: expected one of {', '.join(RECIPES)}, got {args.only!r}")
    if args.seed > MASK:
        raise ValueError(f"seed: expected at most 2^64 - 1, got {args.seed}")
    path = args.out / "manifest.json"
    files = {} if args.only is None else known(path, args.seed)
    contents: dict[str, bytes] = {}
    for task_id in RECIPES:
        if args.only not in (None, task_id):
            continue
        task = get_task(task_id)
        if args.processes > 1:
            with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
                puzzles, splits = draw(task, args.seed, pool)
        else:
            puzzles, splits = draw(task, args.seed)
        content = contents[task_id] = packed(bank.pack(task, puzzles, splits))
        counts = {name: splits.count(name) for name in ("train", "val", "test", "ood")}
        digest = hashlib.sha256(content).hexdigest()
        files[task_id] = {"sha256": digest, "puzzles": counts}
        print(f"{task_id}: {counts}, {len(content) / 1e6:.2f} MB")
    # All files are written at the end, so that an interrupted build keeps the old bank.
    for task_id, content in contents.items():
        write_bytes(args.out / f"{task_id}.npz", content)
    write_text(path, json.dumps({"files": files, "seed": args.seed}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(run(main, Args))
