"""List the environments, the presets for training, and the pretrained agents with their results."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from rich.table import Table

    from hrm_gym.agents.shipped import Pretrained


@dataclass
class Args:
    """Arguments of the list."""

    what: Annotated[Literal["all", "environments", "presets", "agents"], tyro.conf.Positional] = (
        "all"
    )
    """What is listed."""


def main(args: Args) -> None:
    """Print the tables."""
    from rich.console import Console

    tables = {"environments": environments, "presets": presets, "agents": agents}
    # A table that is piped into another program keeps its whole rows.
    console = Console(width=None if sys.stdout.isatty() else 200)
    for name, table in tables.items():
        if args.what in ("all", name):
            console.print(table())


def environments() -> Table:
    """Return the table of all environments."""
    from hrm_gym.registration import TABLE

    headings = ("id", "task", "native vector", "an HRM is trained on")
    table = text_table("Environments: gymnasium.make(ID)", *headings)
    for row in TABLE:
        vector = "yes" if row.vector else "no"
        table.add_row(row.id, row.task or "", vector, row.answer_id or "")
    return table


def presets() -> Table:
    """Return the table of the presets and the pretrained agents that they trained."""
    from hrm_gym.agents.hrm.presets import PRESETS
    from hrm_gym.agents.shipped import pretrained

    table = text_table(
        "Presets: hrm-gym train --preset NAME",
        *("name", "environment", "steps", "batch", "segments", "optimizer", "pretrained agent"),
    )
    trained: dict[str, list[str]] = {}
    for agent in pretrained().values():
        for name in re.findall(r"--preset (\S+)", agent.command):
            trained.setdefault(name, []).append(agent.name)
    for name, config in PRESETS.items():
        batch = "/".join(str(part.batch_size) for part in config.sources) or str(config.batch_size)
        table.add_row(
            *(name, config.env, f"{config.steps:,}", batch, str(config.max_segments)),
            *(config.optimizer, ", ".join(trained.get(name, []))),
        )
    return table


def agents() -> Table:
    """Return the table of the pretrained agents and their results on held-out puzzles."""
    from hrm_gym.agents.shipped import pretrained

    table = text_table(
        "Pretrained agents: hrm-gym watch --agents NAME",
        *("name", "task", "parameters", "weights", "sizes", "solved", "answer equals the label"),
    )
    for agent in pretrained().values():
        table.add_row(
            *(agent.name, agent.task, f"{agent.parameters:,}", f"{agent.size / 1e6:.2f} MB"),
            "every size" if agent.mixer == "relations" else "this size",
            share(agent.solve_rate, agent),
            share(agent.exact_accuracy, agent),
        )
    return table


def share(value: float | None, agent: Pretrained) -> str:
    """Return a share of an agent's held-out puzzles with its 95% Wilson interval."""
    from hrm_gym.evaluation import wilson_interval

    if value is None or not agent.puzzles:
        return "not measured"
    low, high = wilson_interval(round(value * agent.puzzles), agent.puzzles)
    return f"{value:.1%} of {agent.puzzles} ({low:.1%} to {high:.1%})"


def text_table(title: str, *headings: str) -> Table:
    """Return an empty table of words for the terminal."""
    from hrm_gym.scripts.reporting.tables import number_table

    table = number_table(title)
    for heading in headings:
        table.add_column(heading)
    return table


if __name__ == "__main__":
    sys.exit(run(main, Args))
