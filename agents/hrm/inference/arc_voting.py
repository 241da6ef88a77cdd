"""ARC as the published evaluation counts it: answers under all augmentations of a task vote.

A dataset folder holds every test input under a thousand augmentations, each with a puzzle
embedding of its own that the augmented demonstrations have trained. Each answer is cut out of its
canvas and turned back; answers rank by how often they were given, then by the mean of
sigmoid(q_halt). pass@k: the right grid is among the first k.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles.arc import Grid, read_grid, to_grid
from hrm_gym.puzzles.arc.augment import Augmentation, parse_name

from ..agent import HRMAgent

KS = (1, 2, 5, 10, 100, 1000)
Key = tuple[tuple[int, ...], bytes]


def key_of(grid: Grid) -> Key:
    """Return what is equal for equal grids."""
    return grid.shape, grid.tobytes()


@dataclass
class Candidate:
    """One answer to one test input: how often it was given, and how sure the model was."""

    grid: Grid
    votes: int = 0
    confidence: float = 0.0
    """Sum of sigmoid(q_halt)."""


@dataclass
class ArcTest:
    """One test input of one task and the answers that were given to it.

    Attributes:
        task: The task's name.
        label: The right output.
        candidates: Different answers; only these are kept, so memory does not grow with votes.
    """

    task: str
    label: Grid
    candidates: dict[Key, Candidate] = field(default_factory=dict)

    def add(self, grid: Grid, confidence: float) -> None:
        """Count a vote."""
        candidate = self.candidates.setdefault(key_of(grid), Candidate(grid))
        candidate.votes += 1
        candidate.confidence += confidence

    def ranked(self) -> list[Candidate]:
        """Return the answers, best first."""
        return sorted(
            self.candidates.values(),
            key=lambda c: (c.votes, c.confidence / c.votes),
            reverse=True,
        )

    def passed(self, k: int) -> bool:
        """Say whether the right output is among the first ``k``."""
        wanted = key_of(self.label)
        return any(key_of(candidate.grid) == wanted for candidate in self.ranked()[:k])


@dataclass(frozen=True)
class ArcScore:
    """What a number of votes is worth.

    Attributes:
        votes: Augmentations of each test input that voted, at most.
        pass_at: k -> mean over tasks of the share of their test inputs that passed.
        tests: k -> test inputs that passed.
        segments: Spent in all.
        seconds: Spent in all.
    """

    votes: int
    pass_at: dict[int, float]
    tests: dict[int, int]
    segments: int
    seconds: float


@dataclass(frozen=True)
class ArcResult:
    """An evaluation: the scores by votes, the last with all of them, and the tests themselves."""

    scores: list[ArcScore]
    tests: list[ArcTest]

    def submission(self) -> dict[str, list[dict[str, Any]]]:
        """Return two attempts a test input, in the form of the ARC Prize's submissions."""
        found: dict[str, list[dict[str, Any]]] = {}
        for test in self.tests:
            grids = [candidate.grid.tolist() for candidate in test.ranked()[:2]]
            grids = (grids or [[[0]]]) * 2
            attempts = {"attempt_1": grids[0], "attempt_2": grids[1]}
            found.setdefault(test.task, []).append(attempts)
        return found


def read_names(folder: Path, count: int) -> list[str]:
    """Return what each puzzle identifier of a dataset folder is.

    Raises:
        ValueError: ``identifiers.json`` is missing, damaged or of another length.
    """
    path = folder / "identifiers.json"
    try:
        names = json.loads(path.read_text())
    except (OSError, ValueError):
        raise ValueError(f"{path}: expected the names of the puzzle identifiers, as JSON") from None
    if not isinstance(names, list) or len(names) != count:
        raise ValueError(f"{path}: expected {count} names, as dataset.json says")
    return [str(name) for name in names]


