"""How every script reads its arguments and reports a user's mistake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

ArgsT = TypeVar("ArgsT")

USAGE_ERROR = 2


def run(
    main: Callable[[ArgsT], Any],
    args_type: type[ArgsT],
    argv: Sequence[str] | None = None,
    prog: str | None = None,
) -> int:
    """Read the arguments of a script and run it.

    Args:
        main: The script; an integer it returns is the exit status.
        args_type: Dataclass of its arguments; the docstrings are the help text.
        argv: Words of the command line; ``None`` takes those of the process.
        prog: Name of the program in the help text.

    Returns:
        The exit status: 2 for a ``ValueError``, which prints as one line, not as a traceback.
    """
    module = sys.modules.get(main.__module__)
    description = (module.__doc__ if module else None) or args_type.__doc__
    args = tyro.cli(args_type, prog=prog, description=description, args=argv)
    try:
        status = main(args)
    except ValueError as error:
        sentence = " ".join(str(error).split())
        print(f"error: {sentence}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status if isinstance(status, int) else 0
