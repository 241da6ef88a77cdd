"""The comparison of policy networks in reinforcement learning: its cells and its report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from hrm_gym.scripts.reporting.tables import markdown_table

from .cell import Cell
from .rows import Row, RowResult, report_head
from .suites import read_suite

HEADINGS = ("policy", "parameters", "environment steps", "puzzles seen", "solved (95%)", "seeds")


@dataclass(frozen=True)
class PolicyCell(Cell):
    """One entry of ``suites/policies.yaml``, trained from one seed.

    Attributes:
        entry: Name of the entry.
        env: The environment.
        settings: The environment whose hyperparameters of ppo are used.
        seed: Seed of the training.
        episodes: Number of held-out puzzles.
        kwargs: Keyword arguments of the environment.
        algorithm: The algorithm; ``None`` acts at random.
        policy: Name of the network.
        network: Arguments of the network that are not its defaults.
    """

    entry: str
    env: str
    settings: str
    seed: int
    episodes: int
    kwargs: dict[str, Any] = field(default_factory=dict, hash=False)
    algorithm: str | None = None
    policy: str = ""
    network: dict[str, Any] = field(default_factory=dict, hash=False)

    result_type: ClassVar = RowResult

    @property
    def name(self) -> str:
        """Entry and seed."""
        return f"{self.entry}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of the cell's files."""
        return out / self.entry / f"seed{self.seed}"

    def hyperparameters(self) -> Any:
        """Return the hyperparameters of ppo for ``settings``, with the network's arguments."""
        from hrm_gym.agents.baselines.hyperparameters import hyperparameters

        found = hyperparameters("ppo", self.settings, self.policy)
        kwargs = dict(found.policy_kwargs)
        if self.network:
            kwargs["features_extractor_kwargs"] = self.network
        return dataclasses.replace(found, policy_kwargs=kwargs)

    def run(self, folder: Path) -> RowResult:
        """Train the policy and test it."""
        from hrm_gym.agents.base import TrainResult
        from hrm_gym.agents.baselines import train_rl
        from hrm_gym.agents.simple import RandomAgent
        from hrm_gym.evaluation import evaluate, make_env

        if self.algorithm is None:
            space = make_env(self.env, **self.kwargs).action_space
            result: Any = TrainResult(RandomAgent(space, self.seed), 0, 0.0, 0)
        else:
            result = train_rl(
                self.algorithm,
                self.env,
                self.seed,
                seconds=self.seconds,
                env_kwargs=self.kwargs,
                settings=self.hyperparameters(),
            )
        tested = evaluate(result.agent, self.env, self.episodes, **self.kwargs)
        row = {
            "name": self.name,
            "value": tested.solve_rate,
            "unit": "share",
            "entry": self.entry,
            "seed": self.seed,
            "solved": sum(episode.success for episode in tested.episodes),
            "episodes": len(tested.episodes),
            "optimal": tested.optimal_rate,
            "parameters": result.agent.parameters,
            "env_steps": result.env_steps,
            "puzzles": result.puzzles,
            "seconds": result.seconds,
        }
        return RowResult(self, row=row)


def entries() -> dict[str, dict[str, Any]]:
    """Return the fields of a cell that each entry of the suite sets, by name of the entry."""
    found = {}
    for group in read_suite("policies"):
        shared = {name: group[name] for name in ("env", "settings", "kwargs") if name in group}
        for name, own in group["entries"].items():
            found[name] = {**shared, **own}
    return found


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return the Markdown table of one environment.

    Args:
        rows: Rows of the result file.
        names: Entries of the table; those without a row are left out.
    """
    from hrm_gym.evaluation import wilson_interval

    lines = []
    for name in names:
        own = [row for row in rows if row["entry"] == name]
        if not own:
            continue
        solved, tried = sum(r["solved"] for r in own), sum(r["episodes"] for r in own)
        low, high = wilson_interval(solved, tried)
        steps, puzzles = (sum(r[k] for r in own) // len(own) for k in ("env_steps", "puzzles"))
        rate = f"{solved / tried:.1%} ({100 * low:.1f} to {100 * high:.1f})"
        seeds = ", ".join(f"{100 * row['value']:.1f}" for row in own)
        counts = (f"{count:,}" for count in (own[0]["parameters"], steps, puzzles))
        lines.append([name, *counts, rate, seeds])
    return markdown_table(HEADINGS, lines)


def report(
    rows: Sequence[Row],
    machine: dict[str, Any],
    chosen: Sequence[str],
    budget: dict[str, Any],
    command: str,
) -> str:
    """Return the report in Markdown.

    Args:
        rows: Rows of the result file.
        machine: Description of the machine.
        chosen: Entries of this run; environments without one are left out.
        budget: ``seconds`` and ``episodes`` of every cell.
        command: The command that makes the report.
    """
    groups = read_suite("policies")
    method = (
        f"Every run trains for {budget['seconds']:g} s on 1,000 training puzzles and is tested on "
        f"{budget['episodes']} held-out puzzles. Every policy of a step environment has the "
        f"hyperparameters of ppo on {groups[0]['settings']}, which relations has of its own. The "
        "interval is Wilson's, over the puzzles of all seeds; it does not include the differences "
        "between seeds. The reward is 1 on success; only that of relations is also shaped, by the "
        "wrapper DenseReward."
    )
    parts = [
        *report_head("Networks of one policy", command, machine, method),
        "*transformer* has the blocks and the parameters of the HRM. *hrm* computes one or two "
        "segments in every step; the last carries gradient. *relations* is the relational HRM with "
        "one segment; *marked* shows it the cell of the walker, and *masked actions* is "
        "MaskablePPO. Parameters are those of the whole policy, with its layers for action and "
        "value.",
        "Where doors open and close, *reset* starts every step from the initial latent state and "
        "*carried* from that of the previous step, both under RecurrentPPO: z_H and z_L take the "
        "place of an LSTM's states, and gradients stop at the carry.",
    ]
    for group in groups:
        if set(group["entries"]) & set(chosen):
            parts += [f"## {group['title']}", table(rows, list(group["entries"])).rstrip()]
    return "\n\n".join(parts) + "\n"
