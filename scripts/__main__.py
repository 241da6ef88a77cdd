"""``hrm-gym NAME ...``: run a script by its name, dashes for underscores."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hrm_gym.scripts.cli import USAGE_ERROR, output, run

NO_COMMAND = ("__main__", "cli")
"""Modules in this folder that are no scripts."""


def names() -> list[str]:
    """Return the names of the scripts: the modules of this folder that define ``Args``."""
    folder = Path(__file__).parent
    found = []
    for module in pkgutil.iter_modules([str(folder)]):
        # The file is read and not imported, because some scripts load torch, which takes seconds.
        path = folder / f"{module.name}.py"
        if module.name in NO_COMMAND or not path.is_file():
            continue
        if re.search(r"^(class )?Args\b", path.read_text(), re.MULTILINE):
            found.append(module.name.replace("_", "-"))
    return sorted(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script that the first word names and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        with output():
            print(f"usage: hrm-gym NAME ...\n\nNAME is one of: {', '.join(names())}")
            print("hrm-gym NAME --help describes the arguments.")
        return 0 if words else USAGE_ERROR
    name, *rest = words
    if name not in names():
        print(f"error: expected one of {', '.join(names())}, got {name!r}", file=sys.stderr)
        return USAGE_ERROR
    module = importlib.import_module(f"hrm_gym.scripts.{name.replace('-', '_')}")
    return run(module.main, module.Args, rest, prog=f"hrm-gym {name}")


if __name__ == "__main__":
    sys.exit(main())
