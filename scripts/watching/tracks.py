"""Tracks of agents on one puzzle, and of traces that were recorded earlier."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from hrm_gym.agents.catalog import check_task
from hrm_gym.data.readers import read_questions
from hrm_gym.data.traces import read_traces
from hrm_gym.evaluation import make_env
from hrm_gym.puzzles import get_task
from hrm_gym.registration import answer_id, step_id, task_id
from hrm_gym.rendering.replay import Track
from hrm_gym.rendering.tracks import playing_track, thinking_track

MOVES = 2000
"""Largest number of moves that are shown; an agent that needs more walks in circles."""


@dataclass(frozen=True)
class Choice:
    """The puzzle to watch.

    Attributes:
        env: A step or an Answer environment.
        split: Split of the puzzle.
        data: Where puzzles come from; ``None`` means the default of the environment.
        index: Number of the puzzle.
        puzzle: A puzzle as text, or a file that contains one, instead of a number. It determines
            the size, unless ``task`` is given.
        task: Task of ``HRMAnswer-v0``, which has none of its own.
    """

    env: str
    split: str = "test"
    data: str | None = None
    index: int = 0
    puzzle: str | None = None
    task: str | None = None

    def begin(self, env_id: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Return the environment at the puzzle, the observation and the info.

        Raises:
            ValueError: if there is no such environment or puzzle.
        """
        given = {"source": self.data, "task": self.task}
        kwargs = {name: value for name, value in given.items() if value is not None}
        with tempfile.TemporaryDirectory() as folder:
            options: dict[str, Any] = {"index": self.index}
            if self.puzzle is not None:
                more, options = self._select(env_id, self.puzzle, Path(folder))
                kwargs |= more
            env = make_env(env_id, split=self.split, **kwargs)
            obs, info = env.reset(seed=self.index, options=options)
        return env, obs, info

    def _select(
        self, env_id: str, puzzle: str, folder: Path
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments of the environment and the options of ``reset`` for a puzzle.

        Args:
            env_id: The environment, of any size of the puzzle's family.
            puzzle: The puzzle as text, or a file.
            folder: Folder for a file that holds the puzzle if no id has its size.

        Raises:
            ValueError: if this is not one puzzle of the family.
        """
        own = None if self.task is not None else get_task(task_id(env_id))
        if own is None or not own.has_solver:
            return {}, {"puzzle": puzzle}
        reading = read_questions(own.family, puzzle, strict=True)
        if len(reading.questions) > 1:
            raise ValueError(f"puzzle: expected one puzzle, got {len(reading.questions)}")
        inputs, task = reading.questions[0].inputs, reading.task
        if task.id == own.base_id:
            return {}, {"puzzle": inputs}
        # The environment gets the puzzle as its source, since the bank may lack the size.
        path = folder / "puzzle.json"
        path.write_text(json.dumps([task.format(inputs)]), encoding="utf-8")
        sized = "size" in gym.spec(env_id).kwargs
        size = {"size": task.size} if sized else {"task": task.id}
        return {"source": str(path), **size}, {"index": 0}


def watch_agent(agent: Any, choice: Choice, name: str, past_halting: bool = False) -> Track:
    """Return the segments of an agent on a puzzle, or the moves of an agent without segments.

    Args:
        agent: The agent, which has ``think`` or ``act``.
        choice: The puzzle.
        name: Title of the track.
        past_halting: Show all segments, not only those up to halting.

    Raises:
        ValueError: if the puzzle or the environment does not fit the agent.
    """
    if hasattr(agent, "think"):
        return _thinking(agent, choice, name, past_halting)
    return _playing(agent, choice, name)


def _thinking(agent: Any, choice: Choice, name: str, past_halting: bool) -> Track:
    env, obs, _ = choice.begin(answer_id(choice.env))
    task = env.unwrapped.task
    check_task(name, agent, task.spec, choice.env if choice.puzzle is None else "the puzzle")
    labels, demos = env.unwrapped.solve(), getattr(env.unwrapped.puzzle, "demos", ())
    env.close()
    segments = list(agent.think(obs["tokens"], [int(obs["puzzle_id"])], halt=not past_halting))
    last = segments[-1].q_continue
    return thinking_track(
        name,
        task,
        obs["tokens"],
        np.stack([segment.answer[0] for segment in segments]),
        np.stack([segment.confidence[0] for segment in segments]),
        np.array([segment.q_halt[0] for segment in segments]),
        None if last is None else np.array([segment.q_continue[0] for segment in segments]),
        np.array([segment.halt[0] for segment in segments]),
        labels,
        demos,
        agent.max_segments,
    )


def _playing(agent: Any, choice: Choice, name: str) -> Track:
    env_id = step_id(choice.env)
    env, obs, info = choice.begin(env_id)
    limit = env.unwrapped.max_steps or 0
    observations, scenes = [obs], [env.unwrapped.scene()]
    solved: bool | None = None
    for _ in range(min(limit, MOVES) or MOVES):
        try:
            action = agent.act(obs, info)
        except (KeyError, ValueError, IndexError) as error:
            raise ValueError(f"agent: {name} cannot play {env_id}: {error}") from error
        obs, _, terminated, truncated, info = env.step(action)
        observations.append(obs)
        scenes.append(env.unwrapped.scene())
        if terminated or truncated:
            solved = bool(info.get("is_success", False))
            break
    task = env.unwrapped.task
    env.close()
    return playing_track(name, task, scenes, observations, solved, limit)


def watch_trace(path: Path, index: int, past_halting: bool = False) -> Track:
    """Return the track of one puzzle of a trace file; no model is needed.

    Raises:
        ValueError: if the file is not a trace file, or has no such puzzle.
    """
    traces = read_traces(path)
    if not 0 <= index < len(traces):
        raise ValueError(f"index: {path} has puzzles 0..{len(traces) - 1}, got {index}")
    q_continue, halts = traces.q_continue[index], traces.halts[index]
    count = traces.segments if past_halting or not halts.any() else int(halts.argmax()) + 1
    return thinking_track(
        traces.agent,
        get_task(traces.task),
        traces.inputs[index],
        traces.answers[index, :count],
        traces.confidence[index, :count] / np.float32(255),
        traces.q_halt[index, :count],
        # Traces of a model without q_continue contain zeros.
        q_continue[:count] if q_continue.any() else None,
        halts[:count],
        traces.labels[index],
        limit=traces.segments,
    )
