"""Watch agents think: segment by segment, one or two side by side, in a window or a recording."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the replay."""

    agent: list[str] = field(default_factory=lambda: ["sudoku-4x4"])
    """One agent or two: a bundled one, a folder of an HRM or a baseline, an exported .onnx file,
    oracle or random. An HRM shows its segments, the others their moves."""
    env: str | None = None
    """Environment; by default the one that the first agent was trained on."""
    index: int = 0
    """Which puzzle of the split, or of the trace file."""
    puzzle: str | None = None
    """A puzzle of your own, as text."""
    split: str = "test"
    """Split of the puzzle: train, val, test or ood."""
    data: str | None = None
    """Puzzles: a CSV file, a dataset folder, bank; by default the environment's own."""
    trace: Path | None = None
    """Replay this recorded trace file (.npz) instead; no model is needed."""
    past_halting: bool = False
    """Show all segments, not only those up to halting."""
    record: Path | None = None
    """Write a .gif or an .mp4 file instead of opening a window."""
    speed: float | None = None
    """Steps a second; by default 1.5, and more where there are so many that it would take long."""
    fps: float = 30.0
    """Frames a second of the window and of .mp4 files."""
    width: int | None = None
    """Pixels a board; 640 by default, more for ARC."""
    device: str = "cpu"
    """Where models run."""
    seed: int = 0
    """Seed of the random agent."""


def main(args: Args) -> None:
    """Let the agents do their work, then show it."""
    from hrm_gym.scripts.watching.player import Player, check_recording, record, show

    if not 1 <= len(args.agent) <= 2:
        raise ValueError(f"agent: expected one or two, got {len(args.agent)}")
    for option, value in (("speed", args.speed), ("fps", args.fps)):
        if value is not None and not 0 < value <= 240:
            raise ValueError(f"{option}: expected more than 0 and at most 240, got {value}")
    if args.width is not None and not 100 <= args.width <= 4000:
        raise ValueError(f"width: expected 100..4000 pixels a board, got {args.width}")
    if args.record is not None:
        check_recording(args.record)
    tracks = _tracks(args)
    name = "-".join(track.name.replace(" ", "-") for track in tracks)
    player = Player(tracks, args.speed, args.width, f"{name}-{args.index}")
    if args.record is not None:
        record(player, args.record, args.fps)
        print(f"{player.steps} steps written to {args.record}")
        return
    show(player, f"HRM Gym: {' and '.join(track.name for track in tracks)}", args.fps)
    for path in player.saved:
        print(f"saved {path}")


def _tracks(args: Args) -> list:  # type: ignore[type-arg]
    """Return what is to be shown."""
    from hrm_gym.agents.catalog import env_of, load_agent
    from hrm_gym.scripts.watching.tracks import Choice, step_id, watch_agent, watch_trace

    if args.trace is not None:
        for option in ("agent", "env", "puzzle", "data", "split"):
            if getattr(args, option) != getattr(Args(), option):
                raise ValueError(f"{option}: a trace says it itself; leave --{option} out")
        return [watch_trace(args.trace, args.index, args.past_halting)]
    wanted = args.env
    agents = []
    for name in args.agent:
        agent = load_agent(name, args.device, wanted and step_id(wanted), args.seed)
        wanted = wanted or env_of(agent)
        agents.append(agent)
    if args.past_halting and not any(hasattr(agent, "think") for agent in agents):
        raise ValueError(f"past-halting: {' and '.join(args.agent)} play and have no segments")
    if wanted is None:
        raise ValueError(f"env: the agent {args.agent[0]} needs --env")
    choice = Choice(wanted, args.split, args.data, args.index, args.puzzle)
    return [
        watch_agent(agent, choice, _title(name, agent), args.past_halting)
        for name, agent in zip(args.agent, agents, strict=True)
    ]


def _title(name: str, agent: object) -> str:
    """Return how an agent is called in a picture: kind and name, no folders."""
    kind = str(getattr(agent, "name", type(agent).__name__))
    short = Path(name).name
    return kind if short in (kind, "") or "/" in name else f"{kind} {short}"


if __name__ == "__main__":
    sys.exit(run(main, Args))
