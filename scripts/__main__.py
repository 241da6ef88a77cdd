"""``hrm-gym NAME ...``: run a script by its name, dashes for underscores."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

from hrm_gym.scripts.cli import USAGE_ERROR, output, run

NO_COMMAND = ("__main__", "cli")
"""Modules beside the scripts that are none."""


def names() -> list[str]:
    """Return the names of the scripts: modules here that define ``main`` and ``Args``."""
    folder = Path(__file__).parent
    found = []
    for module in pkgutil.iter_modules([str(folder)]):
        # Read, not imported: some scripts load torch, which takes seconds.
        path = folder / f"{module.name}.py"
        if module.name not in NO_COMMAND and path.is_file() and "\nclass Args" in path.read_text():
            found.append(module.name.replace("_", "-"))
    return sorted(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script that the first word names; return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        with output():
            print(f"usage: hrm-gym NAME ...\n\nNAME is one of: {', '.join(names())}")
            print("hrm-gym NAME --help says more.")
        return 0 if words else USAGE_ERROR
    name, *rest = words
    if name not in names():
        print(f"error: expected one of {', '.join(names())}, got {name!r}", file=sys.stderr)
        return USAGE_ERROR
    module = importlib.import_module(f"hrm_gym.scripts.{name.replace('-', '_')}")
    return run(module.main, module.Args, rest, prog=f"hrm-gym {name}")


if __name__ == "__main__":
    sys.exit(main())
