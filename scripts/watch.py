"""Watch one or two agents solve a puzzle step by step, in a window or as a recording."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hrm_gym.registration import DEFAULT_AGENT
from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from hrm_gym.rendering.replay import Track


@dataclass
class Args:
    """Arguments of the replay."""

    agents: list[str] = field(default_factory=lambda: [DEFAULT_AGENT])
    """One or two agents: a pretrained one, the folder of a trained one, an exported .onnx file,
    random, oracle or depth-first. The segments of an HRM are shown, and the moves of the others."""
    env: str | None = None
    """Environment; by default the one that the first agent was trained on."""
    task: str | None = None
    """Custom task that the agents were trained on: module:Class."""
    index: int = 0
    """Number of the puzzle in the split or in the trace file."""
    puzzle: str | None = None
    """A puzzle as text, or a file that contains one, instead of a number; of any size that the
    agents solve."""
    data: str | None = None
    """Puzzles: a CSV file, a dataset folder, bank, generator:N; by default those of the
    environment."""
    split: str = "test"
    """Split of the puzzles: train, val, test or ood."""
    trace: Path | None = None
    """Replay this trace file (.npz) of the evaluate script; no model is needed."""
    past_halting: bool = False
    """Show all segments, also those after halting."""
    record: Path | None = None
    """Write a .gif or .mp4 file instead of opening a window."""
    speed: float | None = None
    """Steps per second; by default 1.5, or more if the replay would take more than 30 s."""
    fps: float = 30.0
    """Frames per second of the window and of .mp4 files."""
    width: int | None = None
    """Width of a board in pixels."""
    device: str = "cpu"
    """Device of the models: cpu, cuda, cuda:1."""
    seed: int = 0
    """Seed of the random agent."""


def main(args: Args) -> None:
    """Let the agents solve the puzzle, then show what they did."""
    from hrm_gym.scripts.watching.recording import check_recording, record
    from hrm_gym.scripts.watching.window import ReplayWindow

    check_ranges(args)
    if args.record is not None:
        check_recording(args.record)
    tracks = make_tracks(args)
    name = "-".join(track.name.replace(" ", "-") for track in tracks)
    replay = ReplayWindow(tracks, args.speed, args.width, f"{name}-{args.index}")
    if args.record is not None:
        record(replay, args.record, args.fps)
        print(f"{replay.steps} steps written to {args.record}")
        return
    replay.show(f"HRM Gym: {' and '.join(track.name for track in tracks)}", args.fps)
    for path in replay.saved:
        print(f"saved {path}")


def check_ranges(args: Args) -> None:
    """Check the number of agents, the speed, the frame rate and the width.

    Raises:
        ValueError: if one is out of range.
    """
    if not 1 <= len(args.agents) <= 2:
        raise ValueError(f"agents: expected one or two, got {len(args.agents)}")
    for option, value in (("speed", args.speed), ("fps", args.fps)):
        if value is not None and not 0 < value <= 240:
            raise ValueError(f"{option}: expected more than 0 and at most 240, got {value}")
    if args.width is not None and not 100 <= args.width <= 4000:
        raise ValueError(f"width: expected 100..4000 pixels a board, got {args.width}")


def make_tracks(args: Args) -> list[Track]:
    """Return the tracks to show.

    Raises:
        ValueError: if an agent or the puzzle does not exist, or the arguments do not fit them.
    """
    from hrm_gym.agents.catalog import env_of, load_agent
    from hrm_gym.registration import step_id
    from hrm_gym.scripts.watching.tracks import Choice, watch_agent, watch_trace

    if args.trace is not None:
        for option in ("agents", "env", "task", "puzzle", "data", "split"):
            if getattr(args, option) != getattr(Args(), option):
                raise ValueError(f"{option}: expected no --{option}, since the trace contains it")
        return [watch_trace(args.trace, args.index, args.past_halting)]
    env_id = args.env
    agents = []
    for name in args.agents:
        agent = load_agent(name, args.device, env_id and step_id(env_id), args.seed, args.task)
        env_id = env_id or env_of(agent)
        agents.append(agent)
    if args.past_halting and not any(hasattr(agent, "think") for agent in agents):
        raise ValueError(f"past-halting: {' and '.join(args.agents)} play and have no segments")
    if env_id is None:
        raise ValueError(f"env: the agent {args.agents[0]} needs --env")
    choice = Choice(env_id, args.split, args.data, args.index, args.puzzle, args.task)
    return [
        watch_agent(agent, choice, title(name, agent), args.past_halting)
        for name, agent in zip(args.agents, agents, strict=True)
    ]


def title(name: str, agent: object) -> str:
    """Return the title of an agent's track: its kind and name, without folders."""
    kind = str(getattr(agent, "name", type(agent).__name__))
    short = Path(name).name
    return kind if short in (kind, "") or "/" in name else f"{kind} {short}"


if __name__ == "__main__":
    sys.exit(run(main, Args))
