"""Print a script that completes the commands and arguments of hrm-gym in a shell.

Load it once per session:

    source <(hrm-gym completion bash)     # bash
    source <(hrm-gym completion zsh)      # zsh, after compinit
    hrm-gym completion tcsh > hrm-gym.tcsh; source hrm-gym.tcsh
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import tyro

from hrm_gym.scripts.cli import run
from hrm_gym.scripts.commands import load, names, summary

PROGRAM = "hrm-gym"


@dataclass
class Args:
    """Arguments of the completion."""

    shell: Annotated[Literal["bash", "zsh", "tcsh"], tyro.conf.Positional]
    """The shell that reads the script."""


def main(args: Args) -> None:
    """Let tyro write the script for all commands; it prints it and exits."""
    tyro.cli(all_arguments(), prog=PROGRAM, args=["--tyro-print-completion", args.shell])


def all_arguments() -> Any:
    """Return a union type with the arguments of every command as a subcommand."""
    choices = [
        Annotated[load(name).Args, tyro.conf.subcommand(name, description=summary(name))]
        for name in names()
    ]
    return Union[tuple(choices)]  # noqa: UP007  (the members are known at run time only)


if __name__ == "__main__":
    sys.exit(run(main, Args))
