"""Puzzles as Gymnasium environments, and an agent that reasons in segments.

usage: hrm-gym COMMAND [ARGUMENTS]

Examples:
  hrm-gym solve sudoku ".1.....2...343.."                    answer a puzzle
  hrm-gym watch --agents maze --record maze.gif               record an agent in a maze
  hrm-gym train --preset maze-7x7 --seconds 90 --threads 2    train an agent on a CPU
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hrm_gym import __version__
from hrm_gym.scripts.cli import USAGE_ERROR, output, run
from hrm_gym.scripts.commands import load, names, summary


def help_text() -> str:
    """Return the usage, three examples and the commands with a line each."""
    commands = names()
    width = max(map(len, commands))
    lines = [f"  {name:{width}}  {summary(name)}" for name in commands]
    return (
        f"{__doc__}\nCommands:\n" + "\n".join(lines) + "\n\n"
        "hrm-gym COMMAND --help describes the arguments of a command, and hrm-gym --version prints "
        "the version."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "--version"):
        with output():
            print(f"hrm-gym {__version__}" if "--version" in words[:1] else help_text())
        return 0
    name, *rest = words
    if name not in names():
        print(f"error: expected one of {', '.join(names())}, got {name!r}", file=sys.stderr)
        return USAGE_ERROR
    module = load(name)
    return run(module.main, module.Args, rest, prog=f"hrm-gym {name}")


if __name__ == "__main__":
    sys.exit(main())
