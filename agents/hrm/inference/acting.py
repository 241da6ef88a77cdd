"""Acting in environments on the answers of an agent that thinks.

An agent answers a puzzle once and remembers the answer while it acts on it step by step. This
module does not load torch.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from hrm_gym.puzzles import Task, Tokens, get_task

from .restarts import Restarts, solve_with_restarts
from .thinking import ReasoningAgent, shrink

REMEMBERED = 4096
"""Number of puzzles whose answers an agent remembers while it acts on them step by step."""


class Asked(NamedTuple):
    """Everything that the answer of an agent depends on, except its weights.

    Attributes:
        question: The tokens of the puzzle, uint8.
        puzzle_id: Row of the puzzle embedding.
        restarts: The restarts of the agent; ``None``: it thinks once.
        segments: The last segment.
    """

    question: bytes
    puzzle_id: int
    restarts: Restarts | None
    segments: int


class ActingAgent(ReasoningAgent):
    """A reasoning agent that acts in step and Answer environments.

    Args:
        task: See ``ReasoningAgent``.
        max_segments: See ``ReasoningAgent``.
        steady: See ``ReasoningAgent``.

    Attributes:
        restarts: With these, the agent thinks again about the puzzle of a step environment while
            the rules of the task refuse its answer; ``None``: it thinks once.
    """

    restarts: Restarts | None = None

    def __init__(self, task: Task, max_segments: int, steady: bool = False) -> None:
        super().__init__(task, max_segments, steady)
        self._memory: OrderedDict[Asked, list[Tokens]] = OrderedDict()

    def act(self, obs: dict[str, Any], info: dict[str, Any]) -> Any:
        """Return an action for any step or Answer environment of the task."""
        return self.act_batch([obs], [info])[0]

    def act_batch(
        self, observations: list[dict[str, Any]], infos: list[dict[str, Any]]
    ) -> list[Any]:
        """Return one action for each environment; all new puzzles are answered in one batch.

        In an Answer environment each action is the answer of one segment. The last action halts,
        also if the environment allows more segments than the agent. In a step environment the
        puzzle is answered once, and ``Task.next_action`` turns the answer into actions.
        """
        asked = []
        for obs in observations:
            question = self.task_for(np.size(obs["tokens"])).question(obs)
            # Segments of several attempts are no episode of an Answer environment.
            restarts = None if "answer" in obs else self.restarts
            row = int(obs.get("puzzle_id", 0))
            asked.append(Asked(question.tobytes(), row, restarts, self.max_segments))
        new: dict[tuple[int, Restarts | None], list[Asked]] = {}
        for one in dict.fromkeys(asked):
            if one in self._memory:
                self._memory.move_to_end(one)
            else:
                # A batch has puzzles of one size.
                new.setdefault((len(one.question), one.restarts), []).append(one)
        for batch in new.values():
            self._memory.update(zip(batch, self._answers(batch), strict=True))
        # The most recent ones and all of this batch stay.
        while len(self._memory) > max(REMEMBERED, len(set(asked))):
            self._memory.popitem(last=False)
        actions = []
        for one, obs, info in zip(asked, observations, infos, strict=True):
            answers = self._memory[one]
            if "answer" in obs:
                last = len(answers) - 1
                segment = min(info.get("segment", 0), last)
                actions.append(np.append(answers[segment].astype(np.int64), int(segment == last)))
            else:
                # The environment may be a variant of the task that has other actions.
                task = get_task(info["task"]) if "task" in info else self.task
                actions.append(task.next_action(answers[-1], obs, info))
        return actions

    def _answers(self, batch: list[Asked]) -> list[list[Tokens]]:
        """Return the answers of all segments until halting; with restarts only the best answer."""
        questions = np.stack([np.frombuffer(one.question, np.uint8) for one in batch])
        tokens, puzzle_ids = self._batch(questions, [one.puzzle_id for one in batch])
        restarts = batch[0].restarts
        if restarts is not None:
            *_, best = solve_with_restarts(self, tokens, restarts, puzzle_ids)
            return [[answer] for answer in best.solution.answer]
        answers: list[list[Tokens]] = [[] for _ in batch]
        going = np.arange(len(batch))
        for segment, rows in self._thoughts(tokens, puzzle_ids, self.max_segments):
            for row, answer in zip(going, segment.answer, strict=True):
                answers[row].append(answer)
            going = shrink(going, segment, rows)
        return answers
