"""One cell of a comparison: an agent, an environment and a seed; trained and tested in a process.

``python -m hrm_gym.scripts.comparing.cell FOLDER SETTINGS [PIPE]`` runs the cell that the JSON
``SETTINGS`` describes and writes ``cell.json`` beside its TensorBoard run. It ends early where the
pipe of that file descriptor does.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrm_gym.evaluation import Episode, Evaluation

FORMAT = 1
"""Of ``cell.json``; another one is never read."""
FILE = "cell.json"
SPLITS = ("test", "ood")
CURVE_EPISODES = 100
"""Puzzles of an evaluation on the way; the one at the end takes all ``episodes``."""
CURVE_POINTS = 6


@dataclass(frozen=True)
class Cell:
    """What is to be run.

    Attributes:
        env: Step environment that is played; hrm learns on its Answer counterpart.
        agent: A name of the catalog, or ``module:Class``.
        seed: Of everything.
        seconds: Training time.
        puzzles: Training puzzles.
        episodes: Held-out puzzles of every split.
        preset: Configuration of an agent that learns from labels; ``None`` is the smallest for the
            environment.
        device: Where networks run.
        threads: Torch threads.
    """

    env: str
    agent: str
    seed: int = 0
    seconds: float = 60.0
    puzzles: int = 1000
    episodes: int = 500
    preset: str | None = None
    device: str = "cpu"
    threads: int = 1

    @property
    def name(self) -> str:
        """Say which cell of the grid it is."""
        return f"{self.env}, {self.agent}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of its run."""
        from hrm_gym.tracking import run_folder

        return run_folder(out, self.env, self.agent.replace(":", "."), self.seed)


@dataclass(frozen=True)
class Point:
    """One evaluation on the way.

    Attributes:
        seconds: Training seconds.
        env_steps: Environment steps of training.
        puzzles: Training puzzles handed out.
        solve_rate: Share of test puzzles solved.
    """

    seconds: float
    env_steps: int
    puzzles: int
    solve_rate: float


@dataclass
class Result:
    """What became of a cell.

    Attributes:
        cell: What was run.
        failure: Why it failed, in one line; ``None`` where it did not.
        diverged: Whether training failed because numbers were no longer finite.
        signal: What the agent learns from.
        parameters: Trained numbers.
        env_steps: Environment steps of training.
        seconds: Training seconds.
        puzzles: Training puzzles handed out.
        overhead: Seconds beside training: set-up, evaluation on the way and at the end, logging.
        curve: Evaluations on the way, by training time.
        tested: The evaluation at the end, by split; empty where the cell failed.
        machine: Where it ran.
    """

    cell: Cell
    failure: str | None = None
    diverged: bool = False
    signal: str = ""
    parameters: int = 0
    env_steps: int = 0
    seconds: float = 0.0
    puzzles: int = 0
    overhead: float = 0.0
    curve: list[Point] = field(default_factory=list)
    tested: dict[str, Evaluation] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether the agent was trained here; one of one's own may have learned before."""
        return self.puzzles > 0

    def save(self, out: Path) -> None:
        """Write ``cell.json``."""
        from hrm_gym.files import write_text

        content = {"format": FORMAT, **dataclasses.asdict(self)}
        # Columns, since five hundred episodes by name would be ten times as long.
        for name, evaluation in self.tested.items():
            columns = {
                part.name: [getattr(episode, part.name) for episode in evaluation.episodes]
                for part in dataclasses.fields(Episode)
            }
            content["tested"][name]["episodes"] = columns
        write_text(self.cell.folder(out) / FILE, json.dumps(content) + "\n")


def load(cell: Cell, out: Path) -> Result | None:
    """Return the result that a run has left, ``None`` where there is none of these settings.

    Raises:
        ValueError: The file is damaged or of another format.
    """
    path = cell.folder(out) / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
        found = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ValueError(f"{path}: damaged; remove it, or choose another --out") from None
    if found != FORMAT:
        raise ValueError(
            f"{path}: expected format {FORMAT}, got {found}; remove it, or choose another --out"
        )
    try:
        if content["cell"] != dataclasses.asdict(cell):
            return None
        tested = {}
        for name, evaluation in content["tested"].items():
            columns = evaluation["episodes"]
            episodes = zip(*columns.values(), strict=True)
            evaluation["episodes"] = [
                Episode(**dict(zip(columns, values, strict=True))) for values in episodes
            ]
            tested[name] = Evaluation(**evaluation)
        curve = [Point(**point) for point in content["curve"]]
        return Result(**{**content, "cell": cell, "curve": curve, "tested": tested})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{path}: damaged; remove it, or choose another --out") from None


