"""Write a dataset folder in the format of the public HRM and TRM code.

The folder contains train/ and test/ as arrays, with augmented copies of every training puzzle.
Training with this package needs copies only for tasks with puzzle embeddings, since environments
show puzzles under random symmetries.
"""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any, Union

import tyro

from hrm_gym.families import family_module
from hrm_gym.registration import FAMILIES
from hrm_gym.scripts.building import puzzles
from hrm_gym.scripts.cli import run

PACKAGE = "hrm_gym.scripts.building"


def subcommand(family: str) -> Any:
    """Return the options of a family as a sub-command of its name."""
    options = (family_module(PACKAGE, family) or puzzles).Options
    default = options(out=tyro.MISSING, family=family)
    about = f"Write a dataset of the family {family}."
    return Annotated[options, tyro.conf.subcommand(family, default=default, description=about)]


Args: Any = Union[tuple(subcommand(family) for family in FAMILIES)]  # noqa: UP007


def main(args: Any) -> None:
    """Write the folder and print what it contains.

    Args:
        args: Options of a family, such as ``building.puzzles.Options``.

    Raises:
        ValueError: if a source does not exist, or an argument is out of range.
    """
    for name in ("subsample_size", "test_size", "smallest"):
        value = getattr(args, name, None)
        if value is not None and value < 1:
            raise ValueError(f"{name.replace('_', '-')}: expected at least 1, got {value}")
    if args.num_aug < 0:
        raise ValueError(f"num-aug: expected 0 or more, got {args.num_aug}")
    begun = time.perf_counter()
    written = (family_module(PACKAGE, args.family) or puzzles).write(args)
    counts = ", ".join(f"{count:,} in {split}" for split, count in written.items())
    print(f"{args.out}: {counts}, in {time.perf_counter() - begun:.1f} s")


if __name__ == "__main__":
    sys.exit(run(main, Args))
