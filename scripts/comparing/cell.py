"""A cell of the comparison: an agent, an environment and a seed."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hrm_gym.evaluation import Episode, Evaluation
from hrm_gym.scripts.experiments.cell import Cell, Result

if TYPE_CHECKING:
    from hrm_gym.agents.base import TrainResult
    from hrm_gym.tracking import Tracker

SPLITS = ("test", "ood")
CURVE_EPISODES = 100
"""Number of puzzles of an evaluation during training; the final one takes all ``episodes``."""
CURVE_POINTS = 6
"""Number of evaluations during training."""


@dataclass(frozen=True)
class Point:
    """One evaluation during training.

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
class AgentResult(Result):
    """The outcome of a cell.

    Attributes:
        signal: What the agent learns from.
        parameters: Number of trained numbers.
        env_steps: Environment steps of training.
        seconds: Training seconds.
        puzzles: Training puzzles handed out.
        overhead: Seconds of set-up, evaluations and logging, which are not training time.
        curve: Evaluations during training, by training time.
        tested: The final evaluation by split; empty if the cell failed.
    """

    signal: str = ""
    parameters: int = 0
    env_steps: int = 0
    seconds: float = 0.0
    puzzles: int = 0
    overhead: float = 0.0
    curve: list[Point] = field(default_factory=list)
    tested: dict[str, Evaluation] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether the agent was trained here; a custom agent may have been trained before."""
        return self.puzzles > 0

    @property
    def summary(self) -> str:
        """Share of test puzzles solved, and the training time."""
        if self.failure is not None:
            return super().summary
        trained = f" after {self.seconds:.0f} s" if self.learned else ""
        return f"{self.tested['test'].solve_rate:.1%} solved{trained}"

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values, the episodes as columns."""
        content = super().to_json()
        # Five hundred episodes with the names of their fields would take ten times the space.
        for name, evaluation in self.tested.items():
            content["tested"][name]["episodes"] = {
                part.name: [getattr(episode, part.name) for episode in evaluation.episodes]
                for part in dataclasses.fields(Episode)
            }
        return content

    @classmethod
    def from_json(cls, cell: Cell, content: dict[str, Any]) -> AgentResult:
        """Return the result that ``to_json`` converted."""
        tested = {}
        for name, evaluation in content["tested"].items():
            columns = evaluation["episodes"]
            episodes = zip(*columns.values(), strict=True)
            evaluation["episodes"] = [
                Episode(**dict(zip(columns, values, strict=True))) for values in episodes
            ]
            tested[name] = Evaluation(**evaluation)
        curve = [Point(**point) for point in content["curve"]]
        return cls(**{**content, "cell": cell, "curve": curve, "tested": tested})


@dataclass(frozen=True)
class AgentCell(Cell):
    """An agent that is trained and tested.

    Attributes:
        env: The step environment of the test; hrm learns in its Answer environment.
        agent: A name of the catalog, or ``module:Class``.
        seed: Seed of everything random.
        puzzles: Number of training puzzles.
        episodes: Number of held-out puzzles of every split.
        preset: Configuration of an agent that learns from labels; ``None`` is the smallest for the
            environment.
        policy: Network of an agent that learns from reward; ``None`` is that of its
            hyperparameters.
    """

    seconds: float = field(default=60.0, kw_only=True)
    env: str
    agent: str
    seed: int = 0
    puzzles: int = 1000
    episodes: int = 500
    preset: str | None = None
    policy: str | None = None

    result_type: ClassVar = AgentResult

    @property
    def name(self) -> str:
        """Environment, agent and seed."""
        return f"{self.env}, {self.agent}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of its TensorBoard run, which holds its other files too."""
        from hrm_gym.tracking import run_folder

        return run_folder(out, self.env, self.agent.replace(":", "."), self.seed)

    def run(self, folder: Path) -> AgentResult:
        """Train the agent if it learns, test it, and write its TensorBoard run."""
        from hrm_gym.tracking import Tracker

        begun = time.perf_counter()
        with Tracker(folder) as tracker:
            result, agent = self._train(tracker)
            self._test(result, agent, tracker)
            result.overhead = time.perf_counter() - begun - result.seconds
        return result

    def _train(self, tracker: Tracker) -> tuple[AgentResult, Any]:
        """Train the agent; return the result so far and the agent."""
        from hrm_gym.agents.catalog import train_agent
        from hrm_gym.evaluation import evaluate

        curve = []

        def on_progress(so_far: TrainResult[Any]) -> None:
            few = evaluate(so_far.agent, self.env, min(CURVE_EPISODES, self.episodes))
            counts = so_far.seconds, so_far.env_steps, so_far.puzzles
            curve.append(Point(*counts, few.solve_rate))
            tracker.evaluation(few, so_far.env_steps, so_far.seconds)

        trained = train_agent(
            self.agent,
            self.env,
            seed=self.seed,
            seconds=self.seconds,
            device=self.device,
            limit=self.puzzles,
            on_progress=on_progress,
            progress_evaluations=CURVE_POINTS,
            tracker=tracker,
            preset=self.preset,
            policy=self.policy,
        )
        agent = trained.agent
        result = AgentResult(
            self,
            signal=str(getattr(agent, "signal", "none")),
            parameters=int(getattr(agent, "parameters", 0)),
            env_steps=trained.env_steps,
            seconds=trained.seconds,
            puzzles=trained.puzzles,
            curve=curve,
        )
        return result, agent

    def _test(self, result: AgentResult, agent: Any, tracker: Tracker) -> None:
        """Test the agent on every split; add the evaluations to the result and to the run."""
        from hrm_gym.evaluation import evaluate

        for split in SPLITS:
            result.tested[split] = evaluate(agent, self.env, self.episodes, split)
        test = result.tested["test"]
        counts = result.seconds, result.env_steps, result.puzzles
        result.curve.append(Point(*counts, test.solve_rate))
        tracker.evaluation(test, result.env_steps, result.seconds)
        strip = filmstrip(agent, self.env)
        if strip is not None:
            tracker.image("eval/rollout", strip, result.env_steps, result.seconds)
        settings = {**dataclasses.asdict(self), "signal": result.signal}
        settings["parameters"] = result.parameters
        metrics = {f"hparam/{k}_solve_rate": v.solve_rate for k, v in result.tested.items()}
        tracker.hparams(settings, metrics)


def filmstrip(agent: Any, env_id: str, pictures: int = 6) -> Any:
    """Return pictures of an episode on the first test puzzle, side by side and evenly spread.

    Returns:
        ``(height, width, 3)`` uint8; ``None`` if the environment renders nothing.
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