def run_cell(cell: Cell, out: Path) -> Result:
    """Train and test; a failure is a result too.

    Args:
        cell: What to run.
        out: Folder of the TensorBoard runs.
    """
    from hrm_gym.agents.base import Diverged
    from hrm_gym.machine import machine
    from hrm_gym.tracking import Tracker

    folder = cell.folder(out)
    result = Result(cell)
    try:
        import torch

        torch.set_num_threads(cell.threads)
        with Tracker(folder) as tracker:
            _take_part(result, tracker)
    except Exception as error:
        # One broken agent must not cost the hours of the others.
        reason = " ".join(str(error).split()) or type(error).__name__
        named = isinstance(error, ValueError)
        result.failure = reason if named else f"{type(error).__name__}: {reason}"
        result.diverged = isinstance(error, Diverged)
        result.tested = {}
    result.machine = machine()
    return result


def _take_part(result: Result, tracker: Any) -> None:
    """Train an agent where it learns, and test it; fills in ``result``."""
    from hrm_gym.agents.catalog import train_agent
    from hrm_gym.evaluation import evaluate

    cell = result.cell

    def on_progress(so_far: Any) -> None:
        few = evaluate(so_far.agent, cell.env, min(CURVE_EPISODES, cell.episodes))
        counts = so_far.seconds, so_far.env_steps, so_far.puzzles
        result.curve.append(Point(*counts, few.solve_rate))
        tracker.evaluation(few, so_far.env_steps, so_far.seconds)

    begun = time.perf_counter()
    trained = train_agent(
        cell.agent,
        cell.env,
        seed=cell.seed,
        seconds=cell.seconds,
        device=cell.device,
        limit=cell.puzzles,
        on_progress=on_progress,
        progress_evaluations=CURVE_POINTS,
        tracker=tracker,
        preset=cell.preset,
    )
    agent = trained.agent
    result.signal = str(getattr(agent, "signal", "none"))
    result.parameters = int(getattr(agent, "parameters", 0))
    result.env_steps, result.seconds = trained.env_steps, trained.seconds
    result.puzzles = trained.puzzles
    for split in SPLITS:
        result.tested[split] = evaluate(agent, cell.env, cell.episodes, split)
    test = result.tested["test"]
    counts = result.seconds, result.env_steps, result.puzzles
    result.curve.append(Point(*counts, test.solve_rate))
    tracker.evaluation(test, result.env_steps, result.seconds)
    strip = filmstrip(agent, cell.env)
    if strip is not None:
        tracker.image("eval/rollout", strip, result.env_steps, result.seconds)
    settings = {**dataclasses.asdict(cell), "signal": result.signal}
    settings["parameters"] = result.parameters
    metrics = {f"hparam/{k}_solve_rate": v.solve_rate for k, v in result.tested.items()}
    tracker.hparams(settings, metrics)
    result.overhead = time.perf_counter() - begun - trained.seconds


def filmstrip(agent: Any, env_id: str, pictures: int = 6) -> Any:
    """Return pictures of an agent at the first test puzzle, side by side, evenly spread.

    Returns:
        ``(height, width, 3)`` uint8; ``None`` where the environment draws nothing.
    """
    import numpy as np

    from hrm_gym.evaluation import make_env

    env = make_env(env_id, split="test", render_mode="rgb_array")
    obs, info = env.reset(seed=0, options={"index": 0})
    frames, over = [env.render()], False
    while not over:
        obs, _, terminated, truncated, info = env.step(agent.act(obs, info))
        frames.append(env.render())
        over = terminated or truncated
    env.close()
    chosen = np.linspace(0, len(frames) - 1, min(pictures, len(frames))).round().astype(int)
    shown: list[Any] = [frames[k] for k in chosen]
    return None if shown[0] is None else np.concatenate(shown, axis=1)


def end_with(pipe: int) -> None:
    """End this process group when the other end of a pipe is closed, as any end of a parent does.

    Args:
        pipe: File descriptor of the end that is read.
    """

    def wait() -> None:
        os.read(pipe, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Run the cell that the command line describes."""
    if len(sys.argv) > 3:
        end_with(int(sys.argv[3]))
    out, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    run_cell(Cell(**settings), out).save(out)


if __name__ == "__main__":
    main()
