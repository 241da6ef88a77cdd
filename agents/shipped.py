"""The pretrained agents and what is known about each. Importing this module loads no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.puzzles import Task, get_task

FOLDER = Path(__file__).parent / "pretrained"


@dataclass(frozen=True)
class Pretrained:
    """A trained agent that ships with the package.

    Attributes:
        name: Name for ``from_pretrained`` and ``--agent``.
        task: Id of its task.
        parameters: Number of trained parameters.
        size: Bytes of its weights.
        max_segments: Largest number of segments.
        mixer: Mixer of its model; with ``relations`` it answers every size of its family.
        exact_accuracy: Share of held-out puzzles whose answer equals the label; ``None`` if it was
            not measured.
        solve_rate: Share of held-out puzzles whose answer the rules accept; ``None`` if it was not
            measured.
        puzzles: Number of held-out puzzles; 0 if nothing was measured.
        command: The command that trained the agent; empty if it was not recorded.
    """

    name: str
    task: str
    parameters: int
    size: int
    max_segments: int
    mixer: str = "attention"
    exact_accuracy: float | None = None
    solve_rate: float | None = None
    puzzles: int = 0
    command: str = ""


def pretrained() -> dict[str, Pretrained]:
    """Return the pretrained agents by name.

    The last four fields come from ``command``, ``exact_accuracy``, ``solve_rate`` and
    ``test_puzzles`` in the agent's ``config.json``, which ``scripts/train.py`` writes.
    """
    found = []
    for path in sorted(FOLDER.glob("*/config.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            Pretrained(
                path.parent.name,
                about["task"],
                int(about["parameters"]),
                (path.parent / "model.safetensors").stat().st_size,
                int(about["max_segments"]),
                str(about["model"]["mixer"]),
                about.get("exact_accuracy"),
                about.get("solve_rate"),
                int(about.get("test_puzzles", 0)),
                str(about.get("command", "")),
            )
        )
    return {agent.name: agent for agent in found}


def pretrained_for(task: Task) -> str | None:
    """Return the name of the pretrained agent of a task, or ``None`` if no agent answers it.

    An agent of the same task comes first, then one of the family whose weights serve every size.
    """
    agents = pretrained().values()
    own = [agent.name for agent in agents if agent.task == task.id]
    others = [
        agent.name
        for agent in agents
        if agent.mixer == "relations" and get_task(agent.task).family == task.family
    ]
    return next(iter(own + others), None)
