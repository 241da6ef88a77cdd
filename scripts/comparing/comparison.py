"""A comparison: its settings, the cells that they describe, and its presentation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts.experiments.cell import FILE
from hrm_gym.scripts.experiments.grid import Say, run_grid, show

from .cell import AgentCell, AgentResult


@dataclass(frozen=True)
class Comparison:
    """Agents that are trained for the same time and tested on the same puzzles.

    Attributes:
        seconds: Training time by step environment. All agents are tested on these environments;
            those that learn from labels are trained in their Answer environments.
        agents: Names of the catalog, or ``module:Class``.
        seed: The first seed.
        seeds: Number of seeds of every agent.
        puzzles: Number of training puzzles.
        episodes: Number of held-out puzzles of every split.
        preset: Configuration of agents that learn from labels; ``None`` takes the smallest for the
            environment.
        policy: Network of agents that learn from reward; ``None`` takes that of their
            hyperparameters.
        device: Device of the networks.
        threads: Number of torch threads of a cell.
        workers: Number of cells at a time.
        timeout: Seconds that a cell may take in total; ``None`` takes ``Cell.time_limit``.
        rerun: Whether finished cells are run again.
        ray: Address of a Ray cluster that runs the cells, ``auto`` or ``local``.
        out: Folder of all runs.
    """

    seconds: dict[str, float]
    agents: list[str]
    seed: int = 0
    seeds: int = 1
    puzzles: int = 1000
    episodes: int = 500
    preset: str | None = None
    policy: str | None = None
    device: str = "cpu"
    threads: int = 1
    workers: int = 1
    timeout: float | None = None
    rerun: bool = False
    ray: str | None = None
    out: Path = Path("runs/compare")

    def check(self) -> None:
        """Refuse settings with which no cell can be run, before anything is trained.

        Raises:
            ValueError: if a number is not positive, there is no agent or one twice, or rliable is
                needed and not installed.
        """
        from hrm_gym.agents.catalog import AGENTS

        for option, names in (("agents", self.agents), ("env", list(self.seconds))):
            if len(set(names)) < len(names) or not names:
                got = " ".join(names) or "none"
                known = f"some of {', '.join(AGENTS)}, " if option == "agents" else ""
                raise ValueError(f"{option}: expected {known}each once, got {got}")
        numbers = [("seconds", value) for value in self.seconds.values()]
        for name in ("seeds", "workers", "episodes", "puzzles", "threads", "timeout"):
            numbers.append((name, getattr(self, name)))
        for option, value in numbers:
            if value is not None and not value > 0:
                raise ValueError(f"{option}: expected a positive number, got {value}")
        if self.seeds > 1:
            from .statistics import check_installed

            check_installed()

    def cells(self) -> list[AgentCell]:
        """Return the cells, seed by seed, so that an interrupted comparison has all agents."""
        from hrm_gym.agents.catalog import AGENTS

        return [
            AgentCell(
                env_id,
                agent,
                seed,
                puzzles=self.puzzles,
                episodes=self.episodes,
                preset=self.preset if AGENTS.get(agent) == "labels" else None,
                policy=self.policy if AGENTS.get(agent) == "reward" else None,
                seconds=seconds,
                device=self.device,
                threads=self.threads,
            )
            for seed in range(self.seed, self.seed + self.seeds)
            for env_id, seconds in self.seconds.items()
            for agent in self.agents
        ]

    def run(self, say: Say = show) -> list[AgentResult]:
        """Train and test every agent on every environment with every seed.

        Args:
            say: Called with a line for every cell that starts or ends.

        Returns:
            A result for every cell; that of a failed cell contains the reason.

        Raises:
            ValueError: if no cell can be run; see ``check``.
        """
        from hrm_gym.machine import cores

        self.check()
        cells = self.cells()
        reasons = {(cell.env, cell.agent): mistake(cell) for cell in cells}
        refused = {cell: reasons[cell.env, cell.agent] or self._taken(cell) for cell in cells}
        bad = {cell: why for cell, why in refused.items() if why is not None}
        if len(bad) == len(cells):
            raise ValueError(next(iter(bad.values())))
        for cell, reason in bad.items():
            say(f"{cell.name}: failed: {reason}")
        if self.ray is None and self.workers * self.threads > cores():
            say(
                f"workers: {self.workers} x {self.threads} threads on {cores()} cores; the cells "
                "slow each other down, and their results in the given time cannot be compared"
            )
        good = [cell for cell in cells if cell not in bad]
        found = iter(
            run_grid(good, self.out, self.workers, say, self.rerun, self.ray, self.timeout)
        )
        return [
            AgentResult(cell, failure=bad[cell]) if cell in bad else next(found) for cell in cells
        ]

    def _taken(self, cell: AgentCell) -> str | None:
        """Return why a cell cannot use its folder, ``None`` if it can."""
        from hrm_gym.tracking import check_free

        try:
            check_free(cell.folder(self.out), own=FILE)
        except ValueError as error:
            return str(error)
        return None


def mistake(cell: AgentCell) -> str | None:
    """Return why a cell cannot be run, ``None`` if it can."""
    try:
        check_cell(cell)
    except ValueError as error:
        return str(error)
    return None


def check_cell(cell: AgentCell) -> None:
    """Refuse a cell that cannot be run.

    Raises:
        ValueError: if the agent or environment is unknown, or the preset is for another one.
    """
    from hrm_gym.agents.baselines import POLICY_NAMES
    from hrm_gym.agents.catalog import AGENTS, learns
    from hrm_gym.evaluation import make_env
    from hrm_gym.registration import answer_id

    learns(cell.agent)
    if cell.policy not in (None, *POLICY_NAMES):
        raise ValueError(f"policy: expected one of {', '.join(POLICY_NAMES)}, got {cell.policy!r}")
    answer = answer_id(cell.env)
    if answer == cell.env:
        raise ValueError(f"env: expected a step environment, got {cell.env!r}")
    make_env(cell.env, split="test").close()
    # Other agents that learn from labels get the preset of hrm too.
    if AGENTS.get(cell.agent) == "labels":
        from hrm_gym.agents.hrm.presets import get_preset, preset_for

        trained = get_preset(cell.preset or preset_for(answer)).env
        if trained != answer:
            raise ValueError(
                f"preset: expected one for {answer}, but {cell.preset} trains on {trained}"
            )


def present(
    comparison: Comparison, folder: Path, title: str, command: str, json: Path | None = None
) -> tuple[int, str]:
    """Run a comparison, print its tables and write its report.

    Args:
        comparison: The comparison.
        folder: Folder of the report.
        title: Heading of the report.
        command: The command that makes the report.
        json: Result file to write as well.

    Returns:
        The exit status, which is 1 if a cell failed, and the report in Markdown.

    Raises:
        ValueError: if no cell can be run.
    """
    from rich.console import Console

    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    from .report import write_report
    from .tables import json_rows, rich_tables

    console = Console()
    begun = time.perf_counter()
    results = comparison.run()
    for table in rich_tables(results):
        console.print(table)
    text = write_report(results, folder, title, command)
    if json is not None:
        write_json(json, machine(), json_rows(results))
    show(
        f"Done in {time.perf_counter() - begun:.0f} s. The report is {folder}/report.html; "
        f"curves: tensorboard --logdir {comparison.out}"
    )
    return int(any(result.failure is not None for result in results)), text