def read_labels(folder: Path) -> dict[str, list[tuple[Grid, Grid]]] | None:
    """Return the tests of ``test_puzzles.json``, ``None`` where the folder has no such file."""
    path = folder / "test_puzzles.json"
    if not path.is_file():
        return None
    try:
        return {
            name: [(read_grid(pair["input"]), read_grid(pair["output"])) for pair in task["test"]]
            for name, task in json.loads(path.read_text()).items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: expected ARC tasks by name: {error}") from None


def evaluate_arc(
    agent: HRMAgent,
    folder: str | Path,
    votes: int | None = None,
    segments: int | None = None,
    batch: int = 64,
    steps: Sequence[int] = (1, 10, 100),
    on_batch: Callable[[int, int], None] | None = None,
) -> ArcResult:
    """Answer every augmented test input of a dataset folder, and let the answers vote.

    Args:
        agent: Trained on the folder's ``train/``.
        folder: See ``hrm_gym.puzzles.arc.writer``; folders of the public code are read too.
        votes: Augmentations of each test input at most, the task as it is first; default all.
        segments: The last segment; default the agent's.
        batch: Test inputs thought about at once.
        steps: Numbers of votes to report beside all of them.
        on_batch: Called with the inputs done and all there are.

    Raises:
        ValueError: The folder is damaged, or the agent was trained on another one.
    """
    path = Path(folder)
    puzzles = load_puzzles(agent.task, str(path), "test")
    names = [parse_name(name) for name in read_names(path, puzzles.num_puzzle_ids)]
    if agent.model.config.num_puzzles != puzzles.num_puzzle_ids:
        raise ValueError(
            f"{path}: it has {puzzles.num_puzzle_ids} puzzle identifiers, the agent was trained on "
            f"{agent.model.config.num_puzzles}; expected the folder that it was trained on"
        )
    # The rows by vote: how many augmentations of the same test input came before.
    tests: dict[tuple[str, Key], ArcTest] = {}
    asked: list[tuple[ArcTest, Augmentation]] = []
    turns = np.zeros(len(puzzles), np.int64)
    seen: dict[tuple[str, Key], int] = {}
    labels = read_labels(path)
    for task, pairs in (labels or {}).items():
        for question, answer in pairs:
            tests[task, key_of(question)] = ArcTest(task, answer)
    for row in range(len(puzzles)):
        task, augmentation = names[puzzles.puzzle_ids[row]]
        known = task, key_of(augmentation.undo(to_grid(puzzles.inputs[row])))
        if known not in tests:
            if labels is not None:
                raise ValueError(f"{path}: a test input of {task} is not in test_puzzles.json")
            tests[known] = ArcTest(task, augmentation.undo(to_grid(puzzles.labels[row])))
        asked.append((tests[known], augmentation))
        turns[row] = seen.get(known, 0)
        seen[known] = turns[row] + 1
    most = int(turns.max()) + 1
    most = most if votes is None else min(votes, most)
    stops = sorted({step for step in steps if step < most} | {most})
    scores: list[ArcScore] = []
    spent, seconds, done, first = 0, 0.0, 0, 0
    total = int((turns < most).sum())
    for stop in stops:
        rows = np.flatnonzero((turns >= first) & (turns < stop))
        first = stop
        for start in range(0, len(rows), batch):
            chunk = rows[start : start + batch]
            begun = time.perf_counter()
            solution = agent.solve(
                puzzles.inputs[chunk], puzzles.puzzle_ids[chunk], segments=segments
            )
            seconds += time.perf_counter() - begun
            spent += int(solution.segments.sum())
            for row, answer, sure in zip(
                chunk, solution.answer, solution.confidence.tolist(), strict=True
            ):
                test, augmentation = asked[row]
                test.add(augmentation.undo(to_grid(answer)), sure)
            done += len(chunk)
            if on_batch is not None:
                on_batch(done, total)
        scores.append(_score(list(tests.values()), stop, spent, seconds))
    return ArcResult(scores, list(tests.values()))


def _score(tests: list[ArcTest], votes: int, spent: int, seconds: float) -> ArcScore:
    by_task: dict[str, list[ArcTest]] = {}
    for test in tests:
        by_task.setdefault(test.task, []).append(test)
    passed = {k: {id(test): test.passed(k) for test in tests} for k in KS}
    shares = {
        k: float(np.mean([np.mean([passed[k][id(t)] for t in own]) for own in by_task.values()]))
        for k in KS
    }
    return ArcScore(votes, shares, {k: sum(passed[k].values()) for k in KS}, spent, seconds)
