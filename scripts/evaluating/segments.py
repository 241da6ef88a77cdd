"""What an agent that thinks in segments gains from thinking longer and from voting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from hrm_gym.agents.hrm.inference.acting import ActingAgent
from hrm_gym.agents.hrm.inference.compute import Compute, measure_compute, measure_restarts
from hrm_gym.agents.hrm.inference.depth import measure_depth
from hrm_gym.agents.hrm.inference.restarts import Restarts
from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
from hrm_gym.agents.hrm.inference.voting.symmetries import distinct_symmetries
from hrm_gym.puzzles import get_task
from hrm_gym.registration import TABLE
from hrm_gym.scripts.reporting import depth as report
from hrm_gym.scripts.reporting.calibration import calibration_rows, calibration_table

if TYPE_CHECKING:
    from hrm_gym.data import PuzzleSet
    from hrm_gym.scripts.evaluate import Args

FIGURE = "segments.png"


def has_segments(args: Args, agent: Any, env_id: str) -> bool:
    """Return whether the agent thinks in segments in the environment.

    Raises:
        ValueError: if the arguments need an agent that does and it does not, or if they ask for
            more votes than the task has symmetries.
    """
    if args.restarts is not None and not isinstance(agent, ActingAgent):
        raise ValueError(f"restarts: expected an agent that thinks, got {args.agent}")
    thinks = isinstance(agent, ReasoningAgent) and "Answer" in env_id
    if not thinks and (args.segments or args.votes is not None or args.out is not None):
        raise ValueError(
            "segments, votes and out: expected an HRM agent in an Answer environment, "
            f"got {args.agent} in {env_id}"
        )
    if thinks and args.votes is not None:
        # A custom task has no id of its own.
        tasks = {row.id: row.task for row in TABLE if row.task is not None}
        distinct_symmetries(get_task(tasks.get(env_id, agent.task.id)), args.votes)
    return thinks


def report_segments(args: Args, agent: ReasoningAgent, puzzles: PuzzleSet) -> list[dict[str, Any]]:
    """Measure, print and draw accuracy against segments and votes.

    Args:
        args: Arguments of the evaluate script.
        agent: The agent.
        puzzles: The puzzles that it is evaluated on.

    Returns:
        Rows of a result file.
    """
    console = Console()
    depth = measure_depth(agent, puzzles)
    for table in report.depth_tables(depth):
        console.print(table)
    console.print(report.depth_sentence(depth), highlight=False)
    console.print(calibration_table(depth.calibration))
    rows = report.depth_rows(depth) + calibration_rows(depth.calibration)
    computes: list[Compute] = []
    if args.segments or args.votes is not None:
        limits = sorted({agent.max_segments, *args.segments})
        computes = measure_compute(agent, puzzles, limits, args.votes or 1, args.vote_by)
        console.print(report.compute_table(computes, args.vote_by))
        rows += report.compute_rows(computes)
    if args.restarts is not None:
        restarts = Restarts(args.restarts, args.start_noise, args.carry_noise)
        last = max(args.segments, default=None)
        restarted = measure_restarts(agent, puzzles, restarts, last)
        console.print(report.restart_table(restarted))
        rows += report.restart_rows(restarted)
    if args.out is not None:
        from hrm_gym.scripts.reporting.plots import save_png

        save_png(report.depth_figure(depth, computes), args.out / FIGURE)
        print(f"{args.out / FIGURE} written")
    return rows
